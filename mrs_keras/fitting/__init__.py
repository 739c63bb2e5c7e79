"""Fitting: the physical parameters of spectra, the inverse of `simulate`."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "folder_fits": ["fit_folder"],
        "fit_tables": ["write_table"],
        "in_vivo_fits": ["InVivoFits"],
        "in_vivo_model": ["AmplitudeRatio", "InVivoModel"],
        "prior_of_concentrations": ["prior_from_concentrations"],
        "prior_of_fits": ["prior_from_fits"],
        "spectral_fit": ["SpectralFit", "fit_spectra"],
    },
)
