"""Generation of spectra by a conditional VAE, one seed per spectrum."""

import math
import warnings
from typing import Literal

import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_choice, check_finite
from mrs_keras.models.row_random import row_normal, row_seeds

DENSITY_LATENTS = 24_000
"""Latents that the latent density is fitted to, at least: of fewer training examples several are drawn of each."""

GENERATED_AT_ONCE = 4096
"""Spectra that `generate` holds the hidden layers of at once."""


class GenerationMixin:
    """The part of `CVAE` that draws latents and generates spectra."""

    def fit_latent_density(self, inputs, seed: int = 0) -> None:
        """Fits the density that latents are drawn from, given concentrations, to the posteriors of the training data.

        Args:
          inputs: the training data: a finite dataset of batches, or a dict of arrays, with `"spectrum"` and
            `"concentrations"`.
          seed: of the latents drawn from the posteriors, and of the fit. Defaults to `0`.

        Raises:
          ValueError: if the model was made without `mixture_components`, or its latents are not finite.
        """
        if self.latent_density is None:
            raise ValueError(
                "This model has no latent density to fit. Received: mixture_components=0. "
                "Build it with for example CVAE.from_preset('base', mixture_components=16)."
            )
        if not isinstance(inputs, tf.data.Dataset):
            inputs = tf.data.Dataset.from_tensor_slices(dict(inputs)).batch(512)
        parts = [
            (self.encoder(batch, training=False), batch["concentrations"])
            for batch in map(self._checked_inputs, inputs)
        ]
        z_mean = np.concatenate([posterior["z_mean"] for posterior, _ in parts])
        deviation = np.exp(0.5 * np.concatenate([posterior["z_log_var"] for posterior, _ in parts]))
        labels = self._scaled_labels(np.concatenate([concentrations for _, concentrations in parts]))
        draws = -(-DENSITY_LATENTS // len(z_mean))
        noise = row_normal(row_seeds(seed, len(z_mean)), draws * self.latent_dim, stream=2).numpy()
        latents = z_mean[:, None] + deviation[:, None] * noise.reshape(-1, draws, self.latent_dim)
        self.latent_density.fit(latents.reshape(-1, self.latent_dim), np.repeat(labels, draws, axis=0), seed)

    def _scaled_labels(self, concentrations):
        """Takes the trained range of each concentration to -1 ... 1; beyond it the density is that at its end."""
        low, high = np.array(self.concentration_range_mm, np.float32).T
        scaled = 2 * (concentrations - low) / np.where(high > low, high - low, 1) - 1
        return tf.clip_by_value(scaled, -1.0, 1.0)

    def generate(self, concentrations, seed, prior: Literal["fitted", "standard_normal"] | None = None) -> np.ndarray:
        """Generates a spectrum for each row of concentrations.

        Args:
          concentrations: (batch, metabolites), mM. Outside the trained range a warning names the range.
          seed: int64 (batch,), one per row: the same seed gives the same spectrum in any batch. Or an integer s, which
            stands for the row seeds 2^32 s, 2^32 s + 1, and so on.
          prior: what latents are drawn from. Defaults to `None`: the fitted density if the model has one, else the
            standard normal prior.

        Returns:
          float32 (batch, points, 2), in the units of the training data; with noise where its variance is learned.

        Raises:
          ValueError: if a concentration is negative or not finite, their number is not that of the metabolites, there
            is not one seed per row, or `prior="fitted"` and no density was fitted. Where one could have been, `None`
            draws from the standard normal prior with a warning.
        """
        concentrations = self.check_concentrations(concentrations)
        prior = self._checked_prior(prior)
        seeds = row_seeds(seed, len(concentrations))
        starts = range(0, len(seeds), GENERATED_AT_ONCE)
        rows = [slice(start, start + GENERATED_AT_ONCE) for start in starts]
        parts = [self.sample(tf.constant(concentrations[row]), seeds[row], prior)["spectrum"] for row in rows]
        return np.concatenate(parts) if parts else np.zeros((0, self.acquisition.window_points, 2), np.float32)

    @property
    def has_fitted_density(self) -> bool:
        """Whether there is a latent density and it was fitted; not to be asked inside a graph."""
        return self.latent_density is not None and self.latent_density.is_fitted

    def _checked_prior(self, prior: str | None) -> str:
        """Returns what latents are drawn from; of a density that nobody fitted nothing is drawn unasked."""
        if prior is not None:
            check_choice("prior", prior, ("fitted", "standard_normal"))
        fitted = self.has_fitted_density
        if prior == "fitted" and not fitted:
            raise ValueError(
                "This model has no fitted latent density. Expected: prior='standard_normal'. Received: prior='fitted'. "
                "Build the model with `mixture_components` and call `fit_latent_density` after the training."
            )
        if prior is None and self.latent_density is not None and not fitted:
            warnings.warn(
                "The latent density was not fitted yet: latents are drawn from the standard normal prior, which "
                "generates worse spectra. Call `fit_latent_density(train)` after the training.",
                stacklevel=3,
            )
        return prior or ("fitted" if fitted else "standard_normal")

    def sample(self, concentrations, seeds, prior=None) -> dict[str, tf.Tensor]:
        """Does the work of `generate` for tensors, unchecked, also inside a graph; returns `"spectrum"` and `"z"`."""
        z = self.sample_latents(seeds, concentrations, prior)
        inputs = {"z": z, "concentrations": concentrations}
        spectrum = self.generator(inputs, training=False)
        if self.noise_variance is not None:
            deviation = self.spectrum_scale * tf.sqrt(self.noise_variance(inputs, training=False))
            noise = row_normal(seeds, 2 * self.acquisition.window_points, stream=3)
            spectrum += tf.reshape(deviation * noise, tf.shape(spectrum))
        return {"spectrum": spectrum, "z": z}

    def sample_latents(self, seeds, concentrations, prior=None) -> tf.Tensor:
        """Draws latents, float32 (batch, latent_dim), for int64 seeds (batch,); else as `generate`, unchecked."""
        if prior == "standard_normal" or self.latent_density is None:
            return row_normal(seeds, self.latent_dim)
        return self.latent_density(seeds, self._scaled_labels(concentrations))

    def log_prior(self, z, concentrations) -> tf.Tensor:
        """Returns ln p(z | c) in nats, float32 (batch,), of the density that `generate` draws latents from by default.

        Args:
          z: latents, float32 (batch, latent_dim).
          concentrations: float32 (batch, metabolites), mM.
        """
        if self.latent_density is None:
            return -0.5 * tf.reduce_sum(tf.square(z) + math.log(2 * math.pi), axis=1)
        return self.latent_density.log_density(z, self._scaled_labels(concentrations))

    def check_concentrations(self, concentrations) -> np.ndarray:
        """Returns concentrations as float32 (batch, metabolites), checked as `generate` says."""
        array = check_finite("concentrations", np.asarray(concentrations, dtype=np.float32))
        if array.ndim != 2 or array.shape[1] != len(self.metabolites) or np.any(array < 0):
            raise ValueError(
                "`concentrations` must be (batch, metabolites), in mM, none negative. "
                f"Expected {len(self.metabolites)} columns ({', '.join(self.metabolites)}). "
                f"Received: shape {array.shape}, smallest value {array.min() if array.size else None}."
            )
        low, high = np.asarray(self.concentration_range_mm, dtype=np.float32).T
        if np.any(array < low) or np.any(array > high):
            ranges = ", ".join(
                f"{name} {a:g} to {b:g} mM"
                for name, (a, b) in zip(self.metabolites, self.concentration_range_mm, strict=True)
            )
            warnings.warn(f"Some concentrations lie outside the trained range: {ranges}.", stacklevel=3)
        return array
