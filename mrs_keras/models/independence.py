"""How much latents depend on labels, as a term of the loss.

A label is an input of the generator. Where the latents say something about it, too, a spectrum that is generated for
another label gets contradictory inputs: its line widths leave the trained range.
"""

import tensorflow as tf

FEATURES = 64
"""Frequencies of the random features in each step."""


def dependence(z: tf.Tensor, labels: tf.Tensor, seed: tf.Tensor, global_batch: tf.Tensor) -> tf.Tensor:
    """Returns each example's share of the dependence of latents on labels: 0 in the mean of a large batch without any.

    The dependence is the Hilbert-Schmidt independence criterion (Gretton et al., ALT 2005, doi 10.1007/11564089_7) with
    a Gaussian kernel of the standardised latents, as wide as the square root of their number, and a linear kernel of
    the standardised labels. The Gaussian kernel is the mean over random Fourier features (Rahimi and Recht, NIPS 2007),
    drawn again in each step, so that the cost is linear in the batch and the sum over replicas is exact. Chance adds
    about the number of labels over the batch size, which no gradient depends on.

    Args:
      z: float32 (batch, latent_dim), latents of this replica.
      labels: float32 (batch, labels), scaled so that the trained range is -1 to 1.
      seed: int32 (2,), of the features of this step.
      global_batch: float32 scalar, examples on all replicas.

    Returns:
      float32 (batch,). Its mean over the global batch is the dependence, and has the gradient of it (that through the
      means and deviations of the batch is left out).
    """
    latents, labels = _standardised(z, global_batch), _standardised(labels, global_batch)
    shape = (z.shape[1], FEATURES)
    frequencies = tf.random.stateless_normal(shape, seed, alg="philox") / z.shape[1] ** 0.5
    angles = latents @ frequencies
    features = tf.concat([tf.cos(angles), tf.sin(angles)], axis=1) / FEATURES**0.5
    context = tf.distribute.get_replica_context()
    local = tf.matmul(tf.stop_gradient(features), labels, transpose_a=True)
    mean = context.all_reduce(tf.distribute.ReduceOp.SUM, local) / global_batch
    return 2 * tf.reduce_sum((features @ mean) * labels, axis=1) - tf.reduce_sum(tf.square(mean))


def _standardised(columns: tf.Tensor, global_batch: tf.Tensor) -> tf.Tensor:
    """Returns columns less their mean, over their deviation in the global batch: constants for the gradient."""
    fixed = tf.stop_gradient(columns)
    sums = tf.stack([tf.reduce_sum(fixed, axis=0), tf.reduce_sum(tf.square(fixed), axis=0)])
    sums = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, sums)
    mean, square = tf.unstack(sums / global_batch)
    return (columns - mean) * tf.math.rsqrt(tf.maximum(square - tf.square(mean), 1e-4))
