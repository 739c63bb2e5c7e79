"""What every latent prior has."""

from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_count


class LatentPrior(keras.layers.Layer):
    """A density of latents z given labels c, to draw from when spectra are generated.

    A new one is a module beside this one with a subclass, and its line in `registry.py`: models, evaluation, figures,
    descriptions and signatures ask the object.

    Args:
      latent_dim: number of latents.
      labels: number of labels, which come scaled: their trained range is -1 to 1.

    Attributes:
      kind: what presets and configs call it.
      reported_as: what numbers and descriptions of served models call it, and `CVAE.generate`.
      label: what figures and tables call it.
    """

    kind: ClassVar[str]
    reported_as: ClassVar[str]
    label: ClassVar[str]

    def __init__(self, latent_dim: int, labels: int, **kwargs):
        super().__init__(**{"name": self.reported_as, "trainable": False, "dtype": "float32", **kwargs})
        self.latent_dim = check_count("latent_dim", latent_dim, 16)
        self.labels = check_count("labels", labels, 2, at_least=0)

    @property
    def needs_fit(self) -> bool:
        """Whether `fit` has to be called before the density is one of latents of a model."""
        return True

    @property
    def is_fitted(self) -> bool:
        """Whether the density can be drawn from as it is meant; not to be asked inside a graph."""
        raise NotImplementedError

    def fit(self, latents: np.ndarray, labels: np.ndarray, seed: int = 0) -> None:
        """Fits the density.

        Args:
          latents: (examples, latent_dim), drawn from the posteriors of the training data.
          labels: (examples, labels), of the same examples, scaled.
          seed: of what is random in it. Defaults to `0`.
        """
        raise NotImplementedError

    def sample(self, seeds: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Draws latents, float32 (batch, latent_dim), for each int64 seed (batch,) and labels (batch, labels)."""
        raise NotImplementedError

    def log_prob(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns ln p(z | c) in nats, float32 (batch,), of latents (batch, latent_dim) at labels (batch, labels)."""
        raise NotImplementedError

    def settings(self) -> dict:
        """Returns its own arguments as plain data; with `kind`, `make_latent_prior` makes an unfitted one of them."""
        return {}

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim, "labels": self.labels, **self.settings()}
