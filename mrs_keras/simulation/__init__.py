"""Simulation of spectra: parameters, priors and the forward model."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "copula": ["GaussianCopula"],
        "coils": ["CoilArray", "receive_with_coils"],
        "distributions": ["Distribution", "Fixed", "LogNormal", "Normal", "UniformRange"],
        "effects": ["EFFECTS", "EFFECT_PARAMETERS", "EFFECT_UNITS", "Effect", "Effects"],
        "effects_on_fids": ["apply_eddy_current", "apply_frequency_drift", "residual_water"],
        "examples": ["ExampleRecipe", "Examples"],
        "fitted_prior": ["FittedPrior"],
        "forward": ["baseline_polynomials", "fid_to_spectrum", "forward_model", "spectrum_to_fid"],
        "fsl_mrs_backend": ["simulate_with_fsl_mrs"],
        "joint_distributions": ["Empirical", "Joint", "JointNormal", "Scaled"],
        "kernel_distribution": ["Kernel"],
        "linewidth": ["voigt_fwhm_hz"],
        "mean_residual": ["MeanResidual"],
        "parameters": ["PARAMETERS", "Parameter", "SpectralParameters", "UNITS"],
        "prior_presets": ["PRIOR_PRESETS", "TEST_PAIRS"],
        "priors": ["Prior", "UniformPrior"],
        "spectra": ["Backend", "channels_to_complex", "complex_to_channels", "simulate", "simulate_with_effects"],
        "splines": ["SplineBaseline"],
        "transients": ["Drift", "ReferenceTransients", "Transients"],
    },
)
