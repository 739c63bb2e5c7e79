"""All predictions of a task, from the files of its jobs and from arms that train nothing."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.study.enrichment.arm_names import MEAN, OUTSIDE, RECALIBRATED
from mrs_keras.study.enrichment.jobs import FIDELITY, HYBRIDS, PREDICT, Job, result_of
from mrs_keras.study.enrichment.recalibration import recalibrated
from mrs_keras.study.enrichment.results import Cell, TaskResults
from mrs_keras.study.enrichment.task import Task


def collect(
    task: Task,
    jobs: Sequence[Job],
    folder: Path,
    *,
    failed: Mapping[Job, str],
    truth_name: str = "label table",
    second_truth: np.ndarray | None = None,
    second_name: str = "second labeller",
    outside: np.ndarray | None = None,
) -> TaskResults:
    """Collects the results of a task.

    Args:
      task: that was done.
      jobs: of the task.
      folder: of their files.
      failed: job -> error.
      truth_name: name of the labels of the task. Defaults to `"label table"`.
      second_truth: float (n, labels), labels by a second labeller, in the scale of the first. Defaults to `None`: none.
      second_name: of that.
      outside: float (n, labels), answers of another program on the noisy spectra. Defaults to `None`: none.
    """
    predictions = _predicted(task, jobs, folder)
    for size in task.fitting_sizes:
        for draw in range(task.draws):
            predictions |= _without_training(task, size, draw, outside)
    truths = {truth_name: task.scans.values}
    if second_truth is not None:
        truths[second_name] = second_truth
    labelled = {
        size: float(np.mean([len(task.rows_of(rotation, size, 0)) for rotation in task.rotations]))
        for size in task.fitting_sizes
    }
    fidelity = {
        job.arm: result for job in jobs if job.kind == FIDELITY and (result := result_of(job, task, folder)) is not None
    }
    return TaskResults(
        title=task.title,
        labels=task.labels.names,
        truths=truths,
        subjects=task.scans.participants,
        sites=task.scans.sites,
        sizes=task.fitting_sizes,
        labelled=labelled,
        main_size=task.chosen_main_size,
        predictions=predictions,
        failures=_failures(jobs, failed),
        fidelity=fidelity,
        networks=dict.fromkeys(HYBRIDS, min(task.trained_draws, task.draws)),
    )


def _predicted(task: Task, jobs: Sequence[Job], folder: Path) -> dict[Cell, np.ndarray]:
    """Returns the cells of which every rotation is there."""
    found: dict[Cell, np.ndarray] = {}
    rotations: dict[Cell, int] = {}
    for job in (job for job in jobs if job.kind == PREDICT):
        result = result_of(job, task, folder)
        for regressor, values in (result or {}).items():
            cell = Cell(job.arm, regressor, job.size, job.draw)
            found.setdefault(cell, np.full(task.scans.values.shape, np.nan))
            found[cell][task.rotations[job.rotation].test] = values
            rotations[cell] = rotations.get(cell, 0) + 1
    return {cell: values for cell, values in found.items() if rotations[cell] == len(task.rotations)}


def _without_training(task: Task, size: str, draw: int, outside: np.ndarray | None) -> dict[Cell, np.ndarray]:
    """Returns the mean of the labels of the n, and the answers of another program, as they are and recalibrated."""
    names = (MEAN,) if outside is None else (MEAN, OUTSIDE, RECALIBRATED)
    cells = {name: np.full(task.scans.values.shape, np.nan) for name in names}
    for rotation in task.rotations:
        rows, test = task.rows_of(rotation, size, draw), rotation.test
        cells[MEAN][test] = task.scans.values[rows].mean(axis=0)
        if outside is not None:
            cells[OUTSIDE][test] = outside[test]
            cells[RECALIBRATED][test] = recalibrated(outside, task.scans.values, rows)[test]
    return {Cell(name, "", size, draw): values for name, values in cells.items()}


def _failures(jobs: Sequence[Job], failed: Mapping[Job, str]) -> dict[str, str]:
    """Returns arm -> how many of its jobs failed, and the first error."""
    texts = {}
    for arm in dict.fromkeys(job.arm for job in failed):
        errors = [error for job, error in failed.items() if job.arm == arm]
        total = sum(job.arm == arm for job in jobs)
        texts[arm] = f"{len(errors)} of {total} parts failed, the first with {errors[0]}"
    return texts
