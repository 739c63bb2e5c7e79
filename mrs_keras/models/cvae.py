"""The conditional variational autoencoder."""

import math
import sys
from collections.abc import Mapping, Sequence
from typing import Literal

import keras
import tensorflow as tf

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count, check_positive
from mrs_keras.data.description import DatasetDescription
from mrs_keras.labels import Labels
from mrs_keras.models.adam import FusedAdam  # noqa: F401  registers it, for files of models that it trained
from mrs_keras.models.arguments import (
    checked_decoder,
    checked_kl_weight,
    checked_weight,
    described,
    lacks_physics,
    preset_arguments,
)
from mrs_keras.models.batches import Batches
from mrs_keras.models.clipping import clip_by_summed_norm
from mrs_keras.models.hybrid import build_hybrid_generator
from mrs_keras.models.independence import dependence
from mrs_keras.models.latent_priors import make_latent_prior
from mrs_keras.models.metrics import ActiveUnits
from mrs_keras.models.networks import build_encoder, build_generator, build_label_network, build_noise_variance
from mrs_keras.models.noise_level import NoiseLevel
from mrs_keras.models.precision import layers_compute_in
from mrs_keras.models.presets import CVAE_PRESETS
from mrs_keras.models.verbs import Verbs
from mrs_keras.simulation.examples import ExampleRecipe


