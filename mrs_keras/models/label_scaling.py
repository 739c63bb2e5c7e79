"""Amplitudes of a basis that are scaled to labels: sums and ratios of them."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from mrs_keras.data.label_columns import LabelColumns

TINY = 1e-6
"""Added to what is divided by, in the unit of the amplitudes."""


def check_separate(labels: LabelColumns, metabolites: Sequence[str]) -> None:
    """Raises `ValueError` if two labels set the same amplitude, so that it cannot obey both."""
    above, below = labels.numerators > 0, labels.denominators > 0
    is_ratio = below.any(axis=0)
    for name, setting, dividing in zip(metabolites, above, below, strict=True):
        # A sum may be below a ratio, which is set after it.
        unsettled = dividing if (setting & is_ratio).any() else np.zeros_like(setting)
        if setting.sum() + unsettled.sum() > 1:
            names = ", ".join(np.array(labels.names)[setting | unsettled])
            raise ValueError(
                f"Two labels must not set the same amplitude. Received: {names}, which are all about {name}. Leave out "
                "one of them (`label_names` of the dataset)."
            )


def scaled_to_labels(columns: LabelColumns, amplitudes: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
    """Returns amplitudes of which those that a label is about are multiplied by one factor, such that it is the label.

    Args:
      columns: which amplitudes each label is about; its factors are not used.
      amplitudes: float32 (batch, metabolites), at least 0.
      labels: float32 (batch, labels), sums and ratios of amplitudes.

    Returns:
      float32 (batch, metabolites).
    """
    above, below = (array.astype(np.float32) for array in (columns.numerators, columns.denominators))
    is_ratio = below.any(axis=0)
    # One amplitude is the label itself: a factor has no bound where the amplitude that it scales is near 0.
    alone = ~is_ratio & (above.sum(axis=0) == 1)
    if alone.any():
        values = tf.gather(labels, np.flatnonzero(alone), axis=1) @ above[:, alone].T
        amplitudes = tf.where(above[:, alone].any(axis=1), values, amplitudes)
    # Sums first: they may be below a ratio.
    for ratios in (False, True):
        chosen = np.flatnonzero((is_ratio == ratios) & ~alone)
        if not len(chosen):
            continue
        wanted = tf.gather(labels, chosen, axis=1)
        if ratios:
            wanted *= amplitudes @ below[:, chosen]
        factor = wanted / (amplitudes @ above[:, chosen] + TINY)
        touched = above[:, chosen].any(axis=1)
        amplitudes *= tf.where(touched, factor @ above[:, chosen].T, tf.ones_like(amplitudes))
    return amplitudes
