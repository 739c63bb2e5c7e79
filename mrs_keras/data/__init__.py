"""Batches for a model, from the TFDS dataset or simulated as they are needed."""

from mrs_keras.data.dataset import build_dataset, load_arrays, open_dataset
from mrs_keras.data.pipeline import evaluation_batches, training_batches
from mrs_keras.data.simulated import simulated, simulated_batch

__all__ = [
    "build_dataset",
    "evaluation_batches",
    "load_arrays",
    "open_dataset",
    "simulated",
    "simulated_batch",
    "training_batches",
]
