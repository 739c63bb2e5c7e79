"""Measures of realism: generated against real spectra, with floor and cheats. No TensorFlow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "canonical": ["CanonicalSpectra", "canonical_spectra"],
        "cheats": ["copies", "mixtures"],
        "acquisitions": ["at_acquisition", "common_acquisition"],
        "figures": ["realism_figures"],
        "measure": ["Controls", "Realism", "measure_controls", "measure_realism"],
        "memorisation": ["Memorisation", "measure_memorisation"],
        "quantities": ["QuantityAgreement", "quantities_of"],
        "reconstruction": ["ReconstructionError", "measure_reconstruction"],
        "sites": ["SiteAgreement", "measure_sites"],
        "spectra": ["GeneratedSpectra", "RealSpectra"],
        "splits": ["subject_folds"],
        "table": ["realism_rows", "realism_table"],
        "two_sample": ["TwoSampleTest", "two_sample_test"],
        "utility": ["measure_utility"],
    },
)
