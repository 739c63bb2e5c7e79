"""The hybrid generator: a network that predicts physical parameters, the forward model, and a smooth residual."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.acquisition import Acquisition
from mrs_keras.models.layers import Dense
from mrs_keras.models.networks import hidden_layers
from mrs_keras.models.physical_layer import PhysicalLayer
from mrs_keras.simulation.splines import SplineBaseline

RESIDUAL_UNITS = 64
"""Width of the hidden layer of the residual."""

KNOTS_PPM = 0.05
"""Distance of the splines of the residual: about the width of a line, and six times that of neighbouring points."""


def build_hybrid_generator(
    acquisition: Acquisition,
    labels: Sequence[str],
    spectrum_scale: float,
    latent_dim: int,
    hidden_units: Sequence[int],
    activation: str,
    modulated: bool,
    physics: Mapping[str, Any],
    residual: bool = True,
) -> keras.Model:
    """Builds the generator from latents and labels to a spectrum by way of physical parameters.

    The network sees the latents alone, and the labels set the amplitudes. Where it saw the labels as well, it learned
    how background and labels go together in the training data, and a label that was asked for changed both.

    Arguments and result are those of `build_generator`, and:

    Args:
      acquisition: of the spectra.
      labels: names of the labels.
      physics: what the spectra are made of, from `physics_of`.
      residual: whether a smooth residual is added. Defaults to `True`; spectra simulated from a prior need none.
    """
    z = keras.Input((latent_dim,), name="z")
    concentrations = keras.Input((len(labels),), name="concentrations")
    physical = PhysicalLayer(physics, acquisition.to_dict(), labels, name="physics")
    hidden = hidden_layers(z, hidden_units, activation, modulated)
    parameters = Dense(physical.parameters, name="parameters", dtype="float32")(hidden)
    spectrum = physical({"parameters": parameters, "concentrations": concentrations})
    if not residual:
        return keras.Model({"z": z, "concentrations": concentrations}, spectrum, name="generator")
    smooth = SmoothCurve(acquisition.to_dict(), spectrum_scale, name="smooth_residual")
    left = Dense(RESIDUAL_UNITS, activation, name="residual_hidden")(z)
    # It starts at 0: what physics explains, it is to explain.
    left = Dense(smooth.coefficients, kernel_initializer="zeros", name="residual", dtype="float32")(left)
    spectrum = keras.layers.Add(name="spectrum", dtype="float32")([spectrum, smooth(left)])
    return keras.Model({"z": z, "concentrations": concentrations}, spectrum, name="generator")


@keras.saving.register_keras_serializable("mrs_keras")
class SmoothCurve(keras.layers.Layer):
    """Complex curves of cubic splines over the window, too smooth to hold noise.

    Args:
      acquisition: of the spectra, as plain data.
      scale: that the curves are multiplied with.

    Call arguments:
      inputs: float32 (batch, coefficients): real0, imag0, real1, imag1, ...

    Returns (call):
      float32 (batch, points, 2).
    """

    def __init__(self, acquisition: Mapping[str, Any], scale: float, **kwargs):
        super().__init__(**{"trainable": False, "dtype": "float32", **kwargs})
        self.scale, self.acquisition = float(scale), Acquisition(**acquisition)
        low, high = self.acquisition.ppm_window
        splines = SplineBaseline(low, high, max(round((high - low) / KNOTS_PPM), 4) + 3)
        curves = splines.regressors(self.acquisition)[self.acquisition.window].T
        self.curves = (self.scale * curves.real).astype(np.float32)
        self.coefficients = 2 * len(self.curves)
        self.built = True

    def call(self, inputs):
        return tf.stack([inputs[:, 0::2] @ self.curves, inputs[:, 1::2] @ self.curves], axis=-1)

    def get_config(self):
        return {**super().get_config(), "acquisition": self.acquisition.to_dict(), "scale": self.scale}
