"""Measured spectra: from scans on disk to processed spectra with noise, quality and labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "scan": ["Scan"],
    },
)
