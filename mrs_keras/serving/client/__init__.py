"""A client for TF-Serving and `mrs-keras serve`, for the exported encoder and generator."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "client": ["Client"],
        "errors": ["ServingError"],
    },
)
