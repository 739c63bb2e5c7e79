"""The two tasks of the study: measured spectra, and simulated ones whose labels are exact."""

import dataclasses
import os
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.basis import BROAD_SIGNALS, Basis, basis_for, match_acquisition, read_basis
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.fitting import InVivoFits, InVivoModel
from mrs_keras.fitting.folder_fits import fit_folder
from mrs_keras.labels import Labels
from mrs_keras.measured.label_worth import conditioning_worth
from mrs_keras.measured.subjects import session_of, subject_of
from mrs_keras.simulation import Prior
from mrs_keras.study.enrichment.design import rotations_of, sizes_that_fit
from mrs_keras.study.enrichment.effort import Effort
from mrs_keras.study.enrichment.exact_truth import exact_truth_domain
from mrs_keras.study.enrichment.task import Task
from mrs_keras.study.generators import fits_of_dataset

IN_VIVO, EXACT = "in_vivo", "exact"
"""Keys of the tasks."""

WANTED = ("tNAA", "tCho", "mI", "Ins", "GSH")
"""Labels of the task where the dataset has them: two programs agree on them in vivo."""

LEAST_RELIABILITY = 0.1
"""A label is left out below this share of its variance that is not error."""

OWN_BASIS = "brain_press_te30"
"""Preset of the metabolites of this package's own basis."""

EXACT_SITES = 8
EXACT_TITLE = "Simulated scans with exact labels"


def task_in_vivo(
    found: RealDataset,
    fits_of: Callable[[MeasuredSpectra], InVivoFits],
    effort: Effort,
    *,
    label_names: Sequence[str] | None,
    noise_factor: float,
    seed: int,
) -> tuple[Task, np.ndarray | None, list[str]]:
    """Returns the task on measured spectra, its second truth, and what users must know of it.

    Args:
      found: the dataset.
      fits_of: returns fits of the spectra, in their order. It is called when all else is checked: it may take minutes.
      effort: numbers of the study.
      label_names: of the labels to predict. `None`: those of `WANTED` that the dataset has, or else all.
      noise_factor: noise of the task over that of a scan.
      seed: of the study.

    Raises:
      ValueError: if no label can be learned, a subject has several spectra, there is one site, or there are too few
        subjects.
    """
    columns, warned = _learnable(found, label_names)
    real, all_labels = found.real, found.description.labels
    labels = Labels(
        tuple(all_labels.names[column] for column in columns),
        tuple(all_labels.ranges[column] for column in columns),
        tuple(all_labels.units[column] for column in columns),
        all_labels.quantity,
    )
    deviations = np.full_like(real.labels, np.nan) if real.label_deviations is None else real.label_deviations
    scans = MeasuredSpectra(
        real.spectra,
        real.noise_sigma,
        real.labels[:, columns],
        deviations[:, columns],
        found.example_ids,
        tuple(real.subjects),
        tuple(real.sites),
    )
    places, people = scans.sites, scans.participants
    subjects = {subject_of(name) for name in people}
    if len(subjects) < len(scans):
        raise ValueError(
            f"The study counts every subject once. Received: {len(scans)} spectra of {len(subjects)} subjects in "
            f"'{found.name}'. Build a dataset of one spectrum of each subject."
        )
    labelled = np.isfinite(scans.values).all(axis=1)
    fitting = sizes_that_fit(effort.sizes, rotations_of(places, people), labelled)
    second = None if found.second_labeller is None else real.second_labels[:, columns]
    if second is not None and np.isfinite(second).all(axis=1).sum() < len(real) / 2:
        raise ValueError(
            f"The table '{found.second_labeller}' is not of these scans. Expected the labels {', '.join(labels.names)} "
            f"of half of the {len(real)} spectra or more. Received: {int(np.isfinite(second).all(axis=1).sum())}. Give "
            "a table of fits of the same participants."
        )
    dropped = [str(size) for size in effort.sizes if str(size) not in fitting]
    if dropped:
        warned.append(
            f"There are too few labelled subjects outside of the held-out sites for n = {', '.join(dropped)}: left out."
        )
    task = Task(
        title=f"Measured scans of {found.name}",
        key=IN_VIVO,
        scans=scans,
        fits=fits_of(scans),
        labels=labels,
        acquisition=real.acquisition,
        noise_factor=noise_factor,
        sizes=effort.sizes,
        main_size=effort.main_size,
        draws=effort.draws,
        trained_draws=effort.trained_draws,
        effort=effort,
        seed=seed,
    )
    return task, second, warned


