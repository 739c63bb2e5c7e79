"""`mrs-keras train` on a dataset of measured spectra: from its scans to a model of them."""

import contextlib
import dataclasses
import hashlib
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import tensorflow_datasets as tfds

from mrs_keras.basis import Basis, match_acquisition, read_basis
from mrs_keras.basis.wording import argument
from mrs_keras.data import LabelColumns, describe_dataset, open_dataset
from mrs_keras.data.description import DatasetDescription
from mrs_keras.data.measured_spectra import MeasuredSpectra, read_measured
from mrs_keras.files import explaining_a_full_disk
from mrs_keras.fitting import InVivoFits, InVivoModel, fit_folder
from mrs_keras.fitting.folder_fits import FITS_FILE
from mrs_keras.fitting.in_vivo_problem import with_columns
from mrs_keras.fitting.matching import fits_of
from mrs_keras.measured.subjects import session_of
from mrs_keras.models.cvae import CVAE
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import FITS, MODEL_FILE, read_notice
from mrs_keras.training.claim import check_claim, claim, fingerprint, only_writer
from mrs_keras.training.cluster import cluster_from_environment
from mrs_keras.training.in_vivo import Beginning, Plan, latent_prior_for, notice_of, pretrained_on_fits, tune_and_finish
from mrs_keras.training.initial_model import checked_model, keep_beginning, simulations_of
from mrs_keras.training.measured_checks import check_subjects_of_splits
from mrs_keras.training.source import data_settings
from mrs_keras.training.stage_times import stage

SECONDS_PER_FIT = 2.0
"""Rough time of a fit on one core."""


def train_from_scans(
    output_dir: str | os.PathLike,
    plan: Plan,
    *,
    dataset: str | os.PathLike | None,
    config: str | None,
    data_dir: str | os.PathLike | None,
    basis: str | os.PathLike | None = None,
    fits: str | os.PathLike | None = None,
    init: str | os.PathLike | None = None,
) -> CVAE:
    """Trains a model of the spectra of a measured dataset, or resumes an interrupted training.

    The spectra of the training split are fitted, or their fits are read; a prior is made from the fits; the model is
    pre-trained on simulations of it; it is tuned on the spectra of the training split, until the median loss of the
    validation split does not become lower; its latent prior is fitted. With `init`, the first three are left out.

    Args:
      output_dir: folder of the run.
      plan: of the training.
      dataset: name of the dataset or a folder that contains one.
      config: of the dataset.
      data_dir: TFDS data folder.
      basis: file of the metabolites to fit. Defaults to `None`: none is needed.
      fits: folder or file of fits of these spectra. Defaults to `None`: they are made.
      init: folder of the run to begin with. Defaults to `None`: none.

    Raises:
      FileNotFoundError: if the dataset, the basis, the fits or the run are missing.
      ValueError: if the data cannot carry a training, or `fits` or `init` are of others.
    """
    if dataset is None:
        raise ValueError(
            f"The preset '{plan.preset}' is trained on measured spectra. Expected `{argument('dataset')}`, the name of "
            "a dataset of scans or its folder. Received none. Build one: `tfds build tfds_builders/measured_mrs`."
        )
    if cluster_from_environment() is not None:
        raise ValueError(f"The preset '{plan.preset}' is trained in one process. Received: TF_CONFIG. Unset it.")
    builder = open_dataset(dataset, config, data_dir)
    description = describe_dataset(builder)
    splits = {name: read_measured(builder, name) for name in ("train", "validation", "test") if _has(builder, name)}
    if "validation" not in splits:
        raise ValueError(
            f"The fine-tuning is stopped by validation subjects. Received: the dataset in '{builder.data_dir}' without "
            "any. Build it with `validation` above 0."
        )
    measured, output_dir = splits["train"], Path(output_dir)
    name = f"{builder.name}/{builder.builder_config.name}" if builder.builder_config else builder.name
    check_subjects_of_splits(splits, name, fitted=init is None)
    start, begins_with = _start_of(fits, init, basis, measured, description, name)
    settings = {
        **plan.settings(),
        "source": "measured",
        **data_settings(dataset, config, plan.preset),
        "init": None if init is None else str(Path(init).resolve()),
        "begins_with": begins_with,
        "fingerprint": fingerprint(builder),
    }
    check_claim(output_dir, settings)
    if (output_dir / MODEL_FILE).exists():
        return load_model(output_dir / MODEL_FILE, "Remove it: the training then resumes.")
    full = explaining_a_full_disk(output_dir, "Free some space, and run the same command again to resume.")
    with full, only_writer(output_dir), _short_warnings():
        earlier = "" if init is None else read_notice(init)
        notice = " ".join(dict.fromkeys(filter(None, (description.notice, notice_of(measured), earlier))))
        claim(output_dir, settings, notice)
        print(f"{len(measured)} training and {len(splits['validation'])} validation spectra of {name}", file=sys.stderr)
        return tune_and_finish(plan, start(plan, output_dir), measured, splits["validation"], measured, output_dir)


