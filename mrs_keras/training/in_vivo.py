"""A model of measured spectra: pre-trained on simulations of a prior from their fits, and tuned on the spectra."""

import dataclasses
import hashlib
import json
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf

from mrs_keras.data import DatasetDescription, LabelColumns, simulated
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.fitting import InVivoFits
from mrs_keras.fitting.matching import check_fits
from mrs_keras.labels import Labels
from mrs_keras.measured.splits import split_subjects
from mrs_keras.models.arguments import preset_arguments
from mrs_keras.models.cvae import CVAE
from mrs_keras.models.physical_layer import physics_of
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import BASIS_FILE, CHECKPOINTS, LATENT_PRIOR, MODEL_FILE, PRETRAINING, PRIOR_FILE
from mrs_keras.simulation import ExampleRecipe
from mrs_keras.training.callbacks import save_model
from mrs_keras.training.claim import claim, only_writer
from mrs_keras.training.fine_tuning import fine_tune
from mrs_keras.training.in_vivo_plan import Plan
from mrs_keras.training.in_vivo_prior import digest_of_prior, factors_of, prior_of
from mrs_keras.training.measured_checks import (
    check_subjects_of_splits,
    warn_of_fits,
    warn_of_labels,
    warn_of_validation,
)
from mrs_keras.training.pretraining import pretrain
from mrs_keras.training.stage_times import stage

FEW_SPECTRA = 500
"""Number of training spectra below which latents are drawn from a kernel around theirs, and not from a flow."""

VALIDATION = 0.15
"""Fraction of the subjects by which the fine-tuning stops, if none are named."""

SECONDS_PER_SIMULATION, SECONDS_PER_ROUND = 7e-4, 1.0
"""Rough times of a simulated spectrum in the pre-training and of a round of the fine-tuning, on two cores."""

NOTICE = (
    "This model was trained on measured spectra of {subjects} subjects. It is as private as these spectra and has "
    "their licence: treat alike the folder, spectra that are generated from it, and what is exported."
)


def train_in_vivo(
    spectra: np.ndarray,
    noise_sigma: np.ndarray,
    fits: InVivoFits,
    *,
    labels: Labels,
    values: np.ndarray | None = None,
    deviations: np.ndarray | None = None,
    sites: Sequence[str] | None = None,
    validation: np.ndarray | None = None,
    seed: int = 0,
    output_dir: str | os.PathLike,
    preset: str = "invivo",
    changes: Mapping | None = None,
    training: Mapping | None = None,
    prior_options: Mapping[str, float] | None = None,
    checkpoint_every: int = 10,
) -> CVAE:
    """Trains a model of measured spectra, or resumes an interrupted training; `mrs-keras train` does it for a dataset.

    A prior is made from the fits (`prior_from_fits`); the model is pre-trained on endless simulations of it, and tuned
    on the spectra until the median loss of the validation spectra does not become lower; at the end its latent prior is
    fitted. The folder gets what `train` writes, `prior.json`, `basis.npz` and `pretraining/`.

    Args:
      spectra: complex (n, window_points).
      noise_sigma: float (n,), standard deviation of each real number of a spectrum.
      fits: of these spectra, in the same order, with participants.
      labels: names, units and ranges of the labels; with no names, the model has none.
      values: float (n, labels), NaN where missing. Defaults to `None`: none is known.
      deviations: float (n, labels), standard deviations, NaN where unknown. Defaults to `None`: not known.
      sites: of the spectra. Defaults to `None`: those of the fits.
      validation: int, rows that the fine-tuning is stopped by: neither their spectra nor their fits train the model,
        as those would make what it knows before the fine-tuning look too good. They only are among the latents that
        spectra are generated from. With no rows, all rounds of the recipe are trained. Defaults to `None`: 15 % of the
        subjects, within sites.
      seed: Defaults to `0`.
      output_dir: folder of the run.
      preset: of the model. Defaults to `"invivo"`.
      changes: arguments of `CVAE` that replace those of the preset. Defaults to `None`.
      training: numbers of the recipe that replace those of the preset, such as `{"epochs": 12, "fine_tuning":
        {"patience": 5}}`. Defaults to `None`.
      prior_options: arguments of `prior_from_fits`. Defaults to `None`.
      checkpoint_every: epochs of the pre-training between checkpoints. Defaults to `10`.

    Returns:
      The trained `CVAE`.

    Raises:
      ValueError: if the fits are of other spectra, there are too few subjects, one is in training and validation, or
        the folder holds another run.
      RuntimeError: if the training diverges.
    """
    missing = np.full((len(spectra), len(labels)), np.nan)
    measured = MeasuredSpectra(
        np.asarray(spectra, np.complex128),
        np.asarray(noise_sigma, np.float64),
        missing if values is None else np.asarray(values, np.float64),
        missing if deviations is None else np.asarray(deviations, np.float64),
        fits.ids or tuple(f"spectrum {row}" for row in range(len(fits))),
        fits.participants or tuple(f"sub-{row}" for row in range(len(fits))),
        fits.sites if sites is None else tuple(map(str, sites)),
    )
    check_fits(fits, measured.spectra, "the spectra to train on")
    held_out = validation_rows(measured, seed) if validation is None else np.asarray(validation, np.int64)
    rows = np.setdiff1d(np.arange(len(measured)), held_out)
    tuned, stopped_by = measured[rows], measured[held_out] if len(held_out) else None
    parts = {"train": tuned, **({} if stopped_by is None else {"validation": stopped_by})}
    check_subjects_of_splits(parts, "the spectra to train on", fitted=True)
    plan = Plan.of(preset, seed, changes, training, prior_options, checkpoint_every)
    peaks = np.abs(measured.spectra).max(axis=1)
    description = DatasetDescription(fits.acquisition, labels, float(np.median(peaks)), backend="measured")
    output_dir = Path(output_dir)
    settings = {**plan.settings(), "labels": labels.to_dict(), "data": _digest_of(measured, fits, held_out)}
    with only_writer(output_dir):
        claim(output_dir, settings, notice_of(measured))
        if (output_dir / MODEL_FILE).exists():
            return load_model(output_dir / MODEL_FILE, "Remove it: the training then resumes.")
        prior = latent_prior_for(len(measured))
        begin = pretrained_on_fits(plan, description, tuned, fits[rows], prior, output_dir)
        return tune_and_finish(plan, begin, tuned, stopped_by, measured, output_dir)


