"""Loading the model of a training."""

import json
import os
from pathlib import Path

from mrs_keras.evaluation.diverged import REMEDY, diverged_epoch
from mrs_keras.models import CVAE
from mrs_keras.training.claim import SETTINGS_FILE
from mrs_keras.training.recipe import MODEL_FILE, load_model


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
                f"{REMEDY}"
            )
        state = "an unfinished training" if Path(run_dir).is_dir() else "no training"
        raise FileNotFoundError(
            f"No trained model in '{run_dir}': there is {state}. Expected the file '{MODEL_FILE}'. "
            f"Run `mrs-keras train --output {run_dir}`; it goes on where it was interrupted."
        )
    return load_model(
        path, f"Remove it and run `mrs-keras train --output {run_dir}`: it goes on from the last checkpoint."
    )


def config_of(run_dir: str | os.PathLike) -> str:
    """Returns the config of the dataset that a run was trained on, `"naa_pcr"` where its settings do not say."""
    try:
        return json.loads((Path(run_dir) / SETTINGS_FILE).read_text())["config"]
    except (OSError, ValueError, KeyError):
        return "naa_pcr"


def check_same_data(model: CVAE, metadata: dict) -> None:
    """Raises `ValueError` where a dataset is not of the model's metabolites and acquisition."""
    ours = {"metabolites": list(model.metabolites), "acquisition": model.acquisition.to_dict()}
    theirs = {name: metadata[name] for name in ours}
    if ours != theirs:
        raise ValueError(
            "The dataset must be of the model's metabolites, in their order, and of its acquisition. "
            f"Expected: {ours}. Received: {theirs}. Give the dataset that the model was trained on, with `config`."
        )
