"""`mrs-keras train`: from the dataset to a trained model, in a folder that can be resumed."""

import csv
import json
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.checks import check_choice, check_count, check_positive
from mrs_keras.data import evaluation_batches, open_dataset
from mrs_keras.files import replacing
from mrs_keras.models import CVAE, CVAE_PRESETS
from mrs_keras.training.callbacks import Checkpoint, EpochProgress, cut_history
from mrs_keras.training.source import open_source
from mrs_keras.training.speed import PRECISIONS, choose_speed, leave_training

MODEL_FILE = "model.keras"
HISTORY_FILE = "history.csv"
SETTINGS_FILE = "settings.json"
WARMUP_STEPS = 200


def train(
    output_dir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    config: str | None = None,
    preset: str = "base",
    epochs: int | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    seed: int = 0,
    checkpoint_every: int = 10,
    strategy: tf.distribute.Strategy | None = None,
    precision: str | None = None,
    clip_norm: float | None = None,
    changes: Mapping | None = None,
) -> CVAE:
    """Trains a model, or goes on with a training that was interrupted.

    Adam with a cosine decay of the learning rate to 0 after 200 steps of warm-up; at the end the latent density is
    fitted. The folder gets `model.keras` (only once all is done), `checkpoints/`, `history.csv`, `tensorboard/` and
    `settings.json`. Called again, it resumes at the last checkpoint, and the result equals that of an uninterrupted
    training to the last bit; a finished training is loaded.

    Args:
      output_dir: folder of the run.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config of the dataset. Defaults to `None`: that of the preset.
      preset: of the model, one of `CVAE_PRESETS`. Defaults to `"base"`.
      epochs: Defaults to `None`: that of the preset; so too `batch_size` and `learning_rate`.
      batch_size: examples per step, over all replicas.
      learning_rate: highest learning rate.
      seed: of the initial weights, the order of the examples and the sampling noise. Defaults to `0`.
      checkpoint_every: epochs between checkpoints. Defaults to `10`.
      strategy: Defaults to `None`: `tf.distribute.MirroredStrategy()` over all GPUs where there are several; otherwise
        none, and XLA compiles the step.
      precision: Keras dtype policy of the training. Defaults to `None`: chosen by the devices, see `choose_speed`; what
        was chosen is printed. The trained model computes in float32.
      clip_norm: largest norm of a step's gradient, as in `CVAE`. Defaults to `None`: no clipping.
      changes: arguments of `CVAE` that replace those of the preset; `kl_weight` is the one at the end of its schedule.
        Defaults to `None`.

    Returns:
      The trained `CVAE`.

    Raises:
      FileNotFoundError: if the dataset was not built.
      ValueError: if the folder holds a run with other settings, or an argument is out of range.
    """
    recipe = CVAE_PRESETS[check_choice("preset", preset, CVAE_PRESETS)]["training"]
    changes = dict(changes or {})
    if "kl_weight" in changes:
        recipe = {**recipe, "kl_weight": {**recipe["kl_weight"], "end": changes["kl_weight"]}}
    check_count("checkpoint_every", checkpoint_every, 10)
    settings = {
        "preset": preset,
        "model": {**CVAE_PRESETS[preset]["config"], **changes},
        "kl_weight": recipe["kl_weight"],
        "source": recipe["source"],
        "steps_per_epoch": recipe.get("steps_per_epoch"),
        "config": config or recipe["config"],
        "epochs": check_count("epochs", recipe["epochs"] if epochs is None else epochs, 500),
        "batch_size": check_count("batch_size", recipe["batch_size"] if batch_size is None else batch_size, 64),
        "learning_rate": check_positive(
            "learning_rate", recipe["learning_rate"] if learning_rate is None else learning_rate, 1e-3
        ),
        "seed": check_count("seed", seed, 0, at_least=0),
        "precision": precision if precision is None else check_choice("precision", precision, PRECISIONS),
        "clip_norm": clip_norm if clip_norm is None else check_positive("clip_norm", clip_norm, 1e4),
    }
    output_dir = Path(output_dir)
    builder = open_dataset(data_dir, settings["config"])
    claim(output_dir, {**settings, "dataset": fingerprint(builder)})
    strategy = strategy or _default_strategy()
    finished = output_dir / MODEL_FILE
    if finished.exists():
        return load_model(finished, "Remove it: the training then goes on from the last checkpoint.")

    checkpoints = Checkpoint.checkpoints(output_dir / "checkpoints")
    first_epoch = Checkpoint.epochs_of(checkpoints[-1]) if checkpoints else 0
    source = open_source(builder, settings, first_epoch)
    steps = source.steps_per_epoch
    speed = choose_speed(strategy, steps, precision)
    with strategy.scope():
        if checkpoints:
            model = load_model(checkpoints[-1], "Remove it: the training then goes on from the checkpoint before.")
        else:
            keras.utils.set_random_seed(seed)
            kl_weight = _kl_schedule(recipe["kl_weight"], settings["epochs"] * steps)
            config = {**changes, "seed": seed, "kl_weight": kl_weight, "clip_norm": clip_norm, "dtype": speed.precision}
            model = CVAE.from_preset(preset, builder.info.metadata, **config)
            model.compile(_optimizer(settings, steps))
        # Not the checkpoint's: the training may go on with another number of devices.
        speed.prepare(model)

    history = output_dir / HISTORY_FILE
    cut_history(history, first_epoch)
    model.fit(
        source.batches,
        **speed.validation(evaluation_batches(builder)),
        epochs=settings["epochs"],
        initial_epoch=first_epoch,
        steps_per_epoch=steps,
        shuffle=False,
        verbose=0,
        callbacks=[
            keras.callbacks.CSVLogger(history, append=True),
            keras.callbacks.TensorBoard(output_dir / "tensorboard", write_graph=False),
            Checkpoint(output_dir / "checkpoints", checkpoint_every),
            EpochProgress(first_epoch),
            keras.callbacks.TerminateOnNaN(),
        ],
    )
    _check_finite_weights(model)
    leave_training(model)
    if model.latent_density is not None:
        model.fit_latent_density(source.density_batches, seed)
    with replacing(finished) as partial:
        model.save(partial)
    return model


