"""Labels as sums and ratios of the amplitudes of a basis."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.measured.tables.names import parts_of, split_ratio

TINY = 1e-6
"""Added to what is divided by, mM."""


class LabelColumns:
    """Which amplitudes each label is about.

    Args:
      labels: names, such as `NAA`, `tNAA` or `tNAA_over_tCr`.
      metabolites: names of the columns of the basis.

    Raises:
      ValueError: if the basis lacks a part of a label, or two labels are about the same column.

    Example:

    >>> columns = LabelColumns(["tNAA_over_tCr"], ["NAA", "NAAG", "Cr", "PCr"])
    >>> columns.labels_of(np.array([[9.0, 1.0, 4.0, 4.0]]))
    array([[1.25]])
    """

    def __init__(self, labels: Sequence[str], metabolites: Sequence[str]):
        shape = (len(labels), len(metabolites))
        self.above, self.below = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        self.is_ratio = np.zeros(len(labels), bool)
        for row, label in enumerate(labels):
            numerator, denominator = split_ratio(label)
            self.above[row, _columns(numerator, label, metabolites)] = 1
            if denominator is not None:
                self.below[row, _columns(denominator, label, metabolites)] = 1
                self.is_ratio[row] = True
        ratios_of = [self.is_ratio & row.astype(bool) for row in (self.below.T > 0)]
        for column, name in enumerate(metabolites):
            setting = self.above[:, column] > 0
            # A sum may be below a ratio, which is set after it.
            unsettled = ratios_of[column] if (setting & self.is_ratio).any() else np.zeros_like(setting)
            if setting.sum() + unsettled.sum() > 1:
                names = ", ".join(np.array(labels)[setting | unsettled])
                raise ValueError(
                    f"Two labels must not set the same amplitude. Received: {names}, which are all about {name}. Leave "
                    "out one of them (`label_names` of the dataset)."
                )

    def labels_of(self, amplitudes: Any) -> Any:
        """Returns the labels, (batch, labels), of amplitudes, (batch, metabolites); arrays or tensors."""
        return (amplitudes @ self.above.T) / (
            amplitudes @ self.below.T + np.where(self.is_ratio, TINY, 1.0).astype(np.float32)
        )

    def scaled_to(self, amplitudes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns amplitudes of which those that a label is about are scaled to the label, (batch, metabolites)."""
        # Sums first: they may be below a ratio.
        for ratios in (False, True):
            rows = np.flatnonzero(self.is_ratio == ratios)
            if not len(rows):
                continue
            wanted = tf.gather(labels, rows, axis=1)
            if ratios:
                wanted *= amplitudes @ self.below[rows].T
            factor = wanted / (amplitudes @ self.above[rows].T + TINY)
            touched = self.above[rows].any(axis=0)
            amplitudes *= tf.where(touched, factor @ self.above[rows], tf.ones_like(amplitudes))
        return amplitudes


def _columns(name: str, label: str, metabolites: Sequence[str]) -> list[int]:
    """Returns the columns of a signal or a sum."""
    found = [find_metabolite(part, metabolites) for part in parts_of(name)]
    if None in found:
        raise ValueError(
            f"The label {label} is of {', '.join(parts_of(name))}, which must be columns of the basis. "
            f"Received a basis of {', '.join(metabolites)}. Leave out the label (`label_names` of the dataset), or "
            "give a basis that has them."
        )
    return found