Start = Callable[[Plan, Path], Beginning]
"""(plan, folder of the run) -> what is to be tuned; it may take the time of a pre-training."""


def _start_of(
    fits: str | os.PathLike | None,
    init: str | os.PathLike | None,
    basis: str | os.PathLike | None,
    measured: MeasuredSpectra,
    description: DatasetDescription,
    name: str,
) -> tuple[Start, str]:
    """Returns what the fine-tuning begins with, and a digest of it; what can be checked is checked at once."""
    kind = latent_prior_for(len(measured))
    if init is not None:
        if fits is not None:
            raise ValueError(
                f"`{argument('fits')}` are what a model is pre-trained from. Expected either them or a trained model. "
                f"Received both `{argument('fits')}` and `{argument('init')}`. Leave one of them out."
            )
        checked_model(init, basis, description, kind)

        def go_on(plan: Plan, folder: Path) -> Beginning:
            keep_beginning(init, folder)
            return Beginning(lambda: checked_model(init, None, description, kind), simulations_of(folder, plan.seed))

        return go_on, _digest((Path(init) / MODEL_FILE).read_bytes())
    if fits is not None:
        if basis is not None:
            raise ValueError(
                f"The fits in '{os.fspath(fits)}' have their basis with them. Received `{argument('basis')}` as well. "
                "Leave it out."
            )
        path = Path(fits) / FITS_FILE if Path(fits).is_dir() else Path(fits)
        ours = fits_of(InVivoFits.load(path), measured.ids, measured.spectra, description.acquisition, name)
        ours = dataclasses.replace(ours, participants=measured.participants, sites=measured.sites)
        digest = _digest(ours.basis.fids, ours.concentrations, ours.fitted)
        return lambda plan, folder: pretrained_on_fits(plan, description, measured, ours, kind, folder), digest
    if basis is None:
        raise ValueError(
            f"The training begins with fits of the spectra. Expected `{argument('basis')}`, a basis of their sequence "
            f"and echo time; or `{argument('fits')}`, fits of them; or `{argument('init')}`, a trained model. Received "
            "none of them. `mrs-keras basis simulate` makes a basis."
        )
    signals = match_acquisition(read_basis(basis), description.acquisition, os.fspath(basis))
    # Both raise an error before minutes of fits.
    with_columns(signals, InVivoModel())
    LabelColumns.of(description.labels.names, signals.names)

    def start(plan: Plan, folder: Path) -> Beginning:
        ours = _fitted(measured, signals, folder / FITS)
        return pretrained_on_fits(plan, description, measured, ours, kind, folder)

    return start, _digest(signals.fids)


def _digest(*parts: np.ndarray | bytes) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part if isinstance(part, bytes) else np.ascontiguousarray(part).tobytes())
    return digest.hexdigest()[:24]


def _fitted(measured: MeasuredSpectra, basis: Basis, folder: Path) -> InVivoFits:
    sessions = [session_of(name) for name in measured.ids]
    names = {"ids": measured.ids, "participants": measured.participants, "sessions": sessions, "sites": measured.sites}
    seconds = SECONDS_PER_FIT * len(measured) / (os.cpu_count() or 1)
    with stage(f"Fits of {len(measured)} training spectra", seconds):
        return fit_folder(measured.spectra, basis, InVivoModel(), measured.noise_sigma, folder, names=names)


def _has(builder: tfds.core.DatasetBuilder, split: str) -> bool:
    return split in builder.info.splits and builder.info.splits[split].num_examples > 0


@contextlib.contextmanager
def _short_warnings() -> Iterator[None]:
    """Shows warnings of this package's own kind as one line on stderr, without the source line."""
    with warnings.catch_warnings():
        warnings.showwarning = lambda message, *rest, **more: print(f"Warning: {message}", file=sys.stderr)
        yield
