"""The methods of a trained conditional VAE, with the names, arguments and results of the served models."""

import functools
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_choice, check_finite
from mrs_keras.data.pipeline import finite_batches
from mrs_keras.models.geodesic import on_path
from mrs_keras.models.label_inference import LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE, half_ranges
from mrs_keras.models.latent_priors import KernelPrior, LatentPrior, StandardNormalPrior
from mrs_keras.models.line_metric import line_bends
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import RowStream, row_seeds
from mrs_keras.serving.description import INTERPOLATIONS, ModelDescription
from mrs_keras.serving.saved_models import export

ENDS_OF_A_PATH = ("z_a", "z_b", "concentrations_a", "concentrations_b")

ROWS_AT_ONCE = 4096
"""Rows that are computed at once; bounds the memory of the hidden layers."""


class Verbs:
    """The part of `CVAE` that encodes, decodes, generates, interpolates and exports."""

    # === Description ===

    @property
    def description(self) -> ModelDescription:
        """Inputs and outputs of the model; must not be read inside a graph."""
        return ModelDescription(
            labels=self.labels,
            acquisition=self.acquisition,
            latent_dim=self.latent_dim,
            latent_prior=self.latent_priors[0].name,
            spectrum_scale=self.spectrum_scale,
        )

    @property
    def latent_priors(self) -> list[LatentPrior]:
        """The priors that latents can be drawn from, the default first; must not be read inside a graph.

        An unfitted prior is not included.
        """
        standard = StandardNormalPrior(self.latent_prior.latent_dim, len(self.labels))
        if not self.latent_prior.is_fitted or isinstance(self.latent_prior, StandardNormalPrior):
            return [standard]
        return [self.latent_prior, standard]

    @property
    def generates_noise(self) -> bool:
        """Whether generated spectra carry noise, which needs noise in the training data."""
        return self.noise_level is not None or self.noise_variance is not None

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of the sites that spectra can be generated for; none if the latent prior knows of no sites."""
        return getattr(self.latent_prior, "site_names", ())

    def check_site(self, site: str | None) -> None:
        """Raises `ValueError` if a site is not one of `sites`; `None` is any."""
        if site is not None and site not in self.sites:
            raise ValueError(
                f"The model must know the site. Expected one of: {', '.join(self.sites) or 'none'}. Received: "
                f"site={site!r}. Leave it out for spectra as from any of them."
            )

    # === Verbs ===

    def encode(self, spectrum, concentrations) -> dict[str, np.ndarray]:
        """Encodes spectra.

        Args:
          spectrum: (rows, points, 2), real and imaginary part, in the units of the training data.
          concentrations: (rows, labels), in their units.

        Returns:
          `"z_mean"` and `"z_log_var"`, mean and log variance of the latents, each float32 (rows, latent_dim).

        Raises:
          ValueError: if the model does not accept them. Labels outside the trained range give a warning.
        """
        return self._in_parts(self.signature_functions()["encode"], spectrum=spectrum, concentrations=concentrations)

    def decode(self, z, concentrations) -> dict[str, np.ndarray]:
        """Decodes latents.

        Args:
          z: (rows, latent_dim).
          concentrations: (rows, labels), in their units.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), in the units of the training data.

        Raises:
          ValueError: as in `encode`.
        """
        return self._in_parts(self.signature_functions()["decode"], z=z, concentrations=concentrations)

    def infer(self, spectrum) -> dict[str, np.ndarray]:
        """Infers the labels of spectra, for models with `infer_labels`.

        Args:
          spectrum: (rows, points, 2), in the units of the training data.

        Returns:
          `"concentrations"`, the most probable labels, and `"label_deviation"`, their standard deviations, each float32
          (rows, labels), in the labels' units.

        Raises:
          ValueError: if the model infers no labels, or does not accept the spectra.
        """
        if self.label_network is None:
            raise ValueError(
                "The model infers no labels. Expected a model that was built with `infer_labels=True` and has labels. "
                "Received one without. Train with the preset `invivo`."
            )
        spectrum = self.description.checked(spectrum=spectrum)["spectrum"]
        inferred = self.label_network.predict(spectrum, batch_size=ROWS_AT_ONCE, verbose=0)
        half = half_ranges(self.labels)
        log_variance = np.clip(inferred["label_log_var"], LEAST_LOG_VARIANCE, MOST_LOG_VARIANCE)
        return {
            "concentrations": (self.labels.low + half * (inferred["label_mean"] + 1.0)).astype(np.float32),
            "label_deviation": (half * np.exp(0.5 * log_variance)).astype(np.float32),
        }

    def generate(
        self, concentrations, seed, prior: str | None = None, site: str | None = None
    ) -> dict[str, np.ndarray]:
        """Generates a spectrum for each row of concentrations.

        Args:
          concentrations: (rows, labels), in their units, or a mapping from the name of each label to a number or one
            per row.
          seed: int64 (rows,), one per row: the same seed gives the same spectrum in any batch. Or an integer s, for the
            row seeds 2^32 s, 2^32 s + 1, and so on.
          prior: name of the latent prior, that of one of `latent_priors`. Defaults to `None`: the first of them.
          site: where the spectra are to be from: one of `sites`. Defaults to `None`: from any.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), in the units of the training data, with noise where its level is
          known or learned; and its latents `"z"`, float32 (rows, latent_dim).

        Raises:
          ValueError: if a label is negative or not finite, the number of labels is not the model's, there is not one
            seed per row, or `prior` was not fitted. If the model's prior was not fitted, `None` draws from the standard
            normal prior with a warning. Labels outside the trained range give a warning, too.
        """
        concentrations = self._rows_of_labels(concentrations)
        self.check_site(site)
        latent_prior = self._chosen_prior(prior)
        if site is not None and latent_prior is not self.latent_prior:
            raise ValueError(
                f"Only the {self.latent_prior.label} knows sites. Received: site={site!r}, prior={prior!r}. Leave one "
                "of them out."
            )
        seeds = row_seeds(seed, len(concentrations))
        if not len(concentrations):
            shapes = self.description.shapes
            return {name: np.zeros((0, *shapes[name]), np.float32) for name in ("spectrum", "z")}
        return self._in_parts(
            lambda inputs: self.generate_tensors(inputs, latent_prior, site),
            concentrations=concentrations,
            seed=seeds,
        )

    def interpolate(
        self,
        z_a,
        z_b,
        concentrations_a,
        concentrations_b,
        alpha,
        path: Literal["straight", "geodesic"] = "straight",
    ) -> dict[str, np.ndarray]:
        """Decodes points on a path between two latents and on the straight line between two concentrations.

        Args:
          z_a: (rows, latent_dim), where `alpha` is 0.
          z_b: (rows, latent_dim), where `alpha` is 1.
          concentrations_a: (rows, labels), in their units.
          concentrations_b: (rows, labels), in their units.
          alpha: (rows,), from 0 to 1.
          path: `"straight"`, the straight line of latents, or `"geodesic"`, a path on which phase, shift and width of
            the lines change more steadily and independently (`mrs_keras.models.line_metric`). It takes some 6 ms of
            processor time for each pair of ends, whatever the number of its `alpha`. Defaults to `"straight"`.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), in the units of the training data.

        Raises:
          ValueError: as in `encode`, or if `path` is unknown.
        """
        ends = {"z_a": z_a, "z_b": z_b, "concentrations_a": concentrations_a, "concentrations_b": concentrations_b}
        function = {"straight": self._interpolate, "geodesic": self._interpolate_pairs}
        return self._in_parts(function[check_choice("path", path, INTERPOLATIONS)], **ends, alpha=alpha)

    def export(self, output_dir: str | os.PathLike, version: int = 1, *, notice: str = "") -> dict[str, Path]:
        """Writes encoder and generator as SavedModels; see `mrs_keras.export`.

        Args:
          output_dir: folder of both.
          version: Defaults to `1`.
          notice: what users of the model must know. Defaults to `""`: nothing.

        Returns:
          `{"encoder": path, "generator": path}`.
        """
        return export(self, output_dir, version, notice=notice)

    # === Latent prior ===

    def fit_latent_density(
        self,
        inputs,
        seed: int = 0,
        checkpoints: Path | None = None,
        most_steps: int | None = None,
        sites: Sequence[str] | None = None,
    ) -> None:
        """Fits the latent prior to the posteriors of the training data.

        A mixture of Gaussians is fitted in seconds; a flow is trained for minutes, unless `most_steps` bounds it.

        Args:
          inputs: the training data: a finite dataset of batches, a `PyDataset`, or a dict of arrays, with `"spectrum"`
            and `"concentrations"`.
          seed: of the latents drawn from the posteriors, and of the fit. Defaults to `0`.
          checkpoints: folder for the state of a long fit, which resumes from there: same data, same seed. Defaults to
            `None`: none.
          most_steps: bound of the training steps of a flow, for trials. Defaults to `None`: none.
          sites: name of the site of each spectrum, for a kernel. Defaults to `None`: not known.

        Raises:
          ValueError: if the model's latent prior needs no fit, its latents are not finite, or the data are infinite or
            empty.
        """
        if not self.latent_prior.needs_fit:
            raise ValueError(
                f"The {self.latent_prior.label} of this model has nothing to fit. Use another latent prior, for "
                "example CVAE.from_preset('base', latent_prior='mixture')."
            )
        parts = [
            (self.posterior(batch), batch)
            for batch in (
                self._with_labels(self._checked_inputs(each))[0]
                for each in finite_batches(inputs, "fit_latent_density")
            )
        ]
        z_mean = np.concatenate([posterior["z_mean"] for posterior, _ in parts])
        deviation = np.exp(0.5 * np.concatenate([posterior["z_log_var"] for posterior, _ in parts]))
        labels = self._scaled_labels(np.concatenate([batch["concentrations"] for _, batch in parts]))
        if self.noise_level is not None:
            sigma = np.concatenate([batch["noise_sigma"] for _, batch in parts]) / self.spectrum_scale
            self.noise_level.adapt(sigma)
            z_mean = np.concatenate([z_mean, self.noise_level.standardised(sigma)[:, None]], axis=1)
            deviation = np.concatenate([deviation, np.zeros((len(sigma), 1))], axis=1)
        if isinstance(self.latent_prior, KernelPrior):
            self.latent_prior.fit(z_mean, labels, seed, deviations=deviation, sites=sites)
            return
        draws, drawn = -(-self.latent_prior.latents_to_fit // len(z_mean)), z_mean.shape[1]
        noise = row_normal(row_seeds(seed, len(z_mean)), draws * drawn, RowStream.POSTERIOR).numpy()
        latents = z_mean[:, None] + deviation[:, None] * noise.reshape(-1, draws, drawn)
        latents, labels = latents.reshape(-1, drawn), np.repeat(labels, draws, axis=0)
        self.latent_prior.fit(latents, labels, seed, checkpoints, most_steps)

    def sample_latents(self, seeds, concentrations, prior: str | None = None) -> tf.Tensor:
        """Draws latents, float32 (rows, latent_dim), for int64 seeds (rows,); otherwise as `generate`, unchecked."""
        return self._drawn(self._chosen_prior(prior), seeds, concentrations)[0]

    def noise_of(self, seeds, concentrations, prior: str | None = None) -> np.ndarray | None:
        """Returns the level of the noise that `generate` adds for int64 seeds (rows,), unchecked.

        Returns:
          float32 (rows,), standard deviation of the real part, in the units of the data, or `None` if the model adds
          none.
        """
        if not self.generates_noise:
            return None
        z, sigma = self._drawn(self._chosen_prior(prior), seeds, concentrations)
        if sigma is None:
            sigma = self._learned_noise({"z": z, "concentrations": tf.cast(concentrations, tf.float32)})
        return np.asarray(sigma)[:, 0]

    def log_prior(self, z, concentrations, noise_sigma=None) -> tf.Tensor:
        """Returns ln p(z | c) in nats, float32 (rows,), of the latent prior.

        Args:
          z: latents, float32 (rows, latent_dim).
          concentrations: float32 (rows, labels), in their units.
          noise_sigma: float32 (rows,), where the level of the noise is known: then of z and its logarithm.
        """
        if self.noise_level is not None:
            level = self.noise_level.standardised(noise_sigma / self.spectrum_scale)
            z = tf.concat([z, tf.cast(level, tf.float32)[:, None]], axis=1)
        return self.latent_prior.log_prob(z, self._scaled_labels(concentrations))

    def _scaled_labels(self, concentrations):
        """Maps the trained range of each label to -1 ... 1; labels outside are clipped to its ends."""
        low, high = self.labels.low.astype(np.float32), self.labels.high.astype(np.float32)
        scaled = 2 * (concentrations - low) / np.where(high > low, high - low, 1) - 1
        return tf.clip_by_value(scaled, -1.0, 1.0)

    def _chosen_prior(self, name: str | None) -> LatentPrior:
        """Returns the latent prior to draw from; by default never an unfitted one."""
        known = {prior.name: prior for prior in self.latent_priors}
        if name is None:
            if not self.latent_prior.is_fitted:
                warnings.warn(
                    f"The {self.latent_prior.label} was not fitted yet: latents are drawn from the "
                    f"{self.latent_priors[0].label}, which generates worse spectra. Call `fit_latent_density(train)` "
                    "after the training.",
                    stacklevel=3,
                )
            return self.latent_priors[0]
        if name == self.latent_prior.name and name not in known:
            raise ValueError(
                f"The {self.latent_prior.label} was not fitted. Expected one of: {', '.join(map(repr, known))}. "
                f"Received: prior={name!r}. Call `fit_latent_density` after the training."
            )
        return known[check_choice("prior", name, known)]

    # === The work, for tensors ===

    def signature_functions(self) -> dict:
        """Returns name of a signature -> function of a dict of tensors, unchecked, for the export."""
        return {
            "encode": self.posterior,
            "decode": self._decode,
            "generate": self.generate_tensors,
            "interpolate": self._interpolate,
            "interpolate_geodesic": self._interpolate_geodesic,
        }

    def signature_variables(self) -> dict[str, list]:
        """Returns name of an export folder -> the variables that its signatures read."""
        generating = (self.generator, self.noise_variance, self.noise_level, self.latent_prior)
        return {
            "encoder": list(self.encoder.variables),
            "generator": [variable for part in generating if part is not None for variable in part.variables],
        }

    def _decode(self, inputs):
        return {"spectrum": self.generator({name: inputs[name] for name in ("z", "concentrations")}, training=False)}

    def generate_tensors(self, inputs, latent_prior: LatentPrior | None = None, site: str | None = None):
        """Does the work of `generate` for a dict of tensors, unchecked, also inside a graph."""
        concentrations, seeds = inputs["concentrations"], inputs["seed"]
        z, sigma = self._drawn(latent_prior or self.latent_prior, seeds, concentrations, site)
        latents = {"z": z, "concentrations": concentrations}
        spectrum = self.generator(latents, training=False)
        if self.noise_variance is not None:
            sigma = self._learned_noise(latents)
        if sigma is not None:
            noise = row_normal(seeds, 2 * self.acquisition.window_points, RowStream.NOISE)
            spectrum += tf.reshape(sigma * noise, tf.shape(spectrum))
        return {"spectrum": spectrum, "z": z}

    def _drawn(self, latent_prior, seeds, concentrations, site=None):
        """Returns latents, and the level of the noise (batch, 1) if it is drawn with them, else `None`."""
        options = {} if site is None else {"site": site}
        drawn = latent_prior.sample(seeds, self._scaled_labels(concentrations), **options)
        if self.noise_level is None:
            return drawn, None
        level = self.noise_level.level(drawn[:, self.latent_dim :])
        return drawn[:, : self.latent_dim], self.spectrum_scale * level

    def _learned_noise(self, latents):
        return self.spectrum_scale * tf.sqrt(self.noise_variance(latents, training=False))

    def _interpolate(self, inputs):
        alpha = inputs["alpha"][:, None]
        return self._decode({name: self._between(name, inputs, alpha) for name in ("z", "concentrations")})

    def _interpolate_geodesic(self, inputs):
        return self._decode_on_path(inputs, self._bends(inputs))

    def _interpolate_pairs(self, inputs):
        """Does the work of `_interpolate_geodesic`, outside a graph, with one path for all rows of the same ends."""
        ends = np.concatenate([inputs[name] for name in ENDS_OF_A_PATH], axis=1)
        _, first, pair = np.unique(ends, axis=0, return_index=True, return_inverse=True)
        bends = self._bends_in_graph({name: tf.gather(inputs[name], first) for name in ENDS_OF_A_PATH})
        return self._decode_on_path(inputs, tf.gather(bends, pair.reshape(-1)))

    def _decode_on_path(self, inputs, bends):
        alpha = inputs["alpha"][:, None]
        z = on_path(inputs["z_a"], inputs["z_b"], bends, alpha)
        return self._decode({"z": z, "concentrations": self._between("concentrations", inputs, alpha)})

    def _bends(self, ends):
        return line_bends(lambda at: self.generator(at, training=False), self.acquisition.window_points, ends)

    @functools.cached_property
    def _bends_in_graph(self):
        return tf.function(self._bends, reduce_retracing=True)

    @staticmethod
    def _between(name, inputs, alpha):
        return (1.0 - alpha) * inputs[f"{name}_a"] + alpha * inputs[f"{name}_b"]

    # === Inputs from Python ===

    def _rows_of_labels(self, concentrations) -> np.ndarray:
        """Returns labels as float32 (rows, labels), checked as in `generate`; zero rows are allowed."""
        if isinstance(concentrations, Mapping):
            names = self.labels.names
            if set(concentrations) != set(names):
                raise ValueError(
                    "`concentrations` must name the labels of the model. "
                    f"Expected exactly: {', '.join(names)}. Received: {', '.join(map(str, concentrations))}."
                )
            columns = np.broadcast_arrays(*(np.atleast_1d(concentrations[name]) for name in names))
            concentrations = np.stack(columns, axis=1)
        array = check_finite("concentrations", np.asarray(concentrations, dtype=np.float32))
        if array.ndim != 2 or array.shape[1] != len(self.labels) or np.any(array < 0):
            raise ValueError(
                f"`concentrations` must be (rows, labels), {self.labels.ranges_in_words}, none negative. "
                f"Expected {len(self.labels)} columns ({', '.join(self.labels.names)}). "
                f"Received: shape {array.shape}, smallest value {array.min() if array.size else None}."
            )
        return array

    def _in_parts(self, function, seed: np.ndarray | None = None, **inputs) -> dict[str, np.ndarray]:
        """Applies a function of a dict of tensors to checked inputs, some rows at a time; returns its outputs."""
        arrays = self.description.checked(extrapolate=True, **inputs)
        for name, array in arrays.items():
            outside = self.labels.out_of_range(array) if name.startswith("concentrations") else None
            if outside:
                warnings.warn(f"Some labels lie outside the trained range: {outside}.", stacklevel=3)
        if seed is not None:
            arrays["seed"] = seed
        rows = len(next(iter(arrays.values())))
        parts = [
            function({name: tf.constant(array[first : first + ROWS_AT_ONCE]) for name, array in arrays.items()})
            for first in range(0, rows, ROWS_AT_ONCE)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
