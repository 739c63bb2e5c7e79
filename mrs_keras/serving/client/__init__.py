"""A client of TF-Serving, or of `mrs-keras serve`, for the exported encoder and generator."""

from mrs_keras.serving.client.client import Client
from mrs_keras.serving.client.errors import ServingError

__all__ = ["Client", "ServingError"]