def task_of_exact_labels(effort: Effort, noise_factor: float, seed: int, folder: Path) -> Task:
    """Returns the task on simulated spectra that fits and priors describe wrongly, and whose labels are exact.

    Args:
      effort: numbers of the study.
      noise_factor: noise of the task over that of a scan.
      seed: of the study.
      folder: of the fits; those of an earlier run are read.
    """
    domain = exact_truth_domain(effort.exact_subjects, seed, sites=EXACT_SITES)
    missing = np.full_like(domain.labels, np.nan)
    scans = MeasuredSpectra(
        domain.spectra, domain.noise_sigma, domain.labels, missing, domain.subjects, domain.subjects, domain.sites
    )
    ranges = zip(domain.labels.min(axis=0).tolist(), domain.labels.max(axis=0).tolist(), strict=True)
    labels = Labels(domain.label_names, tuple(ranges), "", "concentration ratio")
    return Task(
        title=EXACT_TITLE,
        key=EXACT,
        scans=scans,
        fits=fits_of_scans(scans, domain.basis, folder),
        labels=labels,
        acquisition=domain.acquisition,
        noise_factor=noise_factor,
        sizes=effort.exact_sizes,
        main_size=effort.exact_sizes[0],
        draws=effort.exact_draws,
        trained_draws=1,
        effort=effort,
        seed=seed,
    )


def fits_of_scans(scans: MeasuredSpectra, basis: Basis, folder: str | os.PathLike) -> InVivoFits:
    """Fits spectra to a folder, or reads the fits of an earlier run."""
    names = {
        "ids": scans.ids,
        "participants": scans.participants,
        "sessions": [session_of(name) for name in scans.ids],
        "sites": scans.sites,
    }
    fits = fit_folder(scans.spectra, basis, InVivoModel(), scans.noise_sigma, folder, names=names, figures=0)
    return dataclasses.replace(fits, participants=scans.participants, sites=scans.sites)


def _learnable(found: RealDataset, label_names: Sequence[str] | None) -> tuple[list[int], list[str]]:
    """Returns the columns of the labels of the task, and what is to be said of those that are left out."""
    real, names = found.real, list(found.description.labels.names)
    if not names:
        raise ValueError(
            f"The study predicts labels. Expected a dataset with labels. Received: '{found.name}', without. Build it "
            "with `labels`, a table of fits."
        )
    unknown = [name for name in label_names or () if name not in names]
    if unknown:
        raise ValueError(
            f"The dataset has no label {', '.join(unknown)}. Expected some of: {', '.join(names)}. "
            "Received: " + ", ".join(label_names or ()) + "."
        )
    wanted = [name for name in names if name.partition("_over_")[0] in WANTED] or names
    deviations = np.full_like(real.labels, np.nan) if real.label_deviations is None else real.label_deviations
    worth = conditioning_worth(real.labels, deviations)
    columns, warned = [], []
    for column in (names.index(name) for name in label_names or wanted):
        known, spread = int(worth["known"][column]), float(worth["spread"][column])
        reliability = float(worth["reliability"][column])
        if known < len(real) / 2:
            warned.append(f"The label {names[column]} is known for {known} of {len(real)} spectra only: left out.")
        elif not spread > 0 or reliability < LEAST_RELIABILITY:
            warned.append(
                f"The label {names[column]} varies by {spread:.3g} between subjects, and is uncertain by "
                f"{worth['uncertainty'][column]:.3g}: no network can learn it from these tables. It is left out."
            )
        else:
            columns.append(column)
            if "_over_" not in names[column]:
                warned.append(
                    f"The label {names[column]} is no ratio, and regressions see spectra over their norm: they can "
                    "learn it as far as the rest of the spectrum tells it."
                )
    for text in warned:
        warnings.warn(text, stacklevel=4)
    if not columns:
        raise ValueError(
            f"No label of '{found.name}' can be learned: {' '.join(warned)} Expected one that is known for half of the "
            "spectra, and that differs between subjects by more than it is uncertain. Give another table of labels."
        )
    return columns, warned


def chosen_fits(
    found: RealDataset,
    scans: MeasuredSpectra,
    fits: InVivoFits | None,
    basis: str | os.PathLike | None,
    folder: Path,
) -> InVivoFits:
    """Returns fits of a dataset that are given, or makes them with a basis."""
    if fits is not None:
        if basis is not None:
            raise ValueError("The fits have their basis with them. Received `fits` and `basis`. Leave one of them out.")
        return fits_of_dataset(fits, found)
    made = fits_of_scans(scans, basis_or_own(basis, found), folder / "fits")
    return fits_of_dataset(made, found)


def basis_or_own(basis: str | os.PathLike | None, found: RealDataset) -> Basis:
    """Returns the basis of a file, or this package's own, in the acquisition of the dataset."""
    acquisition = found.real.acquisition
    if basis is not None:
        return match_acquisition(read_basis(basis), acquisition, os.fspath(basis))
    names = [name for name in Prior.from_preset(OWN_BASIS).metabolites if name not in BROAD_SIGNALS]
    return basis_for(names, acquisition)
