"""The forward model as the last layer of a generator."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.acquisition import Acquisition
from mrs_keras.data.label_columns import LabelColumns
from mrs_keras.models.label_scaling import check_separate, scaled_to_labels
from mrs_keras.simulation.effects import EFFECT_PARAMETERS
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.graph import tf_signals, tf_spectra, tf_weighted_sum
from mrs_keras.simulation.parameters import PARAMETERS, SCALARS

DRAWS = 8192
"""Draws from the prior by which parameters are standardised."""

SOFTNESS = 0.15
"""How far above 0 a parameter that must not be negative bends, in its standard deviations."""

LEAST = 0.02
"""Smallest value of such a parameter, in units of that bend: a time constant of 0 has no derivative."""

HEIGHT, PHASE = "water_height", "water_phase"
"""Parameters that are predicted as one complex number: a phase alone has no derivative where the height is 0."""


def physics_of(recipe: ExampleRecipe) -> dict[str, Any]:
    """Returns what a `PhysicalLayer` for the spectra of a recipe is built of, as plain data."""
    prior = recipe.prior
    groups = prior.metabolite_groups
    return {
        "metabolites": list(prior.metabolites),
        "metabolite_groups": [0] * len(prior.metabolites) if groups is None else list(groups),
        "coefficients": prior.baseline_coefficients,
        "effects": {
            name: prior.water_lines if EFFECT_PARAMETERS[name].per_line else 1 for name in sorted(prior.effects)
        },
    }


@keras.saving.register_keras_serializable("mrs_keras")
class PhysicalLayer(keras.layers.Layer):
    """Turns standardised parameters and labels into a spectrum by the forward model of `mrs_keras.simulation`.

    The parameters p are those of the prior that `adapt` was given: p = mean + deviation * (mixing u), where u are the
    inputs. The columns of `mixing` are the principal directions of the correlation matrix of draws, times the square
    roots of their variances: u of independent standard normal numbers has the correlations of the prior. Amplitudes,
    decay rates and heights bend to stay above 0. The amplitudes of the columns that a label is about are then scaled by
    one factor, such that their sum (or ratio) is the label: what a spectrum is generated for is what it holds.

    Args:
      physics: from `physics_of`.
      acquisition: of the spectra, as plain data.
      labels: names of the labels.

    Call arguments:
      inputs: `{"parameters": float32 (batch, parameters), standardised; "concentrations": float32 (batch, labels), in
        their units}`.

    Returns (call):
      float32 (batch, points, 2), the noiseless spectrum, in the units of the basis that `adapt` was given.
    """

    def __init__(self, physics: Mapping[str, Any], acquisition: Mapping[str, Any], labels: Sequence[str], **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.autocast = False
        self.physics, self.labels = dict(physics), tuple(labels)
        self.acquisition = Acquisition(**acquisition)
        self.label_columns = LabelColumns.of(self.labels, self.physics["metabolites"])
        check_separate(self.label_columns, self.physics["metabolites"])
        metabolites, shifts = len(self.physics["metabolites"]), max(self.physics["metabolite_groups"])
        self.sizes = {
            "concentrations": metabolites,
            **dict.fromkeys(SCALARS, 1),
            "shifts": shifts,
            "baseline": self.physics["coefficients"],
            **self.physics["effects"],
        }
        self.parameters = sum(self.sizes.values())
        points, window = self.acquisition.points, self.acquisition.window_points
        shapes = {
            "signals": (2, metabolites, points),
            "regressors": (2, self.physics["coefficients"] // 2, window),
            "mean": (self.parameters,),
            "deviation": (self.parameters,),
            "mixing": (self.parameters, self.parameters),
            "label_scale": (len(self.labels),),
        }
        for name, shape in shapes.items():
            initializer = "ones" if name == "label_scale" else "zeros"
            setattr(self, name, self.add_weight(shape=shape, initializer=initializer, name=name))
        self.at_least_0 = np.concatenate([np.full(size, _at_least_0(name)) for name, size in self.sizes.items()])
        self.built = True

    def adapt(self, recipe: ExampleRecipe, label_scale: np.ndarray | None = None) -> None:
        """Takes signals, regressors, and mean and correlations of the parameters from a recipe.

        Args:
          recipe: whose spectra are to be generated.
          label_scale: float (labels,), label over the sum or ratio of amplitudes that it is about: labels of another
            program may differ by a factor. Defaults to `None`: 1.

        Raises:
          ValueError: if the recipe has other metabolites, groups, baseline or effects than the layer, or another
            acquisition.
        """
        found, basis = physics_of(recipe), recipe.basis.scaled()
        if found != self.physics or basis.acquisition != self.acquisition:
            raise ValueError(
                "The recipe must have the metabolites, groups, baseline, effects and acquisition of the model. "
                f"Expected: {self.physics}, {self.acquisition}. Received: {found}, {basis.acquisition}. Build the "
                "model for this recipe."
            )
        regressors = recipe.prior.baseline_regressors(basis.acquisition)[basis.acquisition.window].T
        self.signals.assign(tf_signals(basis))
        self.regressors.assign(np.stack([regressors.real, regressors.imag]))
        draws = self._draws(recipe)
        deviation = draws.std(axis=0)
        moving = deviation > 1e-9 * (1e-12 + np.abs(draws).max(axis=0))
        scores = np.where(moving, (draws - draws.mean(axis=0)) / np.where(moving, deviation, 1.0), 0.0)
        variances, directions = np.linalg.eigh(scores.T @ scores / len(scores))
        self.mean.assign(draws.mean(axis=0))
        self.deviation.assign(np.where(moving, deviation, 0.0))
        self.mixing.assign(directions * np.sqrt(np.maximum(variances, 0.0)))
        self.label_scale.assign(np.ones(len(self.labels)) if label_scale is None else label_scale)

    def call(self, inputs):
        values = self.mean + self.deviation * tf.matmul(inputs["parameters"], self.mixing, transpose_b=True)
        softness = SOFTNESS * self.deviation + 1e-12
        bent = softness * (tf.nn.softplus(values / softness) + LEAST)
        positive = tf.where(self.deviation > 0, bent, values)
        values = tf.where(self.at_least_0, positive, values)
        named = dict(zip(self.sizes, tf.split(values, list(self.sizes.values()), axis=1), strict=True))
        named["concentrations"] = scaled_to_labels(
            self.label_columns, named["concentrations"], inputs["concentrations"] / self.label_scale
        )
        effects = _from_complex({name: named.pop(name) for name in self.physics["effects"]})
        coefficients, shifts = named.pop("baseline"), named.pop("shifts")
        named |= {name: named[name][:, 0] for name in ("phi0", "phi1")}
        groups = max(self.physics["metabolite_groups"]) + 1
        named |= {name: tf.repeat(named[name], groups, axis=1) for name in ("gamma", "sigma")}
        named["eps"] = tf.concat([named["eps"], named["eps"] + shifts], axis=1)
        spectra = tf_spectra(
            named,
            self.signals,
            self.acquisition,
            effects or None,
            metabolite_groups=self.physics["metabolite_groups"],
        )
        spectra += tf_weighted_sum(coefficients, self.regressors[0], self.regressors[1])
        return tf.stack([tf.math.real(spectra), tf.math.imag(spectra)], axis=-1)

    def _draws(self, recipe: ExampleRecipe) -> np.ndarray:
        """Returns parameters drawn from the prior, float64 (draws, parameters), in the order of the inputs."""
        drawn = recipe.draw(0, DRAWS, "standardisation").features()
        columns = {name: np.reshape(np.asarray(drawn[name], np.float64), (DRAWS, -1)) for name in drawn}
        columns |= _to_complex({name: columns[name] for name in self.physics["effects"]})
        columns.setdefault("shifts", np.empty((DRAWS, 0)))
        return np.concatenate([columns[name] for name in self.sizes], axis=1)

    def get_config(self):
        return {
            **super().get_config(),
            "physics": self.physics,
            "acquisition": self.acquisition.to_dict(),
            "labels": list(self.labels),
        }


def _at_least_0(name: str) -> bool:
    if name in (HEIGHT, PHASE, "shifts"):
        return False
    parameter = {**PARAMETERS, **EFFECT_PARAMETERS}[name]
    return max(parameter.at_least, parameter.above) == 0


def _to_complex(effects: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Returns effects with real and imaginary part in the place of height and phase of residual water."""
    if HEIGHT not in effects:
        return dict(effects)
    height, phase = effects[HEIGHT], effects[PHASE]
    return {**effects, HEIGHT: height * np.cos(phase), PHASE: height * np.sin(phase)}


def _from_complex(effects: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    if HEIGHT not in effects:
        return dict(effects)
    real, imaginary = effects[HEIGHT], effects[PHASE]
    height = tf.sqrt(tf.square(real) + tf.square(imaginary) + 1e-12)
    return {**effects, HEIGHT: height, PHASE: tf.atan2(imaginary, real + 1e-12)}
