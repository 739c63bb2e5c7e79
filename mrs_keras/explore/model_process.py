"""The process that serves the explored model, run as `python -m mrs_keras.explore.model_process`.

It alone loads TensorFlow: the page answers while it starts, and again after it crashed. Its standard output is one line
of JSON, with the address or with an error. It ends when its standard input does, that is, when its parent ends.
"""

import argparse
import gc
import json
import os
import signal
import sys
from pathlib import Path

from mrs_keras.run_folder import SAVED_MODELS, read_notice

DESCRIPTION_FILE, EXAMPLES_FILE = "training.json", "training.npz"
"""In the folder of the process, what is known about the training data of `--run`: their description, as
`DatasetDescription.to_metadata` gives it, and examples of the training split where they cannot be simulated."""

MOST_EXAMPLES = 1000
"""Of the training split, spread over it."""


def main() -> int:
    """Serves until standard input ends; returns the exit status."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--saved-models", type=Path)
    parser.add_argument("--run", type=Path)
    parser.add_argument("--folder", type=Path, required=True)
    options = parser.parse_args()
    # Ctrl-C reaches the whole process group; the parent ends this process once its own requests are answered.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    answer, sys.stdout = sys.stdout, sys.stderr
    try:
        _serve(options, answer)
    except (ValueError, OSError, RuntimeError, ModuleNotFoundError) as error:
        print(json.dumps({"error": str(error)}), file=answer, flush=True)
        return 1
    return 0


def _serve(options, answer) -> None:
    folder = options.saved_models
    if options.run is not None:
        folder = options.folder / SAVED_MODELS
        if not folder.exists():  # else this process replaces one that crashed
            _export(options.run, options.folder)
    from mrs_keras.serving.server import ModelServer

    with ModelServer(folder, grpc_port=0, rest_port=0) as server:
        # As `mrs-keras serve`: scanning TensorFlow's objects takes the garbage collector 0.2 s in mid-request.
        gc.collect()
        gc.freeze()
        print(json.dumps({"url": server.rest_url}), file=answer, flush=True)
        sys.stdin.buffer.read()


def _export(run_dir: Path, folder: Path) -> None:
    """Exports the model of a run, after what is known about its training data."""
    from mrs_keras.files import replacing
    from mrs_keras.models import load_trained

    model = load_trained(run_dir)
    _write_training_data(run_dir, folder)
    with replacing(folder / SAVED_MODELS) as partial:
        model.export(partial, notice=read_notice(run_dir))


def _write_training_data(run_dir: Path, folder: Path) -> None:
    """Writes `DESCRIPTION_FILE` and `EXAMPLES_FILE`, as far as the run and its dataset are known."""
    import numpy as np

    from mrs_keras.data import describe_dataset, load_arrays, open_dataset, split_of
    from mrs_keras.data.description import DatasetDescription
    from mrs_keras.run_folder import read_settings

    try:
        settings = read_settings(run_dir)
        description = DatasetDescription.from_metadata(settings["fingerprint"])
    except (FileNotFoundError, KeyError, ValueError):  # a model without its settings, or of an earlier version
        return
    builder = None
    try:
        builder = open_dataset(settings["dataset"], settings["config"])
        dataset = describe_dataset(builder)
        if (dataset.basis, dataset.acquisition) == (description.basis, description.acquisition):
            # Only the dataset itself says which file or sequence its basis came from.
            description = dataset
    except (FileNotFoundError, KeyError, ValueError, TypeError):  # it is elsewhere, or of another kind
        pass
    (folder / DESCRIPTION_FILE).write_text(json.dumps(description.to_metadata()), encoding="utf-8")
    if builder is None or description.prior is not None:
        return
    arrays = load_arrays(builder, split_of(builder, "train"))
    count = len(arrays["spectrum"])
    rows = np.unique(np.linspace(0, count - 1, min(count, MOST_EXAMPLES)).astype(int))
    numbers = {name: values[rows] for name, values in arrays.items() if values.dtype.kind in "fbi"}
    np.savez(folder / EXAMPLES_FILE, **numbers)


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.exit(main())