def read_history(output_dir: str | os.PathLike) -> dict[str, np.ndarray]:
    """Reads the history of a run: name of the number -> float64 (epochs,)."""
    with (Path(output_dir) / HISTORY_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {name: np.array([float(row[name]) for row in rows]) for name in rows[0]}


def load_model(path: Path, remedy: str) -> CVAE:
    """Loads a `.keras` file, or raises `ValueError` with the remedy where it is damaged."""
    try:
        return keras.models.load_model(path)
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:  # what a cut file makes of zipfile and h5py
        raise ValueError(f"The file '{path}' cannot be read: {error} {remedy}") from error


def _optimizer(settings: dict, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    steps = settings["epochs"] * steps_per_epoch
    warmup = min(WARMUP_STEPS, steps // 2)
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=settings["learning_rate"], warmup_steps=warmup
    )
    return keras.optimizers.Adam(schedule)


def _kl_schedule(weights: dict, steps: int) -> keras.optimizers.schedules.LearningRateSchedule:
    """Returns the KL's weight over the steps: a straight line from start to end, then the end."""
    duration = max(round(weights["until"] * steps), 1)
    return keras.optimizers.schedules.PolynomialDecay(weights["start"], duration, weights["end"])


def _default_strategy() -> tf.distribute.Strategy:
    several = len(tf.config.list_logical_devices("GPU")) > 1
    return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()


def claim(output_dir: Path, settings: dict) -> None:
    """Writes the settings of a new run, or checks that the run in the folder has the same ones."""
    path = output_dir / SETTINGS_FILE
    settings = json.loads(json.dumps(settings))  # tuples become lists, as they are read back
    if path.exists():
        found = json.loads(path.read_text())
        different = {key: (found.get(key), value) for key, value in settings.items() if found.get(key) != value}
        if different:
            listed = ", ".join(f"{key} (there {there!r}, asked {asked!r})" for key, (there, asked) in different.items())
            raise ValueError(
                f"'{output_dir}' holds a training with other settings: {listed}. "
                "Choose another folder, or remove that one."
            )
        return
    with replacing(path) as partial:
        partial.write_text(json.dumps(settings, indent=2) + "\n")


def fingerprint(builder: tfds.core.DatasetBuilder) -> dict:
    """Returns what tells one dataset from another: version, sizes, and the metadata (prior, acquisition, seed, ...)."""
    splits = {name: split.num_examples for name, split in builder.info.splits.items()}
    return {"version": str(builder.version), "examples": splits, **dict(builder.info.metadata)}


def _check_finite_weights(model: CVAE) -> None:
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise RuntimeError(
            "The training diverged: some weights are NaN or infinite, so no model was saved. "
            "Train again in another folder with a lower learning rate."
        )
