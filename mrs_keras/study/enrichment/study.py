"""`mrs-keras study enrichment`: what training with generated spectra is worth at sites never seen."""

import dataclasses
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from tqdm import tqdm

from mrs_keras.checks import check_choice, check_count
from mrs_keras.evaluation.real_spectra import RealDataset, read_real_dataset
from mrs_keras.fitting import InVivoFits
from mrs_keras.simulation.blocks import cores
from mrs_keras.study.enrichment.arm_names import CLASSICAL, TRAINED_ARMS
from mrs_keras.study.enrichment.arms import SEED_OF_AGAIN
from mrs_keras.study.enrichment.collected import collect
from mrs_keras.study.enrichment.comparisons import comparisons_of
from mrs_keras.study.enrichment.design import SEEDS_OF_A_STUDY
from mrs_keras.study.enrichment.effort import FULL, QUICK, Effort
from mrs_keras.study.enrichment.jobs import Job, jobs_of, result_of, seconds_of
from mrs_keras.study.enrichment.judged_task import JudgedTask
from mrs_keras.study.enrichment.noisy_scans import outside_predictions
from mrs_keras.study.enrichment.noisy_task import NOISE_FACTOR, check_noise_factor
from mrs_keras.study.enrichment.page import TaskReport
from mrs_keras.study.enrichment.report import write_report
from mrs_keras.study.enrichment.scores import scores_of
from mrs_keras.study.enrichment.task import Task
from mrs_keras.study.enrichment.tasks import EXACT, IN_VIVO, chosen_fits, task_in_vivo, task_of_exact_labels
from mrs_keras.study.enrichment.words_of_design import caveats_of, plan_of
from mrs_keras.study.enrichment.workers import LOG_FILE, do_jobs
from mrs_keras.study.enrichment.worth import worth_in_subjects
from mrs_keras.training.claim import claim, only_writer
from mrs_keras.training.stage_times import in_words

NOTICE = (
    "parts/ holds predicted labels of single subjects, fits/ their fitted spectra, and trainings/ models of them: "
    "these folders are as private as the scans. The report, its figures and numbers.json hold aggregates alone."
)

SECONDS_PER_FIT = 0.4
"""Rough time of a fit, on one core."""


LARGEST_SEED = SEED_OF_AGAIN // SEEDS_OF_A_STUDY - 1
"""Of a study: its draws then share no seed with the comparison of classical augmentation with itself, and none is too
large for NumPy."""


def study_enrichment(
    dataset: str | os.PathLike,
    *,
    fits: InVivoFits | None = None,
    basis: str | os.PathLike | None = None,
    second_labels: str | os.PathLike | None = None,
    outside: str | os.PathLike | None = None,
    label_names: Sequence[str] | None = None,
    arms: Sequence[str] | None = None,
    noise_factor: float = NOISE_FACTOR,
    quick: bool = False,
    effort: Effort | None = None,
    seed: int = 0,
    workers: int | None = None,
    output_dir: str | os.PathLike,
    data_dir: str | os.PathLike | None = None,
) -> dict:
    """Measures what generated spectra add to the training of a regression, at sites that nothing has seen.

    A perceptron and a ridge regression predict labels from spectra with added noise. They are trained on n labelled
    subjects, with what an arm makes of these: nothing, classical augmentation, simulations of a prior from fits,
    spectra of networks. Each group of sites is held out once. The truth is the table of labels of the spectra without
    added noise. A second task is the same on simulated spectra whose labels are known exactly, and which fits and
    priors describe wrongly on purpose. `mrs_keras/study/enrichment/README.md` has
    the design.

    Writes `report.html`, `table.txt`, `numbers.json` and figures to the folder, all of aggregates. What is measured is
    kept in `parts/` and `trainings/` of the folder: an interrupted study goes on there, with the same numbers.

    Args:
      dataset: `NAME` or `NAME/CONFIG` of a measured dataset with sites and labels, or a folder that contains one.
      fits: of its spectra. Defaults to `None`: the spectra are fitted, to `fits/` of the folder.
      basis: file of the basis of these fits. Defaults to `None`: this package's own, PRESS TE 30 ms.
      second_labels: table of fits of the same scans by another program, as a second truth. Defaults to `None`.
      outside: table of the answers of another program on the noisy spectra (`write_noisy_scans`). Defaults to `None`.
      label_names: of the labels to predict. Defaults to `None`: tNAA, tCho, mI and GSH, of those that the dataset has.
      arms: to measure, of `TRAINED_ARMS`; `classical` is always among them. Defaults to `None`: all.
      noise_factor: noise of the task over that of a scan, 1 or more. Defaults to `2.83`, that of 8 averages of 64.
      quick: whether to try it in minutes, with numbers that mean little. Defaults to `False`.
      effort: other numbers of the study. Defaults to `None`: those of `quick`.
      seed: of all draws. Defaults to `0`.
      workers: processes. Defaults to `None`: one for each core. The numbers do not depend on it.
      output_dir: folder to write.
      data_dir: TFDS data folder. Defaults to `None`: the default one.

    Returns:
      The content of `numbers.json`.

    Raises:
      ValueError: if there is one site, no label can be learned, subjects are too few or occur twice, or fits or tables
        are of other scans.
    """
    check_noise_factor(noise_factor)
    seed = check_count("seed", seed, 0, at_least=0)
    if seed > LARGEST_SEED:
        raise ValueError(
            f"`seed` must be {LARGEST_SEED} or less: each study has {SEEDS_OF_A_STUDY} seeds of its own. "
            f"Received: seed={seed}. Give for example seed=0."
        )
    workers = cores() if workers is None else check_count("workers", workers, 2)
    effort = effort or (QUICK if quick else FULL)
    if arms is not None:
        chosen = {CLASSICAL, *(check_choice("arms", arm, TRAINED_ARMS) for arm in arms)}
        effort = dataclasses.replace(effort, arms=tuple(arm for arm in TRAINED_ARMS if arm in chosen))
    folder, started = Path(output_dir), time.monotonic()
    with only_writer(folder):
        numbers = _study(
            read_real_dataset(dataset, data_dir, second_labels),
            fits=fits,
            basis=basis,
            outside=outside,
            label_names=label_names,
            noise_factor=noise_factor,
            quick=quick,
            effort=effort,
            seed=seed,
            workers=workers,
            folder=folder,
        )
    tqdm.write(f"{(time.monotonic() - started) / 60:.0f} minutes")
    return numbers


