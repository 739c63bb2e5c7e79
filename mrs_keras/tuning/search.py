"""`mrs-keras tune`: a search for hyper-parameters, in a folder that can be resumed."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path

import keras

from mrs_keras.checks import check_choice, check_count
from mrs_keras.data import evaluation_batches, open_dataset
from mrs_keras.evaluation.held_out import held_out_loss
from mrs_keras.files import replacing
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.optional import check_keras_tuner_installed
from mrs_keras.training.claim import claim, fingerprint, only_writer
from mrs_keras.training.recipe import train
from mrs_keras.training.source import data_settings

TABLE_FILE = "trials.csv"
SPACE: dict[str, dict] = {
    "latent_dim": {"values": (8, 12, 16, 24, 32)},
    "hidden_width": {"values": (128, 256, 512, 768)},
    "kl_weight_end": {"range": (0.3, 5.0)},
    "learning_rate": {"range": (2e-4, 5e-3)},
    "batch_size": {"values": (32, 64, 128, 256)},
}
"""Hyper-parameter -> the values to choose from, or the ends of a range (drawn on a logarithmic scale)."""

NUMBERS = ("held_out_loss", "reconstruction_loss", "latent_loss", "mean_squared_error", "seconds")


def tune(
    output_dir: str | os.PathLike,
    *,
    trials: int = 20,
    dataset: str | os.PathLike | None = None,
    data_dir: str | os.PathLike | None = None,
    config: str | None = None,
    preset: str = "base",
    epochs: int = 100,
    seed: int = 0,
    space: Mapping[str, Mapping] | None = None,
    progress: bool = False,
) -> list[dict]:
    """Searches hyper-parameters of a preset by Bayesian optimisation, or resumes an interrupted search.

    Each trial is one call of `train`; the first one uses the preset's values. The objective is the loss on the
    validation split defined by `mrs_keras.evaluation.held_out_loss`: how likely the held-out spectra are under the
    distribution that `generate` draws from. Writes `trials.csv`, sorted, and `trials/trial_K/training`, runs that
    `evaluate` and `generate` accept. Called again, it resumes: finished trials are kept, and an interrupted trial
    continues at its last checkpoint. A larger `trials` than before adds trials.

    Args:
      output_dir: folder of the search.
      trials: number of trainings. Defaults to `20`.
      dataset: as in `train`; likewise for `data_dir`, `config` and `preset`.
      data_dir: as in `train`.
      config: as in `train`.
      preset: of the model; sets all hyper-parameters that are not searched.
      epochs: of each training. Defaults to `100`.
      seed: of the search and of each training. Defaults to `0`.
      space: name of `SPACE` -> `{"values": (...)}`, or `{"range": (low, high)}`. Defaults to `None`: `SPACE`.
      progress: whether to print each trial. Defaults to `False`.

    Returns:
      The rows of the table, best first: `"trial"`, `"status"`, the hyper-parameters, `NUMBERS` (None if the trial
      failed), and `"folder"`.

    Raises:
      ModuleNotFoundError: if keras-tuner is missing.
      FileNotFoundError: if the dataset was not built.
      ValueError: if the folder contains another search, or an argument is out of range.
    """
    check_keras_tuner_installed()
    check_choice("preset", preset, CVAE_PRESETS)
    check_count("trials", trials, 20)
    check_count("epochs", epochs, 100)
    check_count("seed", seed, 0, at_least=0)
    space = SPACE if space is None else {check_choice("space", name, SPACE): entry for name, entry in space.items()}
    if not space:
        raise ValueError(
            "`space` must name at least one hyper-parameter. "
            f"Expected: some of {', '.join(SPACE)}. Received: space={{}}. Leave it out to search all of them."
        )
    data = {**data_settings(dataset, config, preset), "data_dir": data_dir}
    builder = open_dataset(data["dataset"], data["config"], data_dir)
    output_dir = Path(output_dir)
    settings = {"preset": preset, "epochs": epochs, "seed": seed, "space": space, "fingerprint": fingerprint(builder)}
    with only_writer(output_dir):
        return _search(output_dir, settings, builder, data, trials, progress)


def _search(output_dir: Path, settings: Mapping, builder, data: Mapping, trials: int, progress: bool) -> list[dict]:
    """Does the work of `tune`, with checked arguments."""
    from mrs_keras.tuning.oracle import Oracle, Tuner

    claim(output_dir, settings)
    preset, space, seed = settings["preset"], settings["space"], settings["seed"]

    def run(trial_id: str, values: Mapping, folder: Path) -> dict[str, float]:
        if progress:
            print(f"\nTrial {int(trial_id) + 1} of {trials}: {_in_words(values)}", flush=True)
        return _run_trial(values, folder / "training", builder, settings, data)

    def report(done) -> None:
        rows = _rows(done)
        _write_table(output_dir / TABLE_FILE, rows)
        last = next(row for row in rows if row["trial"] == len(rows))
        if progress and last["held_out_loss"] is None:
            print(f"Trial {last['trial']} failed: {done[-1].message.splitlines()[-1]}", flush=True)
        elif progress:
            print(f"held-out loss {last['held_out_loss']:.1f}, best {rows[0]['held_out_loss']:.1f}", flush=True)

    # keras-tuner treats a seed of 0 as no seed.
    oracle = Oracle(
        _preset_values(preset, space),
        max_trials=trials,
        seed=seed + 1,
        hyperparameters=_hyperparameters(space),
        allow_new_entries=False,
        tune_new_entries=False,
        max_consecutive_failed_trials=trials,
    )
    tuner = Tuner(oracle, output_dir, run, report)
    tuner.search()
    rows = _rows(list(tuner.oracle.trials.values()))
    _write_table(output_dir / TABLE_FILE, rows)
    return rows


def tune_table(rows: list[dict], most: int = 10) -> str:
    """Returns the best rows of a search as a table."""
    names = [name for name in rows[0] if name not in ("reconstruction_loss", "latent_loss", "folder")]
    cells = [names, *([_cell(row[name]) for name in names] for row in rows[:most])]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(line, widths, strict=True)) for line in cells]
    left = len(rows) - most
    return "\n".join([*lines, *([f"... and {left} more"] if left > 0 else [])])


def _run_trial(values: Mapping, output_dir: Path, builder, settings: Mapping, data: Mapping) -> dict[str, float]:
    """Trains with the values of a trial and returns its numbers."""
    changes = {}
    if "latent_dim" in values:
        changes["latent_dim"] = values["latent_dim"]
    if "hidden_width" in values:
        changes["hidden_units"] = _hidden_units(values["hidden_width"])
    if "kl_weight_end" in values:
        changes["kl_weight"] = values["kl_weight_end"]
    model = train(
        output_dir,
        **data,
        preset=settings["preset"],
        epochs=settings["epochs"],
        seed=settings["seed"],
        checkpoint_every=max(1, min(10, settings["epochs"] // 10)),
        batch_size=values.get("batch_size"),
        learning_rate=values.get("learning_rate"),
        changes=changes,
    )
    numbers = held_out_loss(model, evaluation_batches(builder), settings["seed"])
    # Each trial builds its own graph; without this, the memory of all of them would never be freed.
    keras.backend.clear_session()
    return {"held_out_loss": numbers.pop("loss"), **numbers}


def _hidden_units(width: int) -> tuple[int, ...]:
    """Returns the widths of the hidden layers, halved twice, as in the presets."""
    return width, width // 2, width // 4


def _preset_values(preset: str, space: Mapping) -> dict:
    config, recipe = CVAE_PRESETS[preset]["config"], CVAE_PRESETS[preset]["training"]
    values = {
        "latent_dim": config["latent_dim"],
        "hidden_width": config["hidden_units"][0],
        "kl_weight_end": recipe["kl_weight"]["end"],
        "learning_rate": recipe["learning_rate"],
        "batch_size": recipe["batch_size"],
    }
    return {name: values[name] for name in space}


def _hyperparameters(space: Mapping):
    import keras_tuner

    parameters = keras_tuner.HyperParameters()
    for name, entry in space.items():
        if "values" in entry:
            parameters.Choice(name, list(entry["values"]), ordered=True)
        else:
            parameters.Float(name, *entry["range"], sampling="log")
    return parameters


def _rows(trials: list) -> list[dict]:
    """Returns a row for each trial, best first, failed trials last."""
    rows = []
    for trial in trials:
        numbers = dict.fromkeys(NUMBERS)
        if trial.status == "COMPLETED":
            numbers = {name: float(trial.metrics.get_best_value(name)) for name in NUMBERS}
        rows.append(
            {
                "trial": int(trial.trial_id) + 1,
                "status": trial.status.lower(),
                **trial.hyperparameters.values,
                **numbers,
                "folder": f"trials/trial_{trial.trial_id}/training",
            }
        )
    return sorted(rows, key=lambda row: (row["held_out_loss"] is None, row["held_out_loss"] or 0.0, row["trial"]))


def _write_table(path: Path, rows: list[dict]) -> None:
    with replacing(path) as partial, partial.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _cell(value) -> str:
    if value is None:
        return "-"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.1f}" if abs(value) >= 100 else f"{value:.4g}"


def _in_words(values: Mapping) -> str:
    return ", ".join(f"{name} {_cell(value)}" for name, value in values.items())
