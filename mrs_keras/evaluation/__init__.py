"""Evaluation: spectral fit, generated spectra, coverage, latent space, interpolation and the report."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "architecture": ["layer_graph"],
        "coverage": ["classifier_two_sample_test", "density_and_coverage"],
        "dci": ["Disentanglement", "disentanglement"],
        "evaluation": ["evaluate"],
        "held_out": ["held_out_loss"],
        "interpolation": ["Interpolation", "evaluate_interpolation", "interpolate"],
        "latent_information": ["mutual_information"],
        "reconstruction": ["pca_reconstruction", "relative_l2"],
    },
)
