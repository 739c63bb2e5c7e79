"""A density fitted to the latents of a trained model, to draw from instead of the standard normal prior."""

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_count, check_finite
from mrs_keras.models.row_random import row_normal, row_uniform


@keras.saving.register_keras_serializable("mrs_keras")
class LatentDensity(keras.layers.Layer):
    """Mixture of Gaussians with full covariances over the latents; before `fit` it is the standard normal prior.

    A trained posterior, averaged over the training data (the aggregate posterior), is not quite N(0, I): what is drawn
    from N(0, I) can lie where the generator was never trained. See Ghosh et al., ICLR 2020, arXiv 1903.12436.

    Args:
      latent_dim: number of latents.
      components: number of Gaussians.
    """

    def __init__(self, latent_dim: int, components: int, **kwargs):
        super().__init__(**{"name": "latent_density", "trainable": False, "dtype": "float32", **kwargs})
        self.latent_dim = check_count("latent_dim", latent_dim, 16)
        self.components = check_count("components", components, 32)
        shape = (self.components, self.latent_dim)
        self.cumulative = self.add_weight(
            shape=(self.components,), initializer=_constant(np.arange(1, self.components + 1) / self.components)
        )
        self.means = self.add_weight(shape=shape, initializer="zeros", name="means")
        self.cholesky = self.add_weight(
            shape=(*shape, self.latent_dim),
            initializer=_constant(np.tile(np.eye(self.latent_dim), (self.components, 1, 1))),
            name="cholesky",
        )
        self.built = True

    def fit(self, latents: np.ndarray, seed: int = 0) -> None:
        """Fits the mixture by expectation maximisation (scikit-learn).

        Args:
          latents: (examples, latent_dim), drawn from the posteriors of the training data.
          seed: of the first guess. Defaults to `0`.

        Raises:
          ValueError: if a latent is not finite, or there are fewer examples than components.
        """
        from sklearn.mixture import GaussianMixture

        latents = check_finite("latents", np.asarray(latents, np.float64))
        if latents.ndim != 2 or latents.shape[1] != self.latent_dim or len(latents) < self.components:
            raise ValueError(
                "`latents` must be (examples, latent_dim), with at least one example per component. "
                f"Expected: at least {self.components} of {self.latent_dim} numbers. Received: shape {latents.shape}."
            )
        mixture = GaussianMixture(self.components, reg_covar=1e-5, random_state=seed).fit(latents)
        cumulative = np.cumsum(mixture.weights_)
        self.cumulative.assign(cumulative / cumulative[-1])
        self.means.assign(mixture.means_)
        self.cholesky.assign(np.linalg.cholesky(mixture.covariances_))

    def call(self, seeds):
        """Draws latents, float32 (batch, latent_dim), one row for each int64 seed (batch,)."""
        below = tf.cast(row_uniform(seeds, 1, stream=1) > self.cumulative[None, :], tf.int32)
        # Rounding may leave the last sum just below a number.
        component = tf.minimum(tf.reduce_sum(below, axis=1), self.components - 1)
        normal = row_normal(seeds, self.latent_dim)
        return tf.gather(self.means, component) + tf.einsum("bij,bj->bi", tf.gather(self.cholesky, component), normal)

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim, "components": self.components}


def _constant(values: np.ndarray):
    return lambda shape, dtype=None: keras.ops.convert_to_tensor(np.reshape(values, shape), dtype)
