"""Serving: SavedModels of the encoder and the generator, a client and a server. Keras is neither needed nor loaded."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "description": ["ModelDescription"],
        "saved_models": ["export", "load_export"],
    },
)
