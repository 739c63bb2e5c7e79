"""The conditional variational autoencoder."""

import math
import warnings
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_choice, check_count, check_finite, check_positive
from mrs_keras.models.metrics import ActiveUnits
from mrs_keras.models.networks import build_encoder, build_generator
from mrs_keras.models.presets import CVAE_PRESETS


@keras.saving.register_keras_serializable("mrs_keras")
class CVAE(keras.Model):
    """Conditional variational autoencoder of complex spectra, with concentrations as the condition.

    The method of van de Sande et al., ISMRM 2023, abstract 5027: encoder and generator both see the concentrations c;
    real and imaginary part of the spectrum x are concatenated to D = 2 points numbers; the loss is a squared error
    plus the Kullback-Leibler divergence of the posterior from a standard normal prior. Per example, in nats:

        reconstruction_loss = ||x - x_hat||^2 / (2 v) + D/2 ln(2 pi v)
        kl_loss             = KL(q(z | x, c) || N(0, I))
        loss                = reconstruction_loss + kl_weight * kl_loss

    These are the model's own: a `loss` or `metrics` given to `compile` have no effect. The errors are sums over points,
    in units of `spectrum_scale`. With `decoder_variance="optimal"`, v is the mean squared error of the (global) batch,
    which weighs the two terms by itself (sigma-VAE, Rybkin et al., ICML 2021, arXiv 2006.13202). In `evaluate` and in
    validation z is the posterior mean: these numbers are not random. NaN in the data gives NaN: no batch is checked.

    | symbol | meaning | in code |
    |---|---|---|
    | x | spectrum | `"spectrum"`, (batch, points, 2), units of the data |
    | c | concentrations | `"concentrations"`, (batch, metabolites), mM |
    | mu, ln s^2 | posterior of the latents | `"z_mean"`, `"z_log_var"`, (batch, latent_dim) |
    | z | latents | `"z"`, (batch, latent_dim) |
    | v | decoder variance | `decoder_variance` |

    Args:
      metabolites: names, in the order of the concentrations.
      concentration_range_mm: (metabolites, 2), lowest and highest concentration of the training data, mM.
      acquisition: `Acquisition` of the spectra, or its `to_dict()`; its window sets the number of points.
      spectrum_scale: what spectra are divided by inside the model, in their units, such as the tallest peak.
      latent_dim: number of latents. Defaults to `16`.
      hidden_units: width of each hidden layer of the encoder; the generator mirrors them. Defaults to
        `(512, 256, 128)`.
      activation: of the hidden layers. Defaults to `"gelu"`.
      kl_weight: weight of the KL term, or a `keras.optimizers.schedules.LearningRateSchedule` of it over the steps of
        the training. Defaults to `1.0`.
      decoder_variance: `"optimal"`, or a fixed variance in units of `spectrum_scale` squared. Defaults to `"optimal"`.
      seed: of the sampling noise. Step n on replica r uses noise keyed by (seed, n, r): a resumed training equals an
        uninterrupted one. Defaults to `0`.

    Call arguments:
      inputs: dict with `"spectrum"` and `"concentrations"`.

    Returns (call):
      dict of `"spectrum"`, the reconstruction from the posterior mean, `"z_mean"` and `"z_log_var"`.

    Raises:
      ValueError: if an argument is out of range, or the inputs have another number of points or metabolites.

    Example:

    >>> model = CVAE.from_preset("base")
    >>> model.compile(optimizer="adam")
    >>> model.fit(train, validation_data=validation, epochs=100, shuffle=False)  # doctest: +SKIP
    >>> model.generate(concentrations=[[12.0, 4.5]], seed=0).shape
    (1, 252, 2)
    """

    def __init__(
        self,
        metabolites: Sequence[str],
        concentration_range_mm: Sequence[Sequence[float]],
        acquisition: Acquisition | Mapping,
        spectrum_scale: float,
        latent_dim: int = 16,
        hidden_units: Sequence[int] = (512, 256, 128),
        activation: str = "gelu",
        kl_weight: float | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        decoder_variance: float | Literal["optimal"] = "optimal",
        seed: int = 0,
        **kwargs,
    ):
        super().__init__(**kwargs)
        # === Config ===
        self.metabolites = tuple(metabolites)
        self.concentration_range_mm = _checked_ranges(concentration_range_mm, self.metabolites)
        self.acquisition = acquisition if isinstance(acquisition, Acquisition) else Acquisition(**acquisition)
        self.spectrum_scale = check_positive("spectrum_scale", spectrum_scale, 1000.0)
        self.latent_dim = check_count("latent_dim", latent_dim, 16)
        self.hidden_units = tuple(check_count("hidden_units", units, 512) for units in hidden_units)
        self.activation = activation
        self.kl_weight = _checked_kl_weight(kl_weight)
        self.decoder_variance = (
            decoder_variance
            if decoder_variance == "optimal"
            else check_positive("decoder_variance", decoder_variance, 0.001)
        )
        self.seed = int(seed)

        # === Networks ===
        networks = (
            self.acquisition.window_points,
            self.concentration_range_mm,
            self.spectrum_scale,
            self.latent_dim,
            self.hidden_units,
            self.activation,
        )
        self.encoder = build_encoder(*networks)
        self.generator = build_generator(*networks)

        # === Metrics ===
        self.trackers = {
            name: keras.metrics.Mean(name) for name in ("loss", "reconstruction_loss", "kl_loss", "mean_squared_error")
        }
        self.active_units = ActiveUnits(self.latent_dim)
        self.built = True

    @classmethod
    def from_preset(cls, name: str = "base", dataset: Mapping | None = None, **overrides) -> "CVAE":
        """Returns an untrained model of a named preset.

        Args:
          name: one of `mrs_keras.models.CVAE_PRESETS`. Defaults to `"base"`.
          dataset: metadata of the dataset to train on (`builder.info.metadata` of `simulated_mrs`); they give
            metabolites, ranges, acquisition and scale. Defaults to `None`: those of the dataset's default config.
          **overrides: arguments of `CVAE` that replace those of the preset.

        Raises:
          ValueError: if there is no such preset; the message lists them.
        """
        config = CVAE_PRESETS[check_choice("preset", name, CVAE_PRESETS)]["config"]
        return cls(**{**(_default_data() if dataset is None else _data_config(dataset)), **config, **overrides})

    # === Forward ===

    def call(self, inputs, training=None):
        inputs = self._checked_inputs(inputs)
        posterior = self.encoder(inputs, training=training)
        spectrum = self.generator(
            {"z": posterior["z_mean"], "concentrations": inputs["concentrations"]}, training=training
        )
        return {"spectrum": spectrum, **posterior}

    def _terms(self, inputs, noise, training):
        """Returns squared error and KL of each example, float32 (batch,), and z_mean."""
        posterior = self.encoder(inputs, training=training)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]
        z = z_mean + tf.exp(0.5 * z_log_var) * noise
        spectrum = self.generator({"z": z, "concentrations": inputs["concentrations"]}, training=training)
        error = (inputs["spectrum"] - spectrum) / self.spectrum_scale
        squared_error = tf.reduce_sum(tf.square(error), axis=(1, 2))
        kl = 0.5 * tf.reduce_sum(tf.exp(z_log_var) + tf.square(z_mean) - 1.0 - z_log_var, axis=1)
        return squared_error, kl, z_mean

    def _per_example_losses(self, squared_error, kl, global_batch):
        """Returns the terms of the loss of each example, in nats, each float32 (batch,)."""
        size = 2 * self.acquisition.window_points
        variance = self.decoder_variance
        if variance == "optimal":
            # A constant for the gradient: d/dv of the loss vanishes where v is the mean squared error.
            total = _sum_over_replicas(tf.reduce_sum(tf.stop_gradient(squared_error)))
            variance = tf.maximum(total / (global_batch * size), 1e-12)
        reconstruction = squared_error / (2 * variance) + 0.5 * size * tf.math.log(2 * math.pi * variance)
        return {
            "loss": reconstruction + self._kl_weight_now() * kl,
            "reconstruction_loss": reconstruction,
            "kl_loss": kl,
            "mean_squared_error": squared_error / size,
        }

    # === Training ===

    def train_step(self, data):
        inputs = self._checked_inputs(data)
        batch = tf.shape(inputs["spectrum"])[0]
        global_batch = _sum_over_replicas(tf.cast(batch, tf.float32))
        noise = tf.random.stateless_normal((batch, self.latent_dim), self._step_seed(), alg="philox")
        with tf.GradientTape() as tape:
            squared_error, kl, z_mean = self._terms(inputs, noise, training=True)
            losses = self._per_example_losses(squared_error, kl, global_batch)
            # Keras sums gradients over replicas: each replica gives its share of the mean over the global batch.
            loss = self.optimizer.scale_loss(tf.reduce_sum(losses["loss"]) / global_batch)
        variables = self.trainable_variables
        self.optimizer.apply(tape.gradient(loss, variables), variables)
        return self._update_metrics(losses, z_mean)

    def test_step(self, data):
        inputs = self._checked_inputs(data)
        global_batch = _sum_over_replicas(tf.cast(tf.shape(inputs["spectrum"])[0], tf.float32))
        squared_error, kl, z_mean = self._terms(inputs, 0.0, training=False)
        return self._update_metrics(self._per_example_losses(squared_error, kl, global_batch), z_mean)

    def _kl_weight_now(self):
        if isinstance(self.kl_weight, keras.optimizers.schedules.LearningRateSchedule):
            return self.kl_weight(self.optimizer.iterations)
        return self.kl_weight

    def _step_seed(self):
        """Returns the seed of this step's noise on this replica: int32 (2,)."""
        seed = tf.constant([self.seed, 0], tf.int32)
        seed = tf.random.experimental.stateless_fold_in(seed, tf.cast(self.optimizer.iterations, tf.int32))
        replica = tf.distribute.get_replica_context().replica_id_in_sync_group
        return tf.random.experimental.stateless_fold_in(seed, replica)

    def _update_metrics(self, losses, z_mean):
        """Returns all of `metrics`: where one is missing, Keras averages over replicas instead of reading them."""
        for name, values in losses.items():
            self.trackers[name].update_state(values)
        self.active_units.update_state(z_mean)
        return {metric.name: metric.result() for metric in self.metrics}

    @property
    def metrics(self):
        return [*self.trackers.values(), self.active_units]

    # === Generation ===

    def generate(self, concentrations, seed: int) -> np.ndarray:
        """Generates a spectrum for each row of concentrations, from latents drawn from the standard normal prior.

        Args:
          concentrations: (batch, metabolites), mM. Outside the trained range a warning names the range.
          seed: integer; the same seed gives the same spectra.

        Returns:
          float32 (batch, points, 2), in the units of the training data.

        Raises:
          ValueError: if a concentration is negative or not finite, or their number is not that of the metabolites.
        """
        concentrations = self.check_concentrations(concentrations)
        z = tf.random.stateless_normal((len(concentrations), self.latent_dim), (seed, 1), alg="philox")
        return self.generator.predict_on_batch({"z": z, "concentrations": concentrations})

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

    # === Checks and config ===

    def _checked_inputs(self, data) -> dict:
        """Returns spectrum and concentrations of a batch, or raises if their shapes are not the model's."""
        data, _, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise ValueError(
                "The model takes no sample weights. Expected: spectra and concentrations alone. "
                "Received: sample weights. Leave them out, or repeat examples instead."
            )
        expected = {"spectrum": (self.acquisition.window_points, 2), "concentrations": (len(self.metabolites),)}
        received = {key: tuple(data[key].shape) for key in data} if isinstance(data, Mapping) else type(data).__name__
        if not isinstance(data, Mapping) or any(received.get(key, ())[1:] != shape for key, shape in expected.items()):
            raise ValueError(
                "The model takes a dict of `spectrum` (batch, points, 2) and `concentrations` (batch, metabolites). "
                f"Expected after the batch axis: {expected}, for the metabolites {', '.join(self.metabolites)} and the "
                f"window {self.acquisition.ppm_window} ppm. Received: {received}. "
                "Use data of the model's acquisition, or build a model with `CVAE.from_preset(dataset=...)`."
            )
        return {key: data[key] for key in expected}

    def get_config(self):
        return {
            **super().get_config(),
            "metabolites": list(self.metabolites),
            "concentration_range_mm": [list(limits) for limits in self.concentration_range_mm],
            "acquisition": self.acquisition.to_dict(),
            "spectrum_scale": self.spectrum_scale,
            "latent_dim": self.latent_dim,
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "kl_weight": keras.saving.serialize_keras_object(self.kl_weight),
            "decoder_variance": self.decoder_variance,
            "seed": self.seed,
        }


