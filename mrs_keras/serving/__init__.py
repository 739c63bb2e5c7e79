"""Serving: SavedModels of encoder and generator."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "saved_models": ["export", "load_export"],
    },
)