def _study(
    found: RealDataset,
    *,
    fits: InVivoFits | None,
    basis: str | os.PathLike | None,
    outside: str | os.PathLike | None,
    label_names: Sequence[str] | None,
    noise_factor: float,
    quick: bool,
    effort: Effort,
    seed: int,
    workers: int,
    folder: Path,
) -> dict:
    """Returns the numbers of a study whose arguments are checked; arguments as in `study_enrichment`."""
    to_fit = effort.exact_subjects + (len(found.real) if fits is None else 0)
    seconds = to_fit * SECONDS_PER_FIT / cores()
    print(f"Fits of {to_fit} spectra first: about {in_words(seconds)}; those of an earlier run are read")
    in_vivo, second_truth, warned = task_in_vivo(
        found,
        lambda scans: chosen_fits(found, scans, fits, basis, folder),
        effort,
        label_names=label_names,
        noise_factor=noise_factor,
        seed=seed,
    )
    answers = None if outside is None else outside_predictions(outside, found.real.subjects, in_vivo.labels.names)
    exact = task_of_exact_labels(effort, noise_factor, seed, folder / "fits_of_exact")
    tasks = {IN_VIVO: in_vivo, EXACT: exact}
    claim(folder, _settings(found, tasks), NOTICE)
    jobs = {key: jobs_of(task) for key, task in tasks.items()}
    failed = _done(jobs, tasks, folder, workers)
    caveats = [*warned, *caveats_of(in_vivo, quick, basis is None and fits is None, answers is not None, found)]
    if second_truth is not None:
        # Two programs differ by a factor for each label, which would stand for every arm's error.
        factors = np.nanmedian(in_vivo.scans.values / second_truth, axis=0)
        second_truth = second_truth * factors
        of_labels = ", ".join(f"{name} {x:.2f}" for name, x in zip(in_vivo.labels.names, factors, strict=True))
        caveats.append(
            "The second labeller's values are multiplied by one factor for each label, the ratio of the medians of the "
            f"two tables: {of_labels}."
        )
    reports = []
    for key, task in tasks.items():
        measured = key == IN_VIVO
        results = collect(
            task,
            jobs[key],
            folder,
            failed={job: error for job, error in failed.items() if job.task == key},
            truth_name="label table" if measured else "exact labels",
            second_truth=second_truth if measured else None,
            second_name=Path(found.second_labeller or "").stem,
            outside=answers if measured else None,
        )
        scores, comparisons = scores_of(results), comparisons_of(results)
        reports.append(TaskReport(JudgedTask(results, scores, comparisons), worth_in_subjects(scores, results)))
    numbers = write_report(folder, found, tasks, reports, caveats)
    if failed:
        tqdm.write(
            f"{len(failed)} parts failed and are missing in the report, which names their arms; {folder / LOG_FILE} "
            "has all messages. The same command tries them again."
        )
    return numbers


def _settings(found: RealDataset, tasks: Mapping[str, Task]) -> dict:
    """Returns what the parts in a folder depend on: another study needs another folder."""
    task = tasks[IN_VIVO]
    return {
        "study": "enrichment",
        "dataset": found.name,
        "labels": list(task.labels.names),
        "noise_factor": task.noise_factor,
        "seed": task.seed,
        "examples": task.effort.examples,
        "data": {key: each.digest[:24] for key, each in tasks.items()},
    }


def _done(jobs: Mapping[str, Sequence[Job]], tasks: Mapping[str, Task], folder: Path, workers: int) -> dict[Job, str]:
    """Does what is not done yet; says first how long it takes, and shows the progress."""
    every = [job for of_task in jobs.values() for job in of_task]
    left = [job for job in every if result_of(job, tasks[job.task], folder) is None]
    print(plan_of(tasks, every, left, workers))
    seconds = {job: seconds_of(job, tasks[job.task]) for job in every}
    total = sum(seconds.values())
    done = total - sum(seconds[job] for job in left)
    # By their rough times: a training counts for as much as a hundred regressions.
    layout = "{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}"
    with tqdm(total=total, initial=done, desc="Enrichment", bar_format=layout, disable=None) as bar:
        remaining, said = list(left), {int(10 * done / total)}

        def on_done(job: Job) -> None:
            remaining.remove(job)
            bar.set_postfix_str(f"{len(remaining)} parts left, last {job.arm}", refresh=False)
            bar.update(seconds[job])
            tenth = int(10 * (1 - sum(seconds[each] for each in remaining) / total))
            if bar.disable and tenth not in said:  # no terminal
                said.add(tenth)
                tqdm.write(f"{10 * tenth} %, {len(remaining)} parts left")

        return do_jobs(left, tasks, folder, workers, on_done)
