"""A server of the exports that speaks the protocols of TF-Serving, for where no TF-Serving is.

Rules and wordings follow TF-Serving 2.20, whose sources the docstrings name; so a client that works here works there.
"""

from mrs_keras.serving.server.model_server import ModelServer

__all__ = ["ModelServer"]
