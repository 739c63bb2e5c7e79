"""Measures of realism: generated against real spectra, with floor and cheats. No TensorFlow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "canonical": ["CanonicalSpectra", "canonical"],
        "cheats": ["copies", "mixtures"],
        "common_acquisition": ["at_acquisition", "common_acquisition"],
        "figures": ["realism_figures"],
        "measure": ["Controls", "Realism", "measure_controls", "measure_realism"],
        "memorisation": ["Memorisation", "memorisation"],
        "quantities": ["QuantityAgreement", "quantities_of"],
        "spectra": ["GeneratedSpectra", "RealSpectra"],
        "splits": ["subject_folds"],
        "table": ["realism_rows", "realism_table"],
        "two_sample": ["TwoSampleTest", "two_sample_test"],
        "utility": ["utility"],
    },
)
