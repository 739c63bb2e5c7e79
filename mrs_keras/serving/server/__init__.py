"""A server of the exports that speaks the protocols of TF-Serving, for where no TF-Serving is.

Rules and wordings follow TF-Serving 2.20, whose sources the docstrings name; so a client that works here works there.
"""

import lazy_loader

from mrs_keras.serving import tensorflow_alone  # noqa: F401 - before a module of the server loads it with Keras

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "model_server": ["ModelServer"],
    },
)
