"""A model that a study trains in each split: on the training spectra alone, from a prior of their fits."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.evaluation.model_of_scans import ModelOfScans
from mrs_keras.evaluation.noise import generated_noise_level
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.fitting import InVivoFits
from mrs_keras.labels import Labels
from mrs_keras.models.cvae import CVAE
from mrs_keras.random_streams import REALISM
from mrs_keras.simulation import channels_to_complex
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.study.cross_validation import StudiedGenerator, TrainedGenerator
from mrs_keras.study.generators import GENERATED, SECONDS_TO_MEASURE, digest_of_fits
from mrs_keras.training.in_vivo import SECONDS_PER_ROUND, SECONDS_PER_SIMULATION, train_in_vivo
from mrs_keras.training.in_vivo_plan import Plan


def model_generator(
    preset: str,
    fits: InVivoFits,
    real: RealSpectra,
    labels: Labels,
    output_dir: str | os.PathLike,
    *,
    changes: Mapping | None = None,
    training: Mapping | None = None,
    prior_options: Mapping[str, float] | None = None,
) -> StudiedGenerator:
    """Returns a generator that trains a model by `train_in_vivo`: fits, prior, pre-training, fine-tuning.

    Ranges of labels are those of the training spectra of the split, all of which train it: there are too few to keep
    some to stop the fine-tuning by. An interrupted training is resumed.

    Args:
      preset: of the model, such as `"invivo"`.
      fits: of all real spectra, in their order, with participants and sites.
      real: all real spectra.
      labels: names and units of their labels.
      output_dir: folder in which each training gets a folder of its own.
      changes: arguments of `CVAE` that replace those of the preset. Defaults to `None`.
      training: numbers of the recipe that replace those of the preset. Defaults to `None`.
      prior_options: arguments of `prior_from_fits`. Defaults to `None`.

    Raises:
      ValueError: if there is no such preset for measured spectra, or a number has no place in its recipe.
    """
    plan = Plan.of(preset, 0, changes, training, prior_options, 10)
    key = json.dumps([plan.settings(), digest_of_fits(fits), GENERATED])
    of_key = hashlib.sha256((key + digest_of_labels(real)).encode()).hexdigest()[:12]

    def make(rows: np.ndarray, seed: int) -> TrainedGenerator:
        part = real.select(rows)
        # Splits of another kind have the same seeds and other rows.
        of_rows = hashlib.sha256(np.asarray(rows, np.int64).tobytes()).hexdigest()[:8]
        model = train_in_vivo(
            part.spectra,
            part.noise_sigma,
            fits[rows],
            labels=labels_in_range(labels, part),
            values=part.labels,
            deviations=part.label_deviations,
            sites=part.sites,
            # Subjects are few: all of them train it, and the fine-tuning has all its rounds.
            validation=np.empty(0, np.int64),
            seed=seed,
            output_dir=Path(output_dir) / f"{preset}_{of_key}_{seed}_{of_rows}",
            preset=preset,
            changes=changes,
            training=training,
            prior_options=prior_options,
        )
        return trained_generator(model, part, seed)

    return StudiedGenerator(make, key, _seconds(plan), "retrained in every split")


def trained_generator(model: CVAE, training: RealSpectra, seed: int, count: int = GENERATED) -> TrainedGenerator:
    """Returns what a trained model generates, its loss and its reconstructions.

    Labels are those of training spectra, drawn with replacement, as `mrs-keras generate` draws them; missing ones are
    inferred by the model.

    Args:
      model: trained, with noise of known level.
      training: real spectra that it was trained on.
      seed: of labels and latents.
      count: of spectra. Defaults to `3000`.
    """
    of_scans = ModelOfScans(model, training)
    known = of_scans.labels()
    row = keyed_uniform(0, count, 1, REALISM, seed, "labels of a trained model")[:, 0]
    labels = known[(row * len(known)).astype(int)]
    spectra = channels_to_complex(model.generate(labels, seed=seed)["spectrum"])
    sigma = generated_noise_level(model, labels, seed)
    generated = GeneratedSpectra(spectra, sigma, labels.astype(np.float64) if training.label_names else None)
    return TrainedGenerator(generated, of_scans.losses, of_scans.reconstruct)


def labels_in_range(labels: Labels, training: RealSpectra) -> Labels:
    """Returns labels with the ranges of the training spectra, as a dataset of these alone would have them."""
    if not training.label_names:
        return Labels((), (), ())
    values = training.labels
    ranges = tuple(zip(np.nanmin(values, axis=0).tolist(), np.nanmax(values, axis=0).tolist(), strict=True))
    return dataclasses.replace(labels, ranges=ranges)


def digest_of_labels(real: RealSpectra) -> str:
    """Returns a digest of the labels of spectra, of which fits know nothing."""
    digest = hashlib.sha256(json.dumps([real.label_names, real.sites]).encode())
    for array in (real.labels, real.label_deviations):
        digest.update(b"" if array is None else np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _seconds(plan: Plan) -> float:
    recipe, tuning = plan.training, plan.training["fine_tuning"]
    simulated = recipe["epochs"] * recipe["steps_per_epoch"] * recipe["batch_size"]
    tuned = tuning["rounds"] * tuning["steps_per_round"] / 20
    return SECONDS_TO_MEASURE + simulated * SECONDS_PER_SIMULATION + tuned * SECONDS_PER_ROUND
