"""Simulation of spectra: parameters, priors and the forward model."""

from mrs_keras.simulation.effect_parameters import EFFECT_UNITS, Effects, simulate_with_effects
from mrs_keras.simulation.effects import (
    apply_eddy_current,
    apply_frequency_drift,
    receive_with_coils,
    residual_water,
)
from mrs_keras.simulation.forward_model import baseline_polynomials, fid_to_spectrum, forward_model, spectrum_to_fid
from mrs_keras.simulation.fsl_mrs_backend import simulate_with_fsl_mrs
from mrs_keras.simulation.linewidth import voigt_fwhm_hz
from mrs_keras.simulation.parameters import UNITS, SpectralParameters
from mrs_keras.simulation.prior_presets import PRIOR_PRESETS, TEST_PAIRS
from mrs_keras.simulation.priors import UniformPrior, UniformRange
from mrs_keras.simulation.simulate import Backend, channels_to_complex, complex_to_channels, simulate

__all__ = [
    "EFFECT_UNITS",
    "PRIOR_PRESETS",
    "TEST_PAIRS",
    "UNITS",
    "Backend",
    "Effects",
    "SpectralParameters",
    "UniformPrior",
    "UniformRange",
    "apply_eddy_current",
    "apply_frequency_drift",
    "baseline_polynomials",
    "channels_to_complex",
    "complex_to_channels",
    "fid_to_spectrum",
    "forward_model",
    "receive_with_coils",
    "residual_water",
    "simulate",
    "simulate_with_effects",
    "simulate_with_fsl_mrs",
    "spectrum_to_fid",
    "voigt_fwhm_hz",
]
