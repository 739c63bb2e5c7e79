"""Loading a trained model."""

import os
import zipfile
from pathlib import Path

import keras

from mrs_keras.checks import check_choice
from mrs_keras.models.cvae import CVAE
from mrs_keras.pretrained import KERAS_FILES, pretrained_dir
from mrs_keras.run_folder import MODEL_FILE, diverged_epoch

REMEDY_OF_DIVERGENCE = "Train again in another folder, with a lower learning rate."


def load_model(path: Path, remedy: str) -> CVAE:
    """Loads a `.keras` file, or raises `ValueError` with the remedy if it is damaged."""
    try:
        return keras.models.load_model(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:  # of a truncated file
        raise ValueError(f"The file '{path}' cannot be read: {error} {remedy}") from error


def load_pretrained(name: str = "base") -> CVAE:
    """Loads a trained model that comes with this package.

    Their model cards are `saved_models/README.md` and `saved_models/brain/README.md`.

    Args:
      name: preset that it was trained with, `"base"` or `"brain"`. Defaults to `"base"`.

    Raises:
      ValueError: if there is no pretrained model of that name.
      FileNotFoundError: if the package was installed without its models.

    Example:

    >>> load_pretrained().generate([[12.0, 4.5]], seed=0)["spectrum"].shape
    (1, 252, 2)
    """
    return load_model(
        pretrained_dir() / KERAS_FILES[check_choice("name", name, KERAS_FILES)], "Install mrs_keras again."
    )


def load_trained(run_dir: str | os.PathLike) -> CVAE:
    """Loads the model of a finished training.

    Args:
      run_dir: the folder that `train` wrote.

    Raises:
      FileNotFoundError: if there is no training, or it is not finished.
      RuntimeError: if the training diverged.
      ValueError: if the model file is damaged.
    """
    path = Path(run_dir) / MODEL_FILE
    if not path.exists():
        diverged = diverged_epoch(run_dir)
        if diverged is not None:
            epoch, loss = diverged
            raise RuntimeError(
                f"The training diverged: in '{run_dir}' the loss of epoch {epoch} is {loss}, and there is no model. "
                f"{REMEDY_OF_DIVERGENCE}"
            )
        state = "an unfinished training" if Path(run_dir).is_dir() else "no training"
        raise FileNotFoundError(
            f"No trained model in '{run_dir}': there is {state}. Expected the file '{MODEL_FILE}'. "
            f"Run `mrs-keras train --output {run_dir}`; it resumes an interrupted training."
        )
    return load_model(
        path, f"Remove it and run `mrs-keras train --output {run_dir}`: it resumes from the last checkpoint."
    )
