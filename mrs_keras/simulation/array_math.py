"""Mathematical functions that differ between NumPy and TensorFlow.

Formulas of effects and priors are written once, in terms of a module with these names: this one for NumPy, and
`mrs_keras.simulation.graph.array_math` for tensors.
"""

from typing import Any

import numpy as np
from scipy.special import ndtr, ndtri

constant, exp, expm1, rint, sinc, where = np.asarray, np.exp, np.expm1, np.rint, np.sinc, np.where
normal_quantile, normal_probability = ndtri, ndtr


def polar(magnitude, angle: np.ndarray) -> np.ndarray:
    """Returns magnitude exp(i angle), complex."""
    result = np.empty(np.broadcast_shapes(np.shape(magnitude), angle.shape), np.result_type(angle, np.complex64))
    np.multiply(magnitude, np.cos(angle), out=result.real)
    np.multiply(magnitude, np.sin(angle), out=result.imag)
    return result


def total(values: np.ndarray) -> np.ndarray:
    """Returns the sums over the last axis, with dimensions kept."""
    return values.sum(axis=-1, keepdims=True)


def rows_of(table: np.ndarray, fraction: np.ndarray) -> np.ndarray:
    """Returns the row of a table at each fraction from 0 to 1 of its length: (batch, 1) -> (batch, columns)."""
    return table[np.minimum((fraction[:, 0] * len(table)).astype(np.int64), len(table) - 1)]


def product(values: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Returns (batch, n) times (n, m), summed one by one: a row does not depend on its batch, as it would with BLAS."""
    total_of_rows = np.zeros((len(values), matrix.shape[1]))
    for column, row in zip(values.T, matrix, strict=True):
        total_of_rows += column[:, None] * row
    return total_of_rows


def beside(columns: list[np.ndarray]) -> np.ndarray:
    """Returns arrays (batch, n), (batch, m), ... beside each other: (batch, n + m + ...)."""
    return np.concatenate(columns, axis=1)


def scaled(leaf: Any, fraction: np.ndarray, factor: float) -> np.ndarray:
    """Returns the quantiles of a distribution, times a factor."""
    return leaf.quantile(fraction) * factor


def as_complex(values: np.ndarray) -> np.ndarray:
    """Returns values that complex ones can be multiplied with: NumPy accepts real ones."""
    return values
