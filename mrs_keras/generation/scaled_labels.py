"""Drawn labels times independent factors, for spectra that a fit is to find these labels in."""

from collections.abc import Callable, Sequence

import numpy as np

from mrs_keras.generation.source import SpectrumSource, check_trained_range
from mrs_keras.labels import Labels
from mrs_keras.random_streams import GENERATED
from mrs_keras.simulation.keyed_random import keyed_uniform

CHECKED_ROWS = 65_536
"""Rows whose labels are checked at once."""

LabelFactors = Callable[[int, int], np.ndarray]
"""(start, stop) -> factors of the labels of rows `start` to `stop - 1`, float32 (rows, labels)."""


def checked_factors(limits: Sequence[float]) -> tuple[float, float]:
    """Returns the lowest and the highest factor, or raises `ValueError` if they are no range above 0."""
    values = [float(limit) for limit in limits]
    if len(values) != 2 or not np.isfinite(values).all() or not 0 < values[0] < values[1]:
        raise ValueError(
            "`scale_labels` must be the lowest and the highest factor of a label, finite, above 0 and rising. "
            f"Received: {', '.join(f'{value:g}' for value in values) or 'nothing'}. Give for example 0.75 1.25."
        )
    return values[0], values[1]


def label_factors(labels: Labels, limits: tuple[float, float], seed: int) -> LabelFactors:
    """Returns the factors of labels: uniform, and independent of each other, of the labels and of the latents.

    Args:
      labels: of the model.
      limits: lowest and highest factor, from `checked_factors`.
      seed: integer. The factors of row k depend only on (seed, k) and the names of the labels.
    """
    low, high = limits

    def factors(start: int, stop: int) -> np.ndarray:
        columns = [keyed_uniform(start, stop, 1, seed, GENERATED, f"factor/{name}")[:, 0] for name in labels.names]
        uniform = np.stack(columns, axis=1)
        return (low + (high - low) * uniform).astype(np.float32)

    return factors


def scaled_ranges(labels: Labels, limits: tuple[float, float]) -> tuple[tuple[float, float], ...]:
    """Returns the range of each label times the factors."""
    low, high = limits
    return tuple(
        (least * (low if least > 0 else high), most * (high if most > 0 else low)) for least, most in labels.ranges
    )


def check_scaled(source: SpectrumSource, number: int, labels_of: LabelFactors, factors_of: LabelFactors) -> None:
    """Raises `ValueError` if a source cannot generate scaled labels; warns where it extrapolates.

    Args:
      source: of the spectra.
      number: of rows.
      labels_of: (start, stop) -> labels before they are scaled.
      factors_of: from `label_factors`.
    """
    if not len(source.description.labels):
        raise ValueError("`scale_labels` is for models with labels. Received a model without. Leave it out.")
    if source.decode is None:
        raise ValueError("`scale_labels` needs a source that decodes latents. Received one with `decode=None`.")
    for start in range(0, number, CHECKED_ROWS):
        stop = min(start + CHECKED_ROWS, number)
        if check_trained_range(source, labels_of(start, stop) * factors_of(start, stop), stacklevel=5):
            return
