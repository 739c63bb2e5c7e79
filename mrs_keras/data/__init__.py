"""From the TFDS dataset to batches for a model."""

from mrs_keras.data.dataset import build_dataset, load_arrays, open_dataset
from mrs_keras.data.pipeline import evaluation_batches, training_batches

__all__ = ["build_dataset", "evaluation_batches", "load_arrays", "open_dataset", "training_batches"]
