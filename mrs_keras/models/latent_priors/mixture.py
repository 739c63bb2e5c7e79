"""A mixture of Gaussians, fitted to the latents of a trained model."""

import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_count
from mrs_keras.models.latent_priors.components import chosen_component, log_density
from mrs_keras.models.latent_priors.latent_prior import LatentPrior
from mrs_keras.models.row_random import row_normal


@keras.saving.register_keras_serializable("mrs_keras")
class GaussianMixturePrior(LatentPrior):
    """The density of latents at given labels, from a mixture of Gaussians; before `fit` it is N(0, I).

    The posterior averaged over the training data (the aggregate posterior) is not quite N(0, I): samples from N(0, I)
    can be in regions where the generator was never trained (Ghosh et al., ICLR 2020, arXiv 1903.12436). It also depends
    slightly on the labels. Therefore the mixture is fitted to latents z and labels c jointly, and z is drawn given the
    requested c: component k with probability p(k | c), then z from the conditional normal distribution of component k.

    Args:
      latent_dim: number of latents.
      labels: number of labels.
      components: number of Gaussians. Defaults to `16`.
    """

    kind = "mixture"
    reported_as = "fitted"
    label = "fitted prior"

    def __init__(self, latent_dim: int, labels: int, components: int = 16, **kwargs):
        super().__init__(latent_dim, labels, **kwargs)
        self.components = check_count("components", components, 16)
        shapes = {
            "log_weights": (),
            "means": (latent_dim,),
            "slopes": (latent_dim, labels),
            "cholesky": (latent_dim, latent_dim),
            "label_means": (labels,),
            "label_whitening": (labels, labels),
        }
        for name, shape in shapes.items():
            weight = self.add_weight(shape=(components, *shape), initializer="zeros", name=name)
            setattr(self, name, weight)
        self.cholesky.assign(np.tile(np.eye(latent_dim), (components, 1, 1)))
        self.built = True

    def fit(
        self,
        latents: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
        checkpoints: Path | None = None,
        most_steps: int | None = None,
    ) -> None:
        """Fits the mixture by expectation maximisation (scikit-learn).

        Args:
          latents: (examples, latent_dim), drawn from the posteriors of the training data.
          labels: (examples, labels), of the same examples.
          seed: of the initial guess. Defaults to `0`.
          checkpoints: not used; the fit takes seconds.
          most_steps: not used.

        Raises:
          ValueError: if a number is not finite, or there are fewer examples than components.
        """
        from sklearn.mixture import GaussianMixture

        examples = self._checked_examples(latents, labels, np.float64, at_least=self.components)
        both = np.concatenate(examples, axis=1)
        mixture = GaussianMixture(self.components, reg_covar=1e-5, random_state=seed).fit(both)
        z, c = slice(None, self.latent_dim), slice(self.latent_dim, None)
        covariances = mixture.covariances_
        label_precision = np.linalg.inv(covariances[:, c, c])
        slopes = covariances[:, z, c] @ label_precision
        # |W (c - mean)|^2 is the squared Mahalanobis distance, with W W^T the precision.
        whitening = np.linalg.cholesky(label_precision).swapaxes(1, 2)
        log_scale = np.log(np.abs(np.linalg.det(whitening))) - self.labels / 2 * math.log(2 * math.pi)
        self.log_weights.assign(np.log(mixture.weights_) + log_scale)
        self.means.assign(mixture.means_[:, z])
        self.slopes.assign(slopes)
        self.cholesky.assign(np.linalg.cholesky(covariances[:, z, z] - slopes @ covariances[:, c, z]))
        self.label_means.assign(mixture.means_[:, c])
        self.label_whitening.assign(whitening)

    @property
    def is_fitted(self) -> bool:
        return bool(np.any(self.means.numpy()))

    def sample(self, seeds, labels):
        offsets, log_weights = self._at(labels)
        component = chosen_component(seeds, log_weights, self.components - 1)
        own_offset = tf.gather(offsets, component, batch_dims=1)
        mean = tf.gather(self.means, component) + tf.einsum("bij,bj->bi", tf.gather(self.slopes, component), own_offset)
        return mean + tf.einsum("bij,bj->bi", tf.gather(self.cholesky, component), row_normal(seeds, self.latent_dim))

    def log_prob(self, latents, labels):
        offsets, log_weights = self._at(labels)
        means = self.means[None] + tf.einsum("kij,bkj->bki", self.slopes, offsets)
        return log_density(latents, means, tf.convert_to_tensor(self.cholesky), log_weights)

    def settings(self):
        return {"components": self.components}

    def _at(self, labels):
        """Returns labels minus the components' means, (batch, components, labels), and ln p(k | c) up to a constant."""
        offsets = labels[:, None, :] - self.label_means[None]
        distances = tf.reduce_sum(tf.einsum("kij,bkj->bki", self.label_whitening, offsets) ** 2, axis=-1)
        return offsets, self.log_weights[None] - 0.5 * distances
