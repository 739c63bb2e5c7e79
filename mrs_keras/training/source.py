"""The training data: the examples of a dataset, or spectra simulated on the fly."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.data import describe_dataset, evaluation_batches, load_arrays, simulated, split_of, training_batches
from mrs_keras.data.dataset import DEFAULT_DATASET
from mrs_keras.models.presets import CVAE_PRESETS

DENSITY_EXAMPLES = 100_000
"""Number of simulated spectra for the fit of the latent density."""


VALIDATION_BATCH = 512


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
    recipe = describe_dataset(builder).own_recipe()
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


def open_validation(builder: tfds.core.DatasetBuilder, model: Mapping) -> tf.data.Dataset:
    """Opens the validation data of a run, with the level of the noise where the model takes it as known.

    Args:
      builder: of an opened dataset.
      model: arguments of the model.

    Raises:
      ValueError: if the level of the noise is needed and not known.
    """
    if model.get("decoder_variance") != "known":
        return evaluation_batches(builder)
    recipe = describe_dataset(builder).own_recipe()
    arrays = load_arrays(builder, split_of(builder, "validation"))
    sigma = recipe.noise_sigma(recipe.examples_of(arrays)).astype(np.float32)
    inputs = {"spectrum": arrays["spectrum"], "concentrations": arrays["concentrations"], "noise_sigma": sigma}
    return tf.data.Dataset.from_tensor_slices(inputs).batch(VALIDATION_BATCH).cache()