def notice_of(measured: MeasuredSpectra) -> str:
    """Returns what users must know who pass the run on."""
    return NOTICE.format(subjects=len(set(measured.participants)))


def validation_rows(measured: MeasuredSpectra, seed: int) -> np.ndarray:
    """Returns rows of 15 % of the subjects, at least one, within sites; they depend on the seed and the subjects."""
    sites = measured.sites or ("",) * len(measured)
    split_of = split_subjects(dict(zip(measured.participants, sites, strict=True)), seed, VALIDATION)
    return np.flatnonzero([split_of[name] == "validation" for name in measured.participants])


@dataclasses.dataclass(frozen=True)
class Beginning:
    """What the fine-tuning begins with.

    Attributes:
      load: returns the model, another object each time.
      simulations: returns endless batches of spectra like those that it was pre-trained on, for a batch size and the
        number of the first batch; `None`: not known.
    """

    load: Callable[[], CVAE]
    simulations: Callable[[int, int], tf.data.Dataset] | None = None


def pretrained_on_fits(
    plan: Plan,
    description: DatasetDescription,
    measured: MeasuredSpectra,
    fits: InVivoFits,
    latent_prior: dict,
    output_dir: Path,
) -> Beginning:
    """Makes the prior of the fits of spectra, and pre-trains a model on it."""
    warn_of_fits(fits)
    labels, prior = description.labels, prior_of(fits, plan.prior_options)
    columns = LabelColumns.of(labels.names, fits.columns, factors_of(labels, measured, fits))
    prior.save(output_dir / PRIOR_FILE)
    fits.basis.save(output_dir / BASIS_FILE)
    recipe = {**plan.training, "fine_tuning": None}
    folder, count = output_dir / PRETRAINING, recipe["epochs"] * recipe["steps_per_epoch"] * recipe["batch_size"]
    factors = dict(zip(labels.names, columns.factors.tolist(), strict=True))
    for name, factor in factors.items():
        print(f"Label {name}: the table's values are {factor:.3f} times those of the fits (median)", file=sys.stderr)
    settings = {**plan.settings(), "training": recipe, "label_factors": factors, "prior": digest_of_prior(prior, fits)}
    claim(folder, settings, prior.notice)

    recipe_of_spectra = ExampleRecipe(prior, fits.basis, plan.seed)

    def build(**options) -> CVAE:
        arguments = {"latent_prior": latent_prior, **plan.config, **options, "seed": plan.seed}
        decoder = arguments.get("decoder", "free")
        if decoder != "free":
            arguments["decoder"] = {**decoder, "physics": physics_of(recipe_of_spectra)}
        model = CVAE(**preset_arguments(plan.preset, description, **arguments))
        if decoder != "free":
            model.adapt_to(recipe_of_spectra, columns.factors)
        return model

    def simulations(batch_size: int, first_batch: int) -> tf.data.Dataset:
        return simulated(prior, fits.basis, batch_size, plan.seed, first_batch=first_batch, labels=columns)

    def batches(first_batch: int) -> tf.data.Dataset:
        return simulations(recipe["batch_size"], first_batch)

    with stage(f"Pre-training on {count:,} simulated spectra", count * SECONDS_PER_SIMULATION):
        pretrain(build, batches, recipe, folder, seed=plan.seed, checkpoint_every=plan.checkpoint_every)
    remedy = "Remove it: the pre-training then resumes from its last checkpoint."
    return Beginning(lambda: load_model(folder / MODEL_FILE, remedy), simulations)


