"""Random numbers keyed by a seed per row: a row gets the same numbers in any batch.

TensorFlow's stateless generators take one seed for a whole tensor. These use integer operations of the graph, with the
same result in eager mode, under XLA and in a SavedModel.
"""

import tensorflow as tf

from mrs_keras.random_streams import RowStream

GOLDEN = 0x9E3779B97F4A7C15
"""Increment of splitmix64: 2^64 over the golden ratio."""


def row_uniform(seeds: tf.Tensor, columns: int, stream: int = RowStream.LATENTS) -> tf.Tensor:
    """Draws uniform numbers for each seed.

    Args:
      seeds: int64 (batch,).
      columns: numbers per row.
      stream: one of `RowStream`, independent of the others. Defaults to that of the latents.

    Returns:
      float32 (batch, columns), in (0, 1).
    """
    # 23 bits and a half step: neither 0 nor, by rounding, 1.
    return (tf.cast(_as_signed(_shift(_bits(seeds, columns, stream), 41)), tf.float32) + 0.5) * 2.0**-23


def row_normal(seeds: tf.Tensor, columns: int, stream: int = RowStream.LATENTS) -> tf.Tensor:
    """Draws standard normal numbers for each seed by the Box-Muller transform (doi 10.1214/aoms/1177706645).

    Args:
      seeds: as in `row_uniform`; likewise for the rest.
      columns: as in `row_uniform`.
      stream: as in `row_uniform`.

    Returns:
      float32 (batch, columns), at most 6.8 in magnitude.
    """
    bits = _bits(seeds, -(-columns // 2), stream)
    high, low = (
        tf.cast(_as_signed(half), tf.float32)
        for half in (_shift(bits, 32), tf.bitwise.bitwise_and(bits, _constant(2**32 - 1)))
    )
    radius = tf.sqrt(-2.0 * tf.math.log((high + 0.5) * 2.0**-32))
    angle = low * (2.0 * 3.141592653589793 * 2.0**-32)
    pairs = tf.stack([radius * tf.cos(angle), radius * tf.sin(angle)], axis=-1)
    return tf.reshape(pairs, (tf.shape(seeds)[0], 2 * pairs.shape[1]))[:, :columns]


def _bits(seeds: tf.Tensor, columns: int, stream: int) -> tf.Tensor:
    """Returns 64 random bits per seed and column, uint64 (batch, columns).

    Each row is a sequence of splitmix64 (Steele, Lea and Flood, OOPSLA 2014, doi 10.1145/2660193.2660195) that starts
    at the hash of its seed, so that neighbouring seeds start far apart.
    """
    start = _mix(tf.bitcast(tf.convert_to_tensor(seeds, tf.int64), tf.uint64) + _constant((2 * stream + 1) * GOLDEN))
    return _mix(start[:, None] + _constant([(column + 1) * GOLDEN for column in range(columns)]))


def _mix(bits: tf.Tensor) -> tf.Tensor:
    bits = tf.bitwise.bitwise_xor(bits, _shift(bits, 30)) * _constant(0xBF58476D1CE4E5B9)
    bits = tf.bitwise.bitwise_xor(bits, _shift(bits, 27)) * _constant(0x94D049BB133111EB)
    return tf.bitwise.bitwise_xor(bits, _shift(bits, 31))


def _shift(bits: tf.Tensor, places: int) -> tf.Tensor:
    return tf.bitwise.right_shift(bits, _constant(places))


def _constant(values) -> tf.Tensor:
    """Returns integers modulo 2^64 as uint64, via int64: a graph corrupts uint64 constants above 2^63."""
    signed = [(value + 2**63) % 2**64 - 2**63 for value in (values if isinstance(values, list) else [values])]
    constant = tf.bitcast(tf.constant(signed, tf.int64), tf.uint64)
    return constant if isinstance(values, list) else constant[0]


def _as_signed(bits: tf.Tensor) -> tf.Tensor:
    """Returns bits below 2^63 as int64, from which casts are defined on all platforms."""
    return tf.bitcast(bits, tf.int64)
