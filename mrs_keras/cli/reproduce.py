"""`mrs-keras reproduce`: the full pipeline."""

import contextlib
import json
import os
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from mrs_keras.cli.options import add_command
from mrs_keras.files import replacing
from mrs_keras.run_folder import EVALUATION, MODEL_FILE, NUMBERS_FILE, REPORT_FILE, SAVED_MODELS, TABLE_FILE


def add_reproduce_command(commands) -> None:
    """Adds `reproduce` to the sub-parsers of `mrs-keras`."""
    command = add_command(commands, "reproduce", _reproduce, "run all steps: dataset, training, evaluation, export")
    command.add_argument("--output", type=Path, default=Path("runs/reproduce"), help="folder of the run")
    command.add_argument(
        "--saved-models", type=Path, help=f"folder of the SavedModels; by default OUTPUT/{SAVED_MODELS}"
    )


def _reproduce(options) -> None:
    reproduce(options.output, saved_models_dir=options.saved_models)


def reproduce(
    output_dir: str | os.PathLike = "runs/reproduce", saved_models_dir: str | os.PathLike | None = None
) -> dict:
    """Builds the dataset, trains, evaluates and exports with the defaults; steps that are already finished are reused.

    Args:
      output_dir: folder for the dataset, the training and the evaluation. Defaults to `"runs/reproduce"`.
      saved_models_dir: folder of the SavedModels. Defaults to `None`: `saved_models` in the output folder.

    Returns:
      The content of `numbers.json` in the output folder: the numbers of the evaluation and the seconds of each step.
    """
    output_dir = Path(output_dir)
    data_dir, run_dir = output_dir / "tensorflow_datasets", output_dir / "training"
    seconds = _seconds_of_reused_steps(output_dir, run_dir)
    reused = set(seconds)
    with _step("load TensorFlow", seconds):
        from mrs_keras.data import build_dataset
        from mrs_keras.evaluation import evaluate
        from mrs_keras.models import load_trained
        from mrs_keras.serving import export
        from mrs_keras.training import train
    with _step("build the dataset", seconds, reused):
        build_dataset(data_dir=data_dir)
    with _step("train", seconds, reused):
        train(run_dir, data_dir=data_dir)
    with _step("evaluate", seconds):
        numbers = evaluate(run_dir, data_dir=data_dir, output_dir=output_dir / EVALUATION)
    with _step("export", seconds):
        paths = export(load_trained(run_dir), saved_models_dir or output_dir / SAVED_MODELS)
    numbers = {**numbers, "seconds": {name: round(value, 1) for name, value in seconds.items()}}
    with replacing(output_dir / NUMBERS_FILE) as partial:
        partial.write_text(json.dumps(numbers, indent=2) + "\n")
    print(f"\n{(output_dir / EVALUATION / TABLE_FILE).read_text()}\nnumbers      {output_dir / NUMBERS_FILE}")
    print(f"report       {output_dir / EVALUATION / REPORT_FILE}\nfigures      {output_dir / EVALUATION}")
    print("\n".join(f"SavedModel   {path}" for path in paths.values()))
    print(f"\nAll steps took {sum(seconds.values()):.0f} s.")
    return numbers


@contextlib.contextmanager
def _step(name: str, seconds: dict[str, float], reused: Collection[str] = ()) -> Iterator[None]:
    """Prints a step and its time, and stores the time in `seconds`; a reused step keeps its original time."""
    print(f"== {name}" + (" (done before)" if name in reused else ""), flush=True)
    start = time.perf_counter()
    yield
    duration = time.perf_counter() - start
    if name not in reused:
        seconds[name] = duration
    print(f"   {duration:.1f} s", flush=True)


def _seconds_of_reused_steps(output_dir: Path, run_dir: Path) -> dict[str, float]:
    """Returns the times of the steps of an earlier, finished run that are not repeated."""
    try:
        earlier = json.loads((output_dir / NUMBERS_FILE).read_text())["seconds"]
    except (OSError, ValueError, KeyError):
        return {}
    done = {"build the dataset", "train"} if (run_dir / MODEL_FILE).exists() else set()
    return {name: value for name, value in earlier.items() if name in done}
