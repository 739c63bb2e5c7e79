"""Serving: SavedModels of encoder and generator, their client and server. No Keras is needed, nor loaded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "description": ["ModelDescription"],
        "saved_models": ["export", "load_export"],
    },
)
