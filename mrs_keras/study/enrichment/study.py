"""`mrs-keras study enrichment`: what training with generated spectra is worth at sites never seen."""

import dataclasses
import json
import math
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tqdm import tqdm

from mrs_keras.basis import BROAD_SIGNALS, Basis, basis_for, match_acquisition, read_basis
from mrs_keras.checks import check_choice, check_count
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.evaluation.real_spectra import RealDataset, read_real_dataset
from mrs_keras.files import replacing
from mrs_keras.fitting import InVivoFits
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import NUMBERS_FILE, REPORT_FILE, TABLE_FILE
from mrs_keras.simulation import Prior
from mrs_keras.simulation.blocks import cores
from mrs_keras.study.enrichment.arm_names import CLASSICAL, TRAINED_ARMS
from mrs_keras.study.enrichment.arms import SEED_OF_AGAIN
from mrs_keras.study.enrichment.collected import collect
from mrs_keras.study.enrichment.comparisons import comparisons_of
from mrs_keras.study.enrichment.design import SEEDS_OF_A_STUDY
from mrs_keras.study.enrichment.effort import FULL, QUICK, Effort
from mrs_keras.study.enrichment.jobs import Job, jobs_of, result_of, seconds_of
from mrs_keras.study.enrichment.judged_task import JudgedTask
from mrs_keras.study.enrichment.noisy_scans import outside_predictions, write_noisy
from mrs_keras.study.enrichment.page import TaskReport, enrichment_page, image_name, numbers_of, summary_table
from mrs_keras.study.enrichment.scores import scores_of
from mrs_keras.study.enrichment.task import Task, noisy_spectra
from mrs_keras.study.enrichment.task_figures import task_figures
from mrs_keras.study.enrichment.tasks import EXACT, IN_VIVO, fits_of_scans, task_in_vivo, task_of_exact_labels
from mrs_keras.study.enrichment.words_of_design import caveats_of, design_of, plan_of
from mrs_keras.study.enrichment.workers import do_jobs
from mrs_keras.study.enrichment.worth import worth_in_subjects
from mrs_keras.study.generators import fits_of_dataset

NOISE_FACTOR = 8**0.5
"""Noise of the task over that of a scan: as of 8 averages where the scan has 64."""

OWN_BASIS = "brain_press_te30"
"""Preset of the metabolites of this package's own basis."""


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
    priors describe wrongly on purpose. `mrs_keras/study/README.md` has the design.

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
    _check_factor(noise_factor)
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
    found = read_real_dataset(dataset, data_dir, second_labels)
    in_vivo, second_truth, warned = task_in_vivo(
        found,
        lambda scans: _fits(found, scans, fits, basis, folder),
        effort,
        label_names=label_names,
        noise_factor=noise_factor,
        seed=seed,
    )
    answers = None if outside is None else outside_predictions(outside, found.real.subjects, in_vivo.labels.names)
    exact = task_of_exact_labels(effort, noise_factor, seed, folder / "fits_of_exact")
    tasks = {IN_VIVO: in_vivo, EXACT: exact}
    jobs = {key: jobs_of(task) for key, task in tasks.items()}
    failed = _done(jobs, tasks, folder, workers)
    reports = []
    for key, task in tasks.items():
        results = collect(
            task,
            jobs[key],
            folder,
            failed={job: error for job, error in failed.items() if job.task == key},
            second_truth=second_truth if key == IN_VIVO else None,
            second_name="second labeller" if second_labels is None else Path(second_labels).stem,
            outside=answers if key == IN_VIVO else None,
        )
        scores, comparisons = scores_of(results), comparisons_of(results)
        reports.append(TaskReport(JudgedTask(results, scores, comparisons), worth_in_subjects(scores, results)))
    caveats = [*warned, *caveats_of(in_vivo, basis is None and fits is None, found)]
    numbers = _written(folder, found, tasks, reports, caveats)
    tqdm.write(f"{(time.monotonic() - started) / 60:.0f} minutes")
    return numbers


