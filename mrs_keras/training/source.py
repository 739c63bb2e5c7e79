"""The training data: the examples of a dataset, or spectra simulated on the fly."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.data import describe_dataset, evaluation_batches, simulated, split_of, training_batches
from mrs_keras.data.dataset import DEFAULT_DATASET
from mrs_keras.data.description import DatasetDescription
from mrs_keras.models.presets import CVAE_PRESETS
from mrs_keras.simulation import ExampleRecipe

DENSITY_EXAMPLES = 100_000
"""Number of simulated spectra for the fit of the latent density."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Training data.

    Attributes:
      batches: endless dataset of training batches, starting with the given epoch.
      steps_per_epoch: number of batches per epoch.
      density_batches: finite dataset to fit the latent density to.
    """

    batches: tf.data.Dataset
    steps_per_epoch: int
    density_batches: tf.data.Dataset


def open_source(builder: tfds.core.DatasetBuilder, settings: Mapping, first_epoch: int = 0) -> Source:
    """Opens the training data of a run; batch n of an epoch depends only on the settings and on the epoch.

    Args:
      builder: of an opened dataset. With `source="simulator"`, only its prior is used, not its examples.
      settings: of the run: `"source"`, `"batch_size"`, `"seed"`, and for the simulator `"steps_per_epoch"`.
      first_epoch: epoch to start with. Defaults to `0`.

    Raises:
      ValueError: if the simulator cannot make spectra like those of the dataset.
    """
    batch_size, seed = settings["batch_size"], settings["seed"]
    if settings["source"] == "dataset":
        batches, steps = training_batches(builder, batch_size, seed, first_epoch=first_epoch)
        return Source(batches, steps, evaluation_batches(builder, split_of(builder, "train")))
    recipe = _recipe(describe_dataset(builder))
    steps = settings["steps_per_epoch"]
    options = {
        "prior": recipe.prior,
        "basis": recipe.basis,
        "batch_size": batch_size,
        "seed": seed,
        "snr": recipe.snr,
    }
    return Source(
        batches=simulated(**options, first_batch=first_epoch * steps),
        steps_per_epoch=steps,
        density_batches=simulated(**options).take(-(-DENSITY_EXAMPLES // batch_size)),
    )


def data_settings(dataset: str | os.PathLike | None, config: str | None, preset: str) -> dict:
    """Returns what identifies the data of a run, `"dataset"` and `"config"`; for a folder, its absolute path."""
    if dataset is None:
        return {"dataset": DEFAULT_DATASET, "config": config or CVAE_PRESETS[preset]["training"]["config"]}
    is_folder = (Path(dataset) / "dataset_info.json").exists()
    return {"dataset": str(Path(dataset).resolve()) if is_folder else str(dataset), "config": config}


def _recipe(description: DatasetDescription) -> ExampleRecipe:
    """Returns the recipe of a dataset's examples, or raises `ValueError` if it is not known."""
    basis = description.own_basis()
    if basis is not None:
        return description.recipe(basis)
    received = "without a prior" if description.prior is None else f"of the basis '{description.basis}'"
    raise ValueError(
        "Training on simulated spectra needs a dataset with a prior and with a basis of known origin. "
        f"Received: a dataset {received}. Choose a preset that trains on the dataset, such as 'base'."
    )
