"""A server for exported models that speaks the protocols of TF-Serving, for use without TF-Serving.

Rules and messages follow TF-Serving 2.20, whose source files the docstrings name: a client that works here works there.
"""

import lazy_loader

from mrs_keras.serving import tensorflow_alone  # noqa: F401 - before a server module loads it with Keras

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "model_server": ["ModelServer"],
    },
)
