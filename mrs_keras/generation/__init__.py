"""Files of generated spectra with their labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "concentrations": ["read_concentrations"],
        "generate": ["generate_dataset"],
        "source": ["SpectrumSource", "open_export", "open_run"],
        "transients": ["TransientDesign"],
    },
)
