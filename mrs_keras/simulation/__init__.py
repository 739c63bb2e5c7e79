"""Simulation of spectra: parameters, priors and the forward model."""

from mrs_keras.simulation.forward_model import baseline_polynomials, fid_to_spectrum, forward_model, spectrum_to_fid
from mrs_keras.simulation.fsl_mrs_backend import simulate_with_fsl_mrs
from mrs_keras.simulation.parameters import UNITS, SpectralParameters
from mrs_keras.simulation.prior_presets import PRIOR_PRESETS
from mrs_keras.simulation.priors import UniformPrior, UniformRange
from mrs_keras.simulation.simulate import Backend, channels_to_complex, complex_to_channels, simulate

__all__ = [
    "PRIOR_PRESETS",
    "UNITS",
    "Backend",
    "SpectralParameters",
    "UniformPrior",
    "UniformRange",
    "baseline_polynomials",
    "channels_to_complex",
    "complex_to_channels",
    "fid_to_spectrum",
    "forward_model",
    "simulate",
    "simulate_with_fsl_mrs",
    "spectrum_to_fid",
]
