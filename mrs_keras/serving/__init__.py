"""Serving: SavedModels of encoder and generator."""

from mrs_keras.serving.export import export, load_export

__all__ = ["export", "load_export"]
