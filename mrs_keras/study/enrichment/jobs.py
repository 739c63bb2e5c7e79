"""The jobs of a task: each trains what one arm needs in one draw of one rotation, and keeps the result."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np

import mrs_keras
from mrs_keras.files import replacing
from mrs_keras.run_folder import MODEL_FILE
from mrs_keras.study.enrichment.arm_data import ArmData
from mrs_keras.study.enrichment.arm_names import AGAIN, REAL, TRAINED_ARMS
from mrs_keras.study.enrichment.arms import GENERATORS, SEED_OF_AGAIN, generated_spectra, training_examples
from mrs_keras.study.enrichment.augmentation import with_noise
from mrs_keras.study.enrichment.fidelity import label_fidelity
from mrs_keras.study.enrichment.regressors import tuned_predictions
from mrs_keras.study.enrichment.task import Task

FORMAT = 1
"""Of the files of results; those of another number are measured again."""

HYBRIDS = ("hybrid", "simulations_and_hybrid")
"""Arms that share the model of all scans of the training sites: it is trained once for a draw, for all sizes."""

AT_MAIN_SIZE = ("cvae_of_simulations",)
"""Arms whose network depends on the n and takes a minute or more: measured at the main size alone."""

PREDICT, TRAIN, FIDELITY = "predict", "train", "fidelity"

PARTS, TRAININGS = "parts", "trainings"

SECONDS = {"cvae": 4.0, "placebo": 4.0, "cvae_of_simulations": 95.0, "hybrid": 4.0, "simulations_and_hybrid": 4.0}
"""Rough seconds of an arm in a draw of a rotation, on one core, beside those of the regressions."""

SECONDS_OF_REGRESSIONS, SECONDS_OF_HYBRID, SECONDS_OF_FIDELITY = 3.5, 280.0, 25.0


@dataclasses.dataclass(frozen=True)
class Job:
    """What one arm needs in one draw of one rotation.

    Attributes:
      task: key of the task.
      kind: `"predict"`, `"train"` or `"fidelity"`.
      arm: key of `ARMS`.
      size: of the labelled training subjects.
      draw: number of the draw.
      rotation: number of the rotation.
    """

    task: str
    kind: str
    arm: str
    size: str
    draw: int
    rotation: int

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.kind}_{self.arm}_{self.size}_draw{self.draw}_rotation{self.rotation}"


def jobs_of(task: Task) -> list[Job]:
    """Returns all jobs of a task; those that train come first, since others need what they train."""
    main, arms = task.chosen_main_size, [arm for arm in TRAINED_ARMS if arm in task.effort.arms]
    trainings, long, short = [], [], []
    for rotation in task.rotations:
        trained = min(task.trained_draws, task.draws)
        if set(HYBRIDS) & set(arms):
            trainings += [Job(task.key, TRAIN, HYBRIDS[0], main, draw, rotation.number) for draw in range(trained)]
        for arm in arms:
            for draw in range(trained if arm in AT_MAIN_SIZE else task.draws):
                for size in (main,) if arm in AT_MAIN_SIZE else task.fitting_sizes:
                    group = long if arm in AT_MAIN_SIZE else short
                    group.append(Job(task.key, PREDICT, arm, size, draw, rotation.number))
    of_labels = [Job(task.key, FIDELITY, arm, main, 0, 0) for arm in arms if arm in (*GENERATORS, REAL)]
    return trainings + long + short + of_labels


def seconds_of(job: Job, task: Task) -> float:
    """Returns the rough time of a job on one core."""
    effort, recipe = task.effort, task.effort.pretraining
    share = recipe.get("epochs", 32) * recipe.get("steps_per_epoch", 100) / 3200
    if job.kind == TRAIN:
        return 20 + SECONDS_OF_HYBRID * share
    if job.kind == FIDELITY:
        return SECONDS_OF_FIDELITY * effort.fidelity_rows / 48
    regressions = SECONDS_OF_REGRESSIONS * effort.examples / 2048 * effort.epochs / 40 * effort.inner_folds / 4
    return regressions + SECONDS.get(job.arm, 0.5) * (share if job.arm in AT_MAIN_SIZE else 1.0)


def run_job(job: Job, task: Task, folder: Path) -> None:
    """Does a job and keeps its result; what is finished already is read again by `result_of`."""
    rotation, trained = task.rotations[job.rotation], _training_folder(job, task, folder)
    data = task.data(rotation, job.size, job.draw, trained)
    if job.kind != TRAIN and job.arm in HYBRIDS and not (trained / MODEL_FILE).exists():
        raise RuntimeError(f"The network in '{trained}' is not there: its training failed, or it was removed.")
    if job.kind == TRAIN:
        generated_spectra(job.arm, data, 2)
        result = {"trained": True}
    elif job.kind == FIDELITY:
        result = _fidelity(job.arm, data, task)
    else:
        noisy, rows = task.noisy(job.draw), task.rows_of(rotation, job.size, job.draw)
        predictions = tuned_predictions(
            training_examples(job.arm, data, task.noise_factor),
            (noisy[rows], task.scans.values[rows]),
            noisy[rotation.test],
            task.acquisition,
            folds=task.effort.inner_folds,
            epochs=task.effort.epochs,
            seed=data.seed + (SEED_OF_AGAIN if job.arm == AGAIN else 0),
        )
        result = {name: values.tolist() for name, values in predictions.items()}
    with replacing(_path(job, folder)) as partial:
        partial.write_text(json.dumps({"digest": digest_of(job, task), "result": result}), encoding="utf-8")


def result_of(job: Job, task: Task, folder: Path) -> dict | None:
    """Returns the result of a finished job, `None` if it is not done, or was done with something else."""
    path = _path(job, folder)
    if not path.exists():
        return None
    if job.kind == TRAIN and not (_training_folder(job, task, folder) / MODEL_FILE).exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["result"] if content["digest"] == digest_of(job, task) else None


def digest_of(job: Job, task: Task) -> str:
    """Returns a digest of all that a result depends on."""
    rotation = task.rotations[job.rotation]
    rows = task.rows_of(rotation, job.size, job.draw).tolist()
    about = [FORMAT, mrs_keras.__version__, task.digest, dataclasses.asdict(job), rows, rotation.test.tolist()]
    about += [task.network_of(job.draw)] if job.arm in HYBRIDS else []
    return hashlib.sha256(json.dumps(about).encode()).hexdigest()


def _training_folder(job: Job, task: Task, folder: Path) -> Path:
    """Returns the folder of the network of a job; hybrids are the same at all sizes."""
    shared = job.arm in HYBRIDS
    name, draw = (HYBRIDS[0], task.network_of(job.draw)) if shared else (job.arm, job.draw)
    about = [FORMAT, mrs_keras.__version__, task.digest, name, draw, job.rotation, "" if shared else job.size]
    return folder / TRAININGS / f"{name}_{draw}_{hashlib.sha256(json.dumps(about).encode()).hexdigest()[:12]}"


def _fidelity(arm: str, data: ArmData, task: Task) -> dict[str, float]:
    """Returns the label error of the spectra of an arm, as they are before augmentation."""
    count = task.effort.fidelity_rows
    made = data.real(min(count, len(data.labelled))) if arm == REAL else generated_spectra(arm, data, count)
    spectra = with_noise(made.spectra, made.carried, made.level, data.seed, "noise of judged labels")
    sigma = np.maximum(made.carried, made.level)
    names = task.labels.names
    return label_fidelity(spectra, made.labels, names, sigma, data.fits.basis, task.acquisition, rows=count, jobs=1)


def _path(job: Job, folder: Path) -> Path:
    return folder / PARTS / job.task / f"{job.name}.json"
