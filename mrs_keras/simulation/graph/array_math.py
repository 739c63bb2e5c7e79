"""`mrs_keras.simulation.array_math` for tensors, in single precision."""

import math
import sys

import numpy as np
import tensorflow as tf

from mrs_keras.simulation.distributions import Distribution, UniformRange

exp, expm1, rint = tf.exp, tf.math.expm1, tf.round
normal_quantile = tf.math.ndtri


def normal_probability(values: tf.Tensor) -> tf.Tensor:
    """Returns the probability that a standard normal number is below each value."""
    return tf.math.erfc(-values / math.sqrt(2)) / 2


def constant(values) -> tf.Tensor:
    """Returns numbers as a tensor."""
    return tf.constant(np.asarray(values), tf.float32)


def where(condition, one, other) -> tf.Tensor:
    """Returns `one` where the condition holds, and `other` elsewhere."""
    return tf.where(condition, tf.cast(one, tf.float32), tf.cast(other, tf.float32))


def sinc(values: tf.Tensor) -> tf.Tensor:
    """Returns sin(pi y) / (pi y), 1 at 0."""
    angle = math.pi * values
    # The gradient of the branch that is not selected must be finite, too.
    safe = tf.where(tf.abs(angle) < 1e-4, tf.ones_like(angle), angle)
    return tf.where(tf.abs(angle) < 1e-4, 1.0 - tf.square(angle) / 6.0, tf.sin(safe) / safe)


def polar(magnitude, angle: tf.Tensor) -> tf.Tensor:
    """Returns magnitude exp(i angle), complex64."""
    return tf.complex(magnitude * tf.cos(angle), magnitude * tf.sin(angle))


def total(values: tf.Tensor) -> tf.Tensor:
    """Returns the sums over the last axis, with dimensions kept."""
    return tf.reduce_sum(values, axis=-1, keepdims=True)


def rows_of(table: np.ndarray, fraction: tf.Tensor) -> tf.Tensor:
    """Returns the row of a table at each fraction from 0 to 1 of its length: (batch, 1) -> (batch, columns)."""
    row = tf.minimum(tf.cast(fraction[:, 0] * len(table), tf.int32), len(table) - 1)
    return tf.gather(constant(table), row)


def product(values: tf.Tensor, matrix: np.ndarray) -> tf.Tensor:
    """Returns (batch, n) times (n, m)."""
    return values @ constant(matrix)


def beside(columns: list[tf.Tensor]) -> tf.Tensor:
    """Returns tensors (batch, n), (batch, m), ... beside each other: (batch, n + m + ...)."""
    return tf.concat(columns, axis=1)


def scaled(leaf: Distribution, fraction: tf.Tensor, factor: float) -> tf.Tensor:
    """Returns the quantiles of a distribution, times a factor; a uniform range is scaled in double precision."""
    if isinstance(leaf, UniformRange):
        return UniformRange(leaf.low * factor, leaf.high * factor).quantile(fraction)
    return leaf.quantile(fraction, sys.modules[__name__]) * factor


def as_complex(values: tf.Tensor) -> tf.Tensor:
    """Returns values that complex ones can be multiplied with."""
    # Not `tf.cast`, whose gradient warns.
    return values if values.dtype.is_complex else tf.complex(values, tf.zeros_like(values))