def write_noisy_scans(
    dataset: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    fits: InVivoFits | None = None,
    basis: str | os.PathLike | None = None,
    noise_factor: float = NOISE_FACTOR,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
) -> Path:
    """Writes the noisy spectra of the first draw of a study for another program, such as LCModel.

    Args:
      dataset: as in `study_enrichment`; likewise for the rest.
      folder: to create.
      fits: whose basis is written beside the spectra.
      basis: file of a basis, instead.
      noise_factor: as in `study_enrichment`.
      seed: as in `study_enrichment`.
      data_dir: as in `study_enrichment`.

    Returns:
      `folder`.
    """
    _check_factor(noise_factor)
    found = read_real_dataset(dataset, data_dir)
    real = found.real
    chosen = fits.basis if fits is not None else _basis(basis, found)
    noisy = noisy_spectra(real.spectra, real.noise_sigma, noise_factor, seed=seed, draw=0, key=IN_VIVO)
    return write_noisy(
        folder,
        noisy,
        noise_factor * real.noise_sigma,
        real.acquisition,
        real.subjects,
        basis=chosen,
        signal=real.spectra,
        seed=seed,
    )


def _check_factor(noise_factor: float) -> None:
    if not 1 <= noise_factor < math.inf:
        raise ValueError(
            "`noise_factor` must be 1 or more: noise is added to scans that have their own. "
            f"Received: {noise_factor}. Give for example {NOISE_FACTOR:.2f}."
        )


def _fits(
    found: RealDataset,
    scans: MeasuredSpectra,
    fits: InVivoFits | None,
    basis: str | os.PathLike | None,
    folder: Path,
) -> InVivoFits:
    if fits is not None:
        if basis is not None:
            raise ValueError("The fits have their basis with them. Received `fits` and `basis`. Leave one of them out.")
        return fits_of_dataset(fits, found)
    made = fits_of_scans(scans, _basis(basis, found), folder / "fits")
    return fits_of_dataset(made, found)


def _basis(basis: str | os.PathLike | None, found: RealDataset) -> Basis:
    """Returns the basis of a file, or this package's own, in the acquisition of the dataset."""
    acquisition = found.real.acquisition
    if basis is not None:
        return match_acquisition(read_basis(basis), acquisition, os.fspath(basis))
    names = [name for name in Prior.from_preset(OWN_BASIS).metabolites if name not in BROAD_SIGNALS]
    return basis_for(names, acquisition)


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
        left_of = [len(left)]

        def on_done(job: Job) -> None:
            left_of[0] -= 1
            bar.set_postfix_str(f"{left_of[0]} parts left, last {job.arm}", refresh=False)
            bar.update(seconds[job])

        return do_jobs(left, tasks, folder, workers, on_done)


def _written(
    folder: Path,
    found: RealDataset,
    tasks: Mapping[str, Task],
    reports: Sequence[TaskReport],
    caveats: Sequence[str],
) -> dict:
    images = {
        image_name(number, name): png_bytes(figure)
        for number, report in enumerate(reports, 1)
        for name, figure in task_figures(report.task).items()
    }
    for name, image in images.items():
        _write(folder / f"{name}.png", image)
    in_vivo = tasks[IN_VIVO]
    numbers = {
        "dataset": found.name,
        "noise_factor": in_vivo.noise_factor,
        "seed": in_vivo.seed,
        "effort": dataclasses.asdict(in_vivo.effort),
        "caveats": list(caveats),
        "tasks": [numbers_of(report) for report in reports],
    }
    page = enrichment_page(
        f"What generated spectra add: {found.name}", reports, images, design_of(tasks, found), caveats
    )
    _write(folder / TABLE_FILE, (summary_table(reports, caveats) + "\n").encode())
    _write(folder / REPORT_FILE, page.encode())
    _write(folder / NUMBERS_FILE, (json.dumps(numbers, indent=2) + "\n").encode())
    return numbers


def _write(path: Path, content: bytes) -> None:
    with replacing(path) as partial:
        partial.write_bytes(content)
