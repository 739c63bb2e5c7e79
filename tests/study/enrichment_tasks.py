"""A task of the study of enrichment whose scans are of known parameters, which their fits are."""

import dataclasses
import os
from collections.abc import Sequence
from unittest import mock

import numpy as np

from mrs_keras import Labels
from mrs_keras.data import DatasetDescription
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.evaluation.real_spectra import RealDataset
from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.study.enrichment import study
from mrs_keras.study.enrichment.arm_names import CLASSICAL
from mrs_keras.study.enrichment.effort import Effort
from mrs_keras.study.enrichment.task import Task
from tests.fitting.fits_of_truth import ACQUISITION, fits_of_truth

NAMES = ("tNAA_over_tCr", "mI_over_tCr")
FACTORS = np.array([0.9, 1.3])
"""Labels of the table over those of the fits."""

EFFORT = Effort(
    arms=("classical", "simulations"),
    sizes=(8,),
    main_size=8,
    draws=2,
    trained_draws=1,
    examples=256,
    epochs=2,
    inner_folds=2,
    scratch_steps=2,
    pretraining={
        "epochs": 1,
        "steps_per_epoch": 2,
        "batch_size": 8,
        "fine_tuning": {"steps_per_round": 1, "rounds": 1},
    },
    fidelity_rows=3,
    exact_subjects=24,
    exact_sizes=(8,),
    exact_draws=1,
)
"""Every part runs, and measures nothing."""


def ratios_of(concentrations: np.ndarray) -> np.ndarray:
    """Returns total NAA and inositol over total creatine of the columns of `fits_of_truth`, in their first five."""
    naa, naag, cr, pcr, ins = concentrations.T[:5]
    return np.stack([naa + naag, ins], axis=1) / (cr + pcr)[:, None]


def measured_task(subjects: int = 36, sites: int = 3, **changes) -> Task:
    """Returns a task of scans with noise of their stated level, labels known exactly; sites in turn."""
    fits = fits_of_truth(subjects)
    noise = np.random.default_rng(1).normal(size=(2, *fits.fitted.shape)) * fits.noise_sigma[:, None]
    residual = noise[0] + 1j * noise[1]
    names, places = fits.participants, tuple(f"site{row % sites}" for row in range(subjects))
    fits = dataclasses.replace(fits, residual=residual, ids=names, sites=places)
    values = FACTORS * ratios_of(fits.concentrations)
    scans = MeasuredSpectra(
        fits.fitted + residual, fits.noise_sigma, values, np.full(values.shape, 0.02), names, names, places
    )
    ranges = tuple(zip(values.min(axis=0).tolist(), values.max(axis=0).tolist(), strict=True))
    arguments = {
        "title": "Scans of known parameters",
        "key": "in_vivo",
        "scans": scans,
        "fits": fits,
        "labels": Labels(NAMES, ranges, "", "concentration ratio"),
        "acquisition": ACQUISITION,
        "noise_factor": 3.0,
        "effort": EFFORT,
        **{name: getattr(EFFORT, name) for name in ("sizes", "main_size", "draws", "trained_draws")},
    }
    return Task(**{**arguments, **changes})


def dataset_of(task: Task, *, second_labels: np.ndarray | None = None, **changes) -> RealDataset:
    """Returns the dataset that a task could be of; `changes` are those of its spectra."""
    scans, names = task.scans, task.labels.names
    arguments = {
        "subjects": scans.participants,
        "sites": scans.sites,
        "labels": scans.values,
        "second_labels": second_labels,
        "label_names": names,
        "label_deviations": scans.deviations,
        **changes,
    }
    real = RealSpectra(scans.spectra, task.acquisition, scans.noise_sigma, **arguments)
    peak = float(np.median(np.abs(scans.spectra).max(axis=1)))
    labels = task.labels if real.labels is not None else Labels((), ())
    description = DatasetDescription(task.acquisition, labels, peak, backend="measured")
    return RealDataset(
        "measured_mrs/mine", description, scans.ids, real, None if second_labels is None else "second.tsv"
    )


def run_study(
    folder: str | os.PathLike,
    *,
    arms: Sequence[str] = EFFORT.arms,
    workers: int = 1,
    converged: np.ndarray | None = None,
    **options,
) -> dict:
    """Runs a study whose scans, in both tasks, are of known parameters; in the second one of classical augmentation.

    Args:
      folder: to write.
      arms: of the first task. Defaults to classical augmentation and simulations.
      workers: processes.
      converged: bool (36,), which fits of the first task converged. Defaults to `None`: all.
      **options: of `study_enrichment`.
    """
    task = measured_task()
    fits = task.fits if converged is None else dataclasses.replace(task.fits, converged=converged)
    exact = measured_task(
        30, title="Exact", key="exact", draws=1, effort=dataclasses.replace(EFFORT, arms=(CLASSICAL,))
    )
    with (
        mock.patch.object(study, "read_real_dataset", return_value=dataset_of(task)),
        mock.patch.object(study, "task_of_exact_labels", return_value=exact),
    ):
        given = {"fits": fits, "arms": arms, "effort": EFFORT, "noise_factor": 3.0, "workers": workers, **options}
        return study.study_enrichment("measured_mrs/mine", output_dir=folder, **given)
