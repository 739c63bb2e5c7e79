"""The noise of spectra whose level is known."""

import math

import keras
import numpy as np
import tensorflow as tf

STEP = 10.0
"""The logarithm of tau^2 is this times a weight: with the steps of other weights it would never arrive."""


@keras.saving.register_keras_serializable("mrs_keras")
class NoiseLevel(keras.layers.Layer):
    """Decoder variance of spectra with known noise, v = sigma^2 + tau^2, and the distribution of ln sigma.

    sigma is the standard deviation of the noise in the real and in the imaginary part, tau one number that is learned:
    what the generator does not explain. All are in units of the spectrum's scale. Generated spectra carry noise of
    level sigma, which is drawn together with the latents; tau is not noise, and is not added to them.
    """

    def __init__(self, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        start = keras.initializers.Constant(2 * math.log(0.1) / STEP)
        self.log_excess = self.add_weight(shape=(), initializer=start, name="log_excess")
        self.mean = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(-5.0), trainable=False, name="mean"
        )
        self.deviation = self.add_weight(
            shape=(), initializer=keras.initializers.Constant(0.5), trainable=False, name="deviation"
        )
        self.built = True

    def variance(self, sigma: tf.Tensor) -> tf.Tensor:
        """Returns sigma^2 + tau^2, (batch,)."""
        return tf.square(sigma) + tf.exp(STEP * self.log_excess)

    @property
    def excess(self) -> float:
        """tau, in units of the spectrum's scale; must not be read inside a graph."""
        return math.exp(STEP * float(self.log_excess.numpy()) / 2)

    def adapt(self, sigma: np.ndarray) -> None:
        """Takes mean and standard deviation of ln sigma from the levels (examples,) of training spectra."""
        logs = np.log(np.asarray(sigma, np.float64))
        self.mean.assign(logs.mean())
        self.deviation.assign(max(logs.std(), 1e-3))

    def standardised(self, sigma: np.ndarray) -> np.ndarray:
        """Returns ln sigma less its mean, over its deviation."""
        return (np.log(sigma) - self.mean.numpy()) / self.deviation.numpy()

    def level(self, standardised: tf.Tensor) -> tf.Tensor:
        """Returns sigma for standardised logarithms."""
        return tf.exp(self.mean + self.deviation * standardised)
