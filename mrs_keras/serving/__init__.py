"""Serving: SavedModels of encoder and generator."""

from mrs_keras.serving.export import export

__all__ = ["export"]
