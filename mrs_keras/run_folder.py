"""The folder of a training: the names of its files, and readers for those that need no TensorFlow."""

import csv
import json
import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

MODEL_FILE = "model.keras"
"""The trained model; exists only once training is complete."""

SETTINGS_FILE = "settings.json"
"""The settings of the training that the folder belongs to."""

HISTORY_FILE = "history.csv"
"""The numbers of each epoch."""

NOTICE_FILE = "NOTICE.txt"
"""What users must know who pass the model on, for data that are not free."""

PRIOR_FILE, BASIS_FILE = "prior.json", "basis.npz"
"""The prior of the simulations of a pre-training, and its basis."""

PRETRAINING = "pretraining"
"""The run of the pre-training, in the folder of a run on measured spectra."""

FITS = "fits"
"""Fits of the training spectra, in the folder of a run on measured spectra."""

LOCK_FILE, WRITER_FILE = ".lock", ".writer.json"
"""The lock of a training that writes to the folder, and the process that holds it."""

CHECKPOINTS = "checkpoints"
LATENT_PRIOR = "latent_prior"
"""Folder of the state of the latent prior's fit, among the checkpoints, while it runs."""

TENSORBOARD = "tensorboard"
EVALUATION = "evaluation"
SAVED_MODELS = "saved_models"

NUMBERS_FILE = "numbers.json"
TABLE_FILE = "table.txt"
REPORT_FILE = "report.html"
"""Files in the folder of an evaluation, beside the figures."""


def checkpoint_file(run_dir: Path, epochs: int) -> Path:
    """Returns the path of the checkpoint after a number of epochs."""
    return run_dir / CHECKPOINTS / f"epoch_{epochs:04d}.keras"


def checkpoint_files(run_dir: Path) -> list[Path]:
    """Returns the finished checkpoints of a run, oldest first."""
    return sorted((run_dir / CHECKPOINTS).glob("epoch_*.keras"), key=epochs_of)


def epochs_of(checkpoint: Path) -> int:
    """Returns the number of finished epochs of a checkpoint."""
    return int(checkpoint.stem.removeprefix("epoch_"))


def read_history(run_dir: str | os.PathLike) -> "dict[str, np.ndarray]":
    """Reads the history of a run: name of the number -> float64 (epochs,), NaN for numbers of a validation it lacks."""
    import numpy as np  # not needed for the names of the files

    with (Path(run_dir) / HISTORY_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name].replace("NA", "nan")) for row in rows]) for name in rows[0]}


def read_settings(run_dir: str | os.PathLike) -> dict:
    """Reads the settings of a run.

    Raises:
      FileNotFoundError: if the folder contains no run.
      ValueError: if the file is damaged.
    """
    path = Path(run_dir) / SETTINGS_FILE
    if not path.exists():
        raise FileNotFoundError(
            f"'{run_dir}' is not the folder of a training: it has no '{SETTINGS_FILE}'. "
            "Give the folder that `mrs-keras train --output` wrote."
        )
    try:
        settings = json.loads(path.read_text())
        if isinstance(settings, dict):
            return settings
        error = f"it contains a {type(settings).__name__}, not an object"
    except ValueError as invalid:
        error = invalid
    raise ValueError(f"The file '{path}' is damaged: {error}. Train again in another folder, or restore the file.")


def read_notice(run_dir: str | os.PathLike) -> str:
    """Returns what users must know who pass the model of a run on; `""` if there is nothing."""
    path = Path(run_dir) / NOTICE_FILE
    return path.read_text(encoding="utf-8").strip() if path.exists() else ""


def diverged_epoch(run_dir: str | os.PathLike) -> tuple[int, str] | None:
    """Returns the first epoch, counted from 1, whose loss was NaN or infinite, and that loss; `None` if there is none.

    Args:
      run_dir: the folder of a training, finished or not.
    """
    path = Path(run_dir) / HISTORY_FILE
    if not path.exists():
        return None
    with path.open(newline="") as file:
        for row in csv.DictReader(file):
            try:
                finite = math.isfinite(float(row["loss"]))
            except (KeyError, TypeError, ValueError):  # partial row of a killed process
                continue
            if not finite:
                return int(row["epoch"]) + 1, row["loss"]
    return None
