"""Base class of the latent priors."""

from pathlib import Path
from typing import ClassVar

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_count, check_finite


class LatentPrior(keras.layers.Layer):
    """A density of latents z given labels c, to draw from when spectra are generated.

    To add a latent prior, write a subclass in a new module beside this one and add it to `registry.py`; models,
    evaluation, figures, descriptions and signatures only use the methods and attributes below.

    Args:
      latent_dim: number of latents.
      labels: number of labels, scaled so that the trained range is -1 to 1.

    Attributes:
      kind: its name in presets and configs.
      reported_as: its name in numbers, in descriptions of served models and in `CVAE.generate`.
      label: its name in figures and tables.
      latents_to_fit: smallest number of latents for `fit`: from fewer examples, several latents each are drawn.
    """

    kind: ClassVar[str]
    reported_as: ClassVar[str]
    label: ClassVar[str]
    latents_to_fit: ClassVar[int] = 24_000

    def __init__(self, latent_dim: int, labels: int, **kwargs):
        super().__init__(**{"name": self.reported_as, "trainable": False, "dtype": "float32", **kwargs})
        self.latent_dim = check_count("latent_dim", latent_dim, 16)
        self.labels = check_count("labels", labels, 2, at_least=0)

    @property
    def needs_fit(self) -> bool:
        """Whether `fit` has to be called before the density describes the latents of a model."""
        return True

    @property
    def is_fitted(self) -> bool:
        """Whether the density is ready for sampling (fitted, if it needs a fit); must not be read inside a graph."""
        raise NotImplementedError

    def fit(
        self,
        latents: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
        checkpoints: Path | None = None,
        most_steps: int | None = None,
    ) -> None:
        """Fits the density.

        Args:
          latents: (examples, latent_dim), drawn from the posteriors of the training data.
          labels: (examples, labels), of the same examples, scaled.
          seed: of the random parts of the fit. Defaults to `0`.
          checkpoints: folder for the state of a long fit, which resumes from there. Defaults to `None`: none.
          most_steps: bound of the steps of a training. Defaults to `None`: none.

        Raises:
          ValueError: if a number is not finite, or the shapes are others.
        """
        raise NotImplementedError

    def _checked_examples(self, latents, labels, dtype, at_least: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Returns latents and labels for a fit as arrays, or raises `ValueError` if they are too few or not finite."""
        latents, labels = (np.asarray(array, dtype) for array in (latents, labels))
        expected = [(len(latents), self.latent_dim), (len(latents), self.labels)]
        if [latents.shape, labels.shape] != expected or len(latents) < at_least:
            raise ValueError(
                "`latents` must be (examples, latent_dim) and `labels` (examples, labels), of enough examples. "
                f"Expected: at least {at_least} of {self.latent_dim} and {self.labels} numbers. "
                f"Received: shapes {latents.shape} and {labels.shape}."
            )
        return check_finite("latents", latents), check_finite("labels", labels)

    def sample(self, seeds: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Draws latents, float32 (batch, latent_dim), for int64 seeds (batch,) and labels (batch, labels)."""
        raise NotImplementedError

    def log_prob(self, latents: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Returns ln p(z | c) in nats, float32 (batch,), of latents (batch, latent_dim) at labels (batch, labels)."""
        raise NotImplementedError

    def settings(self) -> dict:
        """Returns its arguments as plain data; with these and `kind`, `make_latent_prior` creates an unfitted one."""
        return {}

    def get_config(self):
        return {**super().get_config(), "latent_dim": self.latent_dim, "labels": self.labels, **self.settings()}
