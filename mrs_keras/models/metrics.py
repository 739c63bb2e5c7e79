"""Metrics of latent variable models."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("mrs_keras")
class ActiveUnits(keras.metrics.Metric):
    """Number of latents that the encoder uses: those whose posterior mean varies over the data.

    A latent is active if the variance of `z_mean` over the examples exceeds `threshold` (Burda, Grosse and
    Salakhutdinov, ICLR 2016, arXiv 1509.00519).

    Args:
      latent_dim: number of latents.
      threshold: smallest variance of an active latent. Defaults to `0.01`.
      name: Defaults to `"active_units"`.
    """

    def __init__(self, latent_dim: int, threshold: float = 0.01, name: str = "active_units", **kwargs):
        super().__init__(name=name, **kwargs)
        self.latent_dim = latent_dim
        self.threshold = threshold
        self.count = self.add_weight(shape=(), initializer="zeros", name="count")
        self.total = self.add_weight(shape=(latent_dim,), initializer="zeros", name="total")
        self.total_of_squares = self.add_weight(shape=(latent_dim,), initializer="zeros", name="total_of_squares")

    def update_state(self, z_mean, sample_weight=None):
        """Adds a batch of posterior means, (batch, latent_dim)."""
        z_mean = ops.cast(z_mean, self.dtype)
        self.count.assign_add(ops.cast(ops.shape(z_mean)[0], self.dtype))
        self.total.assign_add(ops.sum(z_mean, axis=0))
        self.total_of_squares.assign_add(ops.sum(ops.square(z_mean), axis=0))

    def result(self):
        """Returns the number of active latents, a float scalar."""
        count = ops.maximum(self.count, 1)
        variance = self.total_of_squares / count - ops.square(self.total / count)
        return ops.sum(ops.cast(variance > self.threshold, self.dtype))

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim, "threshold": self.threshold}