def _checked_kl_weight(weight):
    """Returns a schedule (also from its serialised form) or a float >= 0."""
    if isinstance(weight, Mapping):
        weight = keras.saving.deserialize_keras_object(weight)
    if isinstance(weight, keras.optimizers.schedules.LearningRateSchedule):
        return weight
    if float(weight) >= 0:
        return float(weight)
    raise ValueError(f"`kl_weight` must be at least 0. Received: kl_weight={weight}. Give for example 1.0.")


def _sum_over_replicas(value):
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def _checked_ranges(ranges, metabolites) -> tuple[tuple[float, float], ...]:
    array = check_finite("concentration_range_mm", np.asarray(ranges, dtype=np.float64))
    if array.shape != (len(metabolites), 2) or np.any(array[:, 0] > array[:, 1]):
        raise ValueError(
            "`concentration_range_mm` must hold (low, high) in mM, low <= high, for each metabolite. "
            f"Expected shape ({len(metabolites)}, 2), for {', '.join(metabolites)}. Received: {array.tolist()}."
        )
    return tuple((float(low), float(high)) for low, high in array)


def _data_config(metadata: Mapping) -> dict:
    """Returns the arguments of `CVAE` that the metadata of a dataset set."""
    return {
        "metabolites": metadata["metabolites"],
        "concentration_range_mm": [metadata["prior"]["concentrations"][name] for name in metadata["metabolites"]],
        "acquisition": metadata["acquisition"],
        "spectrum_scale": metadata["peak_height"],
    }


def _default_data() -> dict:
    from mrs_keras.basis import default_basis
    from mrs_keras.simulation import UniformPrior

    prior, basis = UniformPrior.from_preset("naa_pcr"), default_basis()
    return _data_config(
        {
            "metabolites": list(prior.metabolites),
            "prior": prior.to_dict(),
            "acquisition": basis.acquisition.to_dict(),
            "peak_height": prior.peak_height(basis),
        }
    )