def tune_and_finish(
    plan: Plan,
    begin: Beginning,
    tuned: MeasuredSpectra,
    validation: MeasuredSpectra | None,
    encoded: MeasuredSpectra,
    output_dir: Path,
) -> CVAE:
    """Tunes a model, fits its latent prior, and writes the finished model.

    Args:
      plan: of the training.
      begin: the model to begin with, and simulations like those that it knows.
      tuned: spectra to tune on.
      validation: spectra of other subjects, to stop by, or `None`: the tuning does not stop before its end.
      encoded: training spectra, of which the latents are drawn.
      output_dir: folder of the run.
    """
    model = begin.load()
    warn_of_labels(model.labels, encoded)
    if validation is not None:
        warn_of_validation(validation)
    recipe = {**plan.training["fine_tuning"], "kl_weight": plan.training["kl_weight"]["end"]}
    middle = _middle(model.labels, encoded)
    seconds = SECONDS_PER_ROUND * recipe["rounds"] * recipe["steps_per_round"] / 20
    stopped = "" if validation is None else f", stopped by {len(validation)} others"
    with stage(f"Fine-tuning on {len(tuned)} spectra{stopped}", seconds, at_most=validation is not None):
        model = fine_tune(
            begin.load,
            tuned.columns(middle),
            None if validation is None else validation.columns(middle),
            recipe,
            output_dir,
            seed=plan.seed,
            simulations=begin.simulations,
        )
    if model.latent_prior.needs_fit:
        with stage(f"Latent prior ({model.latent_prior.label}) of {len(encoded)} spectra", 10):
            state = output_dir / CHECKPOINTS / LATENT_PRIOR
            model.fit_latent_density(encoded.columns(middle), plan.seed, state, sites=encoded.sites)
    save_model(model, output_dir / MODEL_FILE)
    return model


def latent_prior_for(spectra: int) -> dict:
    """Returns the latent prior for a number of training spectra."""
    return {"kind": "kernel"} if spectra < FEW_SPECTRA else {"kind": "flow"}


def _middle(labels: Labels, measured: MeasuredSpectra) -> np.ndarray:
    """Returns what stands for a missing label: the median, or the middle of the range."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # all are missing
        medians = np.nanmedian(measured.values, axis=0)
    return np.where(np.isfinite(medians), medians, (labels.low + labels.high) / 2)


def _digest_of(measured: MeasuredSpectra, fits: InVivoFits, validation: np.ndarray) -> str:
    """Returns a digest of all data that a training depends on."""
    texts = (measured.ids, measured.participants, measured.sites, fits.columns)
    digest = hashlib.sha256(json.dumps([texts, validation.tolist()]).encode())
    arrays = (measured.spectra, measured.noise_sigma, measured.values, measured.deviations)
    for array in (*arrays, fits.basis.fids, fits.fitted, fits.concentrations, fits.baseline):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:24]
