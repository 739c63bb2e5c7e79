"""Weighted normal distributions: which one a draw comes from, and the density of their sum."""

import math

import tensorflow as tf

from mrs_keras.models.row_random import row_uniform
from mrs_keras.random_streams import RowStream


def chosen_component(seeds: tf.Tensor, log_weights: tf.Tensor, last: int | tf.Tensor) -> tf.Tensor:
    """Draws the number of a component for each row, int32 (batch,).

    Args:
      seeds: int64 (batch,).
      log_weights: float32 (batch, components), up to a constant in each row.
      last: number of the last component that may be drawn.
    """
    cumulative = tf.cumsum(tf.nn.softmax(log_weights), axis=1)
    below = tf.cast(row_uniform(seeds, 1, RowStream.COMPONENT) > cumulative, tf.int32)
    # Rounding may leave the last cumulative sum just below a uniform number.
    return tf.minimum(tf.reduce_sum(below, axis=1), last)


def log_density(latents: tf.Tensor, means: tf.Tensor, cholesky: tf.Tensor, log_weights: tf.Tensor) -> tf.Tensor:
    """Returns the log density of a mixture of normal distributions in nats, float32 (batch,).

    Args:
      latents: float32 (batch, latent_dim).
      means: float32 (batch, components, latent_dim).
      cholesky: float32 (components, latent_dim, latent_dim), factors of the covariances.
      log_weights: float32 (batch, components), up to a constant in each row.
    """
    # (components, latent_dim, batch): one triangular solve per component.
    standard = tf.linalg.triangular_solve(cholesky, tf.transpose(latents[:, None] - means, (1, 2, 0)))
    log_determinant = tf.reduce_sum(tf.math.log(tf.linalg.diag_part(cholesky)), axis=-1)
    log_normal = -0.5 * tf.transpose(tf.reduce_sum(standard**2, axis=1)) - log_determinant
    log_normal -= 0.5 * latents.shape[-1] * math.log(2 * math.pi)
    return tf.reduce_logsumexp(tf.nn.log_softmax(log_weights) + log_normal, axis=1)
