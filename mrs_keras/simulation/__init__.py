"""Simulation of spectra: parameters, priors and the forward model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "effect_parameters": ["EFFECT_UNITS", "Effects", "simulate_with_effects"],
        "effects": ["apply_eddy_current", "apply_frequency_drift", "receive_with_coils", "residual_water"],
        "forward": ["baseline_polynomials", "fid_to_spectrum", "forward_model", "spectrum_to_fid"],
        "fsl_mrs_backend": ["simulate_with_fsl_mrs"],
        "linewidth": ["voigt_fwhm_hz"],
        "parameters": ["SpectralParameters", "UNITS"],
        "prior_presets": ["PRIOR_PRESETS", "TEST_PAIRS"],
        "priors": ["UniformPrior", "UniformRange"],
        "spectra": ["Backend", "channels_to_complex", "complex_to_channels", "simulate"],
    },
)
