"""Gradient clipping that does not depend on the number of replicas."""

from collections.abc import Sequence

import tensorflow as tf


def clip_by_summed_norm(gradients: Sequence[tf.Tensor], bound: float | tf.Tensor) -> list[tf.Tensor]:
    """Scales the gradients of a replica so that their sum over all replicas has at most the norm `bound`.

    `clipnorm` and `global_clipnorm` of Keras act on a replica's own gradients, before they are summed, so that two
    replicas take a different step than one (keras 3.15, `BaseOptimizer.apply`). Here all replicas use one factor,
    min(1, bound / norm of the sum), as Pascanu et al. (ICML 2013, arXiv 1211.5063) define it for one device.

    Args:
      gradients: of this replica, any shapes.
      bound: largest global norm (Euclidean, over all gradients together), in the units of the gradients.

    Returns:
      The gradients times the factor. If any is NaN or infinite, on any replica, all become NaN: clipping does not hide
      a bad step, and loss scaling skips it on every replica.
    """
    summed = tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, list(gradients))
    norm = tf.linalg.global_norm(summed)
    factor = tf.where(tf.math.is_finite(norm), tf.minimum(1.0, bound / norm), float("nan"))
    return [gradient * factor for gradient in gradients]
