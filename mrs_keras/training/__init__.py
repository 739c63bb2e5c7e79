"""The recipe that trains a model on the dataset."""

from mrs_keras.training.recipe import read_history, train

__all__ = ["read_history", "train"]
