"""Figures: each function takes arrays and returns a `matplotlib.figure.Figure`; ppm increases from right to left."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "basis": ["plot_basis"],
        "enrichment": ["plot_differences", "plot_enrichment_curves", "plot_label_fidelity", "plot_slopes"],
        "fitted_labels": ["plot_fitted_labels"],
        "generation": ["plot_coverage", "plot_labels", "plot_marginals", "plot_physicality"],
        "interpolation": ["plot_interpolation", "plot_procedure", "plot_random_pairs"],
        "latent_space": ["plot_latent_space"],
        "network": ["LayerBox", "plot_model"],
        "realism": ["plot_mean_spectra", "plot_realism_map", "plot_realism_noise", "plot_realism_quantities"],
        "realism_sets": ["plot_nearest_pairs", "plot_realism_maps", "plot_realism_sites"],
        "reconstruction": ["plot_parameter_errors", "plot_reconstruction"],
        "training": ["plot_learning_curves"],
    },
)