@keras.saving.register_keras_serializable("mrs_keras")
class CVAE(Verbs, Batches, keras.Model):
    """Conditional variational autoencoder of complex spectra, with concentrations as the condition.

    The method of van de Sande et al., ISMRM 2023, abstract 5027: encoder and generator both see the concentrations c;
    real and imaginary part of the spectrum x are concatenated to D = 2 points numbers; the loss is a squared error
    plus the Kullback-Leibler divergence of the posterior from a standard normal prior. Per example, in nats:

        reconstruction_loss = ||x - x_hat||^2 / (2 v) + D/2 ln(2 pi v)
        kl_loss             = KL(q(z | x, c) || N(0, I))
        loss                = reconstruction_loss + kl_weight * kl_loss (+ label_penalty * dependence, in training)

    Spectra are generated from latents drawn from N(0, I), or from a density of z given c that is fitted to the
    posteriors of the training data (`latent_prior`, `fit_latent_density`).

    Loss and metrics are the model's own: `compile` takes none. The errors are sums over points,
    in units of `spectrum_scale`. With `decoder_variance="optimal"`, v is the mean squared error of the (global) batch,
    which balances the two terms automatically (sigma-VAE, Rybkin et al., ICML 2021, arXiv 2006.13202). With
    `"learned"`, for data with noise, a small network predicts v of each spectrum from its latents, and generated
    spectra carry white noise of that variance. With `"known"`, for measured spectra, batches have `"noise_sigma"`,
    and v is its square plus one learned number (`mrs_keras.models.noise_level`); the level of the noise of
    generated spectra is drawn together with their latents. In `evaluate` and in validation, z is the posterior
    mean, so these
    numbers are not random. Batches are not checked for NaN: NaN in the data gives NaN.

    | symbol | meaning | in code |
    |---|---|---|
    | x | spectrum | `"spectrum"`, (batch, points, 2), units of the data |
    | c | labels | `"concentrations"`, (batch, labels), in their units, such as mM |
    | mu, ln s^2 | posterior of the latents | `"z_mean"`, `"z_log_var"`, (batch, latent_dim) |
    | z | latents | `"z"`, (batch, latent_dim) |
    | v | decoder variance | `decoder_variance` |

    Args:
      labels: `Labels` of the training data, or its `to_dict()`: names, units and ranges of the concentrations.
      acquisition: `Acquisition` of the spectra, or its `to_dict()`; its window sets the number of points.
      spectrum_scale: what spectra are divided by inside the model, in their units, such as the tallest peak.
      latent_dim: number of latents. Defaults to `16`.
      hidden_units: width of each hidden layer of the encoder; the generator mirrors them. Defaults to
        `(512, 256, 128)`.
      activation: of the hidden layers. Defaults to `"gelu"`.
      modulated: whether latents and concentrations also multiply every hidden layer of the generator. Defaults to
        `True`.
      kl_weight: weight of the KL term, or a `keras.optimizers.schedules.LearningRateSchedule` of it over the steps of
        the training. Defaults to `1.0`.
      label_penalty: weight of the dependence of the latents on the labels in the training's loss, in nats: see
        `mrs_keras.models.independence`. Defaults to `0.0`: none.
      decoder_variance: `"optimal"`, `"learned"`, `"known"`, or a fixed variance in units of `spectrum_scale` squared.
        Defaults to `"optimal"`.
      decoder: `"free"`, a network from latents and labels to a spectrum; or `{"kind": "hybrid", "physics":
        physics_of(recipe)}`, one from latents to the physical parameters of a prior, followed by the forward model, in
        which the labels set the amplitudes, and by a smooth residual (`"residual": False` leaves it out). It needs
        `adapt_to(recipe)` once. Defaults to `"free"`.
      infer_labels: whether a small network infers labels from spectra. Batches may then have `"label_known"`, bool
        (batch, labels), and `"label_deviation"`, float32 (batch, labels), the standard deviations of the labels: a
        missing label is inferred, an uncertain one is combined with what is inferred, by their precisions
        (`mrs_keras.models.label_inference`). Defaults to `False`: all labels are known and exact.
      latent_prior: what generated spectra are drawn from: the kind of one of `mrs_keras.models.latent_priors`, or with
        its arguments, such as `{"kind": "flow", "fit_steps": 12_000}`. Defaults to `"standard_normal"`.
      seed: of the sampling noise. Row i of the global batch of step n has noise keyed by (seed, n, i): a resumed
        training equals an uninterrupted one, and training on several replicas equals training on one. Defaults to `0`.
      clip_norm: largest norm of a step's gradient, over all weights and summed over replicas (unlike `clipnorm` of an
        optimizer). Defaults to `None`: no clipping. The loss is a sum of some 500 points in nats: its gradient is
        large in healthy training, too, so no bound suits all data.
      **kwargs: of `keras.Model`. With `dtype="mixed_float16"` the hidden layers compute in float16; latents, spectra,
        the KL term and the loss stay float32.

    Call arguments:
      inputs: dict with `"spectrum"` and `"concentrations"`.

    Returns (call):
      dict of `"spectrum"`, the reconstruction from the posterior mean, `"z_mean"` and `"z_log_var"`.

    Raises:
      ValueError: if an argument is out of range, or the inputs have the wrong number of points or metabolites.

    Example:

    >>> model = CVAE.from_preset("base")
    >>> model.compile(optimizer="adam")
    >>> model.fit(train, validation_data=validation, epochs=100, shuffle=False)  # doctest: +SKIP
    >>> model.fit_latent_density(train)  # doctest: +SKIP
    >>> model.generate([[12.0, 4.5]], seed=0, prior="standard_normal")["spectrum"].shape
    (1, 252, 2)
    """

    def __init__(
        self,
        labels: Labels | Mapping,
        acquisition: Acquisition | Mapping,
        spectrum_scale: float,
        latent_dim: int = 16,
        hidden_units: Sequence[int] = (512, 256, 128),
        activation: str = "gelu",
        modulated: bool = True,
        kl_weight: float | keras.optimizers.schedules.LearningRateSchedule = 1.0,
        label_penalty: float = 0.0,
        decoder_variance: float | Literal["optimal", "learned", "known"] = "optimal",
        decoder: Literal["free"] | Mapping = "free",
        infer_labels: bool = False,
        latent_prior: str | Mapping = "standard_normal",
        seed: int = 0,
        clip_norm: float | None = None,
        **kwargs,
    ):
        super().__init__(**kwargs)
        # Concentrations and spectra are passed in full precision; the hidden layers cast them.
        self.autocast = False
        # === Config ===
        self.labels = labels if isinstance(labels, Labels) else Labels.from_dict(labels)
        self.acquisition = acquisition if isinstance(acquisition, Acquisition) else Acquisition(**acquisition)
        self.spectrum_scale = check_positive("spectrum_scale", spectrum_scale, 1000.0)
        self.latent_dim = check_count("latent_dim", latent_dim, 16)
        self.hidden_units = tuple(check_count("hidden_units", units, 512) for units in hidden_units)
        self.activation = activation
        self.modulated = bool(modulated)
        self.kl_weight = checked_kl_weight(kl_weight)
        self.label_penalty = checked_weight("label_penalty", label_penalty)
        self.decoder_variance = (
            decoder_variance
            if decoder_variance in ("optimal", "learned", "known")
            else check_positive("decoder_variance", decoder_variance, 0.001)
        )
        self.decoder = checked_decoder(decoder)
        self.infer_labels = bool(infer_labels) and len(self.labels) > 0
        self.seed = int(seed)
        self.clip_norm = None if clip_norm is None else check_positive("clip_norm", clip_norm, 1e4)

        # === Networks ===
        networks = (
            self.acquisition.window_points,
            self.labels.ranges,
            self.spectrum_scale,
            self.latent_dim,
            self.hidden_units,
            self.activation,
        )
        with layers_compute_in(self.dtype_policy):
            self.encoder = build_encoder(*networks)
            self.generator = (
                build_generator(*networks, self.modulated)
                if self.decoder == "free"
                else build_hybrid_generator(
                    self.acquisition,
                    self.labels.names,
                    *networks[2:],
                    self.modulated,
                    self.decoder["physics"],
                    self.decoder.get("residual", True),
                )
            )
            self.noise_variance = (
                build_noise_variance(self.labels.ranges, self.latent_dim, self.activation)
                if decoder_variance == "learned"
                else None
            )
            self.label_network = (
                build_label_network(networks[0], len(self.labels), *networks[2:3], *networks[4:])
                if self.infer_labels
                else None
            )
        # The level of the noise, where it is known, is drawn with the latents.
        self.noise_level = NoiseLevel(name="noise_level") if decoder_variance == "known" else None
        drawn = self.latent_dim + (self.noise_level is not None)
        self.latent_prior = make_latent_prior(latent_prior, drawn, len(self.labels))
        # Its weights have this name in `.keras` files.
        self.latent_density = self.latent_prior

        # === Metrics ===
        names = ["loss", "reconstruction_loss", "kl_loss", "mean_squared_error"]
        names += ["label_loss"] if self.infer_labels else []
        self.trackers = {name: keras.metrics.Mean(name) for name in names}
        self.active_units = ActiveUnits(self.latent_dim)
        self.built = True

    @classmethod
    def from_preset(
        cls, name: str = "base", dataset: DatasetDescription | Mapping | None = None, **overrides
    ) -> "CVAE":
        """Returns an UNTRAINED model of a named preset, and prints a note about it to the standard error.

        `mrs_keras.train` trains one by the preset's recipe; `mrs_keras.load_pretrained` loads a trained one.

        Args:
          name: one of `mrs_keras.models.CVAE_PRESETS`. Defaults to `"base"`.
          dataset: description of the dataset to train on, or its metadata (`builder.info.metadata`); sets labels,
            acquisition and scale. Defaults to `None`: those of the preset's dataset.
          **overrides: arguments of `CVAE` that replace those of the preset.

        Raises:
          ValueError: if there is no such preset; the message lists them.
        """
        model = preset_model(name, dataset, **overrides)
        print(
            f"CVAE.from_preset('{name}'): a model with random weights, to be trained. "
            "A trained one: mrs_keras.load_pretrained().",
            file=sys.stderr,
        )
        return model

    # === Forward ===

    def adapt_to(self, recipe: ExampleRecipe, label_scale: Sequence[float] | None = None) -> None:
        """Gives a hybrid generator the basis, the baseline and the scales of the parameters of a recipe.

        Args:
          recipe: of the spectra to train on, in the units of the data.
          label_scale: as in `PhysicalLayer.adapt`.

        Raises:
          ValueError: if the generator is a free one, or the recipe is not of its kind.
        """
        if self.decoder == "free":
            raise ValueError(
                "Only a hybrid generator has a forward model. Received: decoder='free'. Build the model with "
                "`decoder={'kind': 'hybrid', 'physics': physics_of(recipe)}`."
            )
        self.generator.get_layer("physics").adapt(recipe, label_scale)

    def call(self, inputs, training=None):
        inputs = self._with_labels(self._checked_inputs(inputs, for_training=False))[0]
        posterior = self.posterior(inputs, training=training)
        spectrum = self.generator(
            {"z": posterior["z_mean"], "concentrations": inputs["concentrations"]}, training=training
        )
        return {"spectrum": spectrum, **posterior}

    def _terms(self, inputs, noise, training):
        """Returns squared error, KL and decoder variance of each example, float32 (batch,), and latents."""
        posterior = self.posterior(inputs, training=training)
        z_mean, z_log_var = posterior["z_mean"], posterior["z_log_var"]
        z = z_mean + tf.exp(0.5 * z_log_var) * noise
        spectrum = self.generator({"z": z, "concentrations": inputs["concentrations"]}, training=training)
        error = (inputs["spectrum"] - spectrum) / self.spectrum_scale
        squared_error = tf.reduce_sum(tf.square(error), axis=(1, 2))
        kl = 0.5 * tf.reduce_sum(tf.exp(z_log_var) + tf.square(z_mean) - 1.0 - z_log_var, axis=1)
        variance = self.decoder_variance
        if variance == "learned":
            variance = self.noise_variance({"z": z, "concentrations": inputs["concentrations"]}, training=training)[
                :, 0
            ]
        elif variance == "known":
            variance = self.noise_level.variance(inputs["noise_sigma"] / self.spectrum_scale)
        return squared_error, kl, variance, {"z": z, "z_mean": z_mean}

    def _per_example_losses(self, squared_error, kl, variance, global_batch, label_loss=0.0):
        """Returns the terms of the loss of each example, in nats, each float32 (batch,)."""
        size = 2 * self.acquisition.window_points
        if self.decoder_variance == "optimal":
            # A constant for the gradient: d/dv of the loss is zero where v is the mean squared error.
            total = _sum_over_replicas(tf.reduce_sum(tf.stop_gradient(squared_error)))
            variance = tf.maximum(total / (global_batch * size), 1e-12)
        reconstruction = squared_error / (2 * variance) + 0.5 * size * tf.math.log(2 * math.pi * variance)
        return {
            "loss": reconstruction + self._kl_weight_now() * kl + label_loss,
            "reconstruction_loss": reconstruction,
            "kl_loss": kl,
            "mean_squared_error": squared_error / size,
            **({"label_loss": label_loss} if self.infer_labels else {}),
        }

    # === Training ===

    def compile(self, optimizer="rmsprop", loss=None, **kwargs):
        """Configures the model for training, as Keras does; loss and metrics are the model's own.

        Raises:
          ValueError: if a loss or metrics are given.
        """
        own = {"loss": loss, **{name: kwargs.get(name) for name in ("loss_weights", "metrics", "weighted_metrics")}}
        given = [name for name, value in own.items() if value]
        if given:
            raise ValueError(
                "The model has a loss and metrics of its own (see `CVAE`). Expected: an optimizer only. "
                f"Received: {', '.join(given)}. Leave them out; `kl_weight` and `decoder_variance` of the model weight "
                "the terms of the loss."
            )
        super().compile(optimizer=optimizer, **kwargs)

    def compile_from_config(self, config):
        # As Keras does it by default; it skips models that override `compile`, unless they provide this.
        self.compile(**keras.saving.deserialize_keras_object(config))
        if self.optimizer is not None:
            self.optimizer.build(self.trainable_variables)

    def train_step(self, data):
        inputs = self._checked_inputs(data)
        shares = _rows_of_replicas(inputs["spectrum"])
        global_batch = tf.reduce_sum(shares)
        noise = self._step_noise(tf.shape(inputs["spectrum"])[0], shares)
        with tf.GradientTape() as tape:
            inputs, label_loss = self._with_labels(inputs, training=True)
            *terms, latents = self._terms(inputs, noise, training=True)
            losses = self._per_example_losses(*terms, global_batch, label_loss)
            if self.label_penalty and len(self.labels):
                labels = self._scaled_labels(inputs["concentrations"])
                losses["loss"] += self.label_penalty * dependence(
                    latents["z"], labels, self._step_seed(stream=1), global_batch
                )
            # Keras sums gradients over replicas: each replica contributes its share of the mean over the global batch.
            loss = self.optimizer.scale_loss(tf.reduce_sum(losses["loss"]) / global_batch)
        variables = self.trainable_variables
        gradients = tape.gradient(loss, variables)
        if self.clip_norm is not None:
            gradients = clip_by_summed_norm(gradients, self.optimizer.scale_loss(self.clip_norm))
        self.optimizer.apply(gradients, variables)
        return self._update_metrics(losses, latents["z_mean"])

    def test_step(self, data):
        inputs = self._checked_inputs(data)
        global_batch = tf.reduce_sum(_rows_of_replicas(inputs["spectrum"]))
        inputs, label_loss = self._with_labels(inputs)
        *terms, latents = self._terms(inputs, 0.0, training=False)
        return self._update_metrics(self._per_example_losses(*terms, global_batch, label_loss), latents["z_mean"])

    def example_losses(self, data) -> dict[str, tf.Tensor]:
        """Returns the terms of the loss of each example of a batch, with the posterior mean for z: float32 (batch,)."""
        inputs, label_loss = self._with_labels(self._checked_inputs(data))
        *terms, _ = self._terms(inputs, 0.0, training=False)
        rows = tf.cast(tf.shape(inputs["spectrum"])[0], tf.float32)
        return self._per_example_losses(*terms, rows, label_loss)

    def _kl_weight_now(self):
        if isinstance(self.kl_weight, keras.optimizers.schedules.LearningRateSchedule):
            return self.kl_weight(self.optimizer.iterations)
        return self.kl_weight

    def _step_noise(self, rows, shares):
        """Returns this step's noise for the rows of this replica, float32 (rows, latent_dim).

        Each replica draws the noise of the global batch, a few numbers per row, and keeps that of its rows: the noise
        does not depend on the number of replicas.
        """
        seed = self._step_seed(stream=0)
        context = tf.distribute.get_replica_context()
        if context.num_replicas_in_sync == 1:
            return tf.random.stateless_normal((rows, self.latent_dim), seed, alg="philox")
        ends = tf.cast(tf.cumsum(shares), tf.int32)
        noise = tf.random.stateless_normal((ends[-1], self.latent_dim), seed, alg="philox")
        end = ends[context.replica_id_in_sync_group]
        return noise[end - rows : end]

    def _step_seed(self, stream: int) -> tf.Tensor:
        """Returns the seed of one kind of random numbers of this step, int32 (2,)."""
        seed = tf.constant([self.seed, 0], tf.int32)
        for number in (tf.cast(self.optimizer.iterations, tf.int32), stream):
            seed = tf.random.experimental.stateless_fold_in(seed, number)
        return seed

    def _update_metrics(self, losses, z_mean):
        """Returns all of `metrics`: if one is missing, Keras averages over replicas instead of reading them."""
        for name, values in losses.items():
            self.trackers[name].update_state(values)
        self.active_units.update_state(z_mean)
        results = {metric.name: metric.result() for metric in self.metrics}
        if isinstance(tf.distribute.get_strategy(), tf.distribute.MultiWorkerMirroredStrategy):
            # With several machines, Keras averages along the first axis, which a scalar lacks (keras#20585).
            return {name: tf.reshape(result, (1,)) for name, result in results.items()}
        return results

    def _maybe_symbolic_build(self, iterator=None, data_batch=None):
        """Builds what must be built before the first step under a strategy: only the optimizer.

        Keras would use a batch for this, and fails if it differs between replicas or machines (keras#20585).
        """
        if self._distribute_strategy is not None and self.optimizer is not None and not self.optimizer.built:
            with self._distribute_strategy.scope():
                self.optimizer.build(self.trainable_variables)

    @property
    def metrics(self):
        return [*self.trackers.values(), self.active_units]

    # === Config ===

    def get_config(self):
        return {
            **super().get_config(),
            "labels": self.labels.to_dict(),
            "acquisition": self.acquisition.to_dict(),
            "spectrum_scale": self.spectrum_scale,
            "latent_dim": self.latent_dim,
            "hidden_units": list(self.hidden_units),
            "activation": self.activation,
            "modulated": self.modulated,
            "kl_weight": keras.saving.serialize_keras_object(self.kl_weight),
            "label_penalty": self.label_penalty,
            "decoder_variance": self.decoder_variance,
            "decoder": self.decoder,
            "infer_labels": self.infer_labels,
            "latent_prior": {"kind": self.latent_prior.kind, **self.latent_prior.settings()},
            "seed": self.seed,
            "clip_norm": self.clip_norm,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        if "metabolites" in config:  # a file from before other labels and latent priors existed
            config["labels"] = Labels(config.pop("metabolites"), config.pop("concentration_range_mm"))
            components = config.pop("mixture_components")
            config["latent_prior"] = {"kind": "mixture", "components": components} if components else "standard_normal"
        return cls(**config)


def preset_model(name: str, dataset: DatasetDescription | Mapping | None = None, **overrides) -> CVAE:
    """Returns an untrained model of a preset, as `CVAE.from_preset` does, with nothing printed."""
    model = CVAE(**preset_arguments(name, dataset, **overrides))
    if lacks_physics({**CVAE_PRESETS[name]["config"], **overrides}):
        model.adapt_to(described(name, dataset).own_recipe())
    return model


def _sum_over_replicas(value):
    return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.SUM, value)


def _rows_of_replicas(column):
    """Returns how many rows of the global batch each replica has: float32 (replicas,)."""
    context = tf.distribute.get_replica_context()
    rows = tf.cast(tf.shape(column)[0], tf.float32)
    return _sum_over_replicas(rows * tf.one_hot(context.replica_id_in_sync_group, context.num_replicas_in_sync))
