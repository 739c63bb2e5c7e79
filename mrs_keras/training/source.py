"""What a training reads: the examples of the dataset, or spectra simulated as they are needed."""

import dataclasses
from collections.abc import Mapping

import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.basis import Basis, basis_for
from mrs_keras.data import evaluation_batches, simulated, training_batches
from mrs_keras.simulation import UniformPrior

DENSITY_EXAMPLES = 100_000
"""Simulated spectra whose latents the latent density is fitted to."""


@dataclasses.dataclass(frozen=True)
class Source:
    """Training data.

    Attributes:
      batches: endless dataset of training batches, beginning with the given epoch.
      steps_per_epoch: number of batches that count as an epoch.
      density_batches: finite dataset to fit the latent density to.
    """

    batches: tf.data.Dataset
    steps_per_epoch: int
    density_batches: tf.data.Dataset


def open_source(builder: tfds.core.DatasetBuilder, settings: Mapping, first_epoch: int = 0) -> Source:
    """Opens the training data of a run; batch n of an epoch depends on the settings and on the epoch alone.

    Args:
      builder: of an opened dataset. With `source="simulator"` it gives the prior, and its examples are not trained on.
      settings: of the run: `"source"`, `"batch_size"`, `"seed"`, and for the simulator `"steps_per_epoch"`.
      first_epoch: epoch to begin with. Defaults to `0`.

    Raises:
      ValueError: if the simulator cannot make spectra like those of the dataset.
    """
    batch_size, seed = settings["batch_size"], settings["seed"]
    if settings["source"] == "dataset":
        batches, steps = training_batches(builder, batch_size, seed, first_epoch=first_epoch)
        return Source(batches, steps, evaluation_batches(builder, "train"))
    prior, basis = _simulator(builder.info.metadata)
    steps = settings["steps_per_epoch"]
    options = {
        "prior": prior,
        "basis": basis,
        "batch_size": batch_size,
        "seed": seed,
        "snr": builder.info.metadata["snr"],
    }
    return Source(
        batches=simulated(**options, first_batch=first_epoch * steps),
        steps_per_epoch=steps,
        density_batches=simulated(**options).take(-(-DENSITY_EXAMPLES // batch_size)),
    )


def _simulator(metadata: Mapping) -> tuple[UniformPrior, Basis]:
    """Returns prior and basis of a dataset, or raises `ValueError` where the graph cannot simulate its spectra."""
    prior, basis = UniformPrior.from_dict(metadata["prior"]), basis_for(metadata["metabolites"])
    noise_varies = prior.snr is not None and metadata["snr"] is None
    if noise_varies or basis.description != metadata["basis"] or basis.acquisition.to_dict() != metadata["acquisition"]:
        raise ValueError(
            "The endless simulator makes spectra of this package's own basis, without noise or with one "
            "signal-to-noise ratio for all. Received: a dataset "
            f"of the basis '{metadata['basis']}', with {'noise' if prior.snr else 'no noise'} in its prior. "
            "Choose a preset that trains on the dataset, such as 'base'."
        )
    return prior, basis
