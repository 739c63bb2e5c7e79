"""Labels that are uncertain or missing, and what a spectrum itself says about them."""

import math
from collections.abc import Mapping

import numpy as np
import tensorflow as tf

from mrs_keras.labels import Labels

LABEL_KNOWN, LABEL_DEVIATION = "label_known", "label_deviation"
"""Keys of a batch: bool (batch, labels), and float32 (batch, labels), standard deviations in the labels' units."""

OPTIONAL = {LABEL_KNOWN: "bool", LABEL_DEVIATION: "float32"}
"""Those keys -> kind of the numbers."""

LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE = -14.0, 4.0
"""Bounds of the log variance of an inferred label, of which the range is -1 to 1."""


def half_ranges(labels: Labels) -> np.ndarray:
    """Returns half of the width of the range of each label, float32 (labels,); 0.5 where it has none."""
    low, high = labels.low.astype(np.float32), labels.high.astype(np.float32)
    return (high - low + (high <= low)) / 2


def combine(
    labels: tf.Tensor, inferred: Mapping[str, tf.Tensor], known: tf.Tensor | None, variance: tf.Tensor | float
) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the most probable labels, and the loss of the network that infers them.

    A label in the data is a measurement of the true one with a known variance, and the network's answer is another: a
    normal distribution of mean m and variance s^2. The most probable value weighs both by their precisions; a label
    that is exact stays as it is, and one that is missing is the network's.

    Args:
      labels: float32 (batch, labels), scaled so that the range is -1 to 1; of any value where missing.
      inferred: `"label_mean"` and `"label_log_var"`, float32 (batch, labels).
      known: bool (batch, labels), or `None`: all.
      variance: of the labels, float32 (batch, labels), scaled; 0 for exact ones.

    Returns:
      float32 (batch, labels), through which no gradient passes, and the negative log-likelihood of the known labels
      under the network, in nats, float32 (batch,).
    """
    mean = inferred["label_mean"]
    log_variance = tf.clip_by_value(inferred["label_log_var"], LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
    own = tf.exp(log_variance)
    known = tf.ones_like(labels, tf.bool) if known is None else known
    labels = tf.where(known, labels, mean)
    total = own + variance
    combined = labels * own / total + mean * variance / total
    loss = 0.5 * (tf.square(labels - mean) / total + tf.math.log(2 * math.pi * total))
    return tf.stop_gradient(combined), tf.reduce_sum(tf.where(known, loss, 0.0), axis=1)
