"""Callbacks of the training recipe."""

import contextlib
import csv
import math
import os
import sys
import tempfile
from pathlib import Path

import keras
from tqdm import tqdm

from mrs_keras.files import remove, replacing
from mrs_keras.run_folder import checkpoint_file, checkpoint_files

CHECKPOINTS_KEPT = 2


class Checkpoint(keras.callbacks.Callback):
    """Saves the whole model, with its optimizer, every few epochs; checkpoints are written atomically.

    Args:
      run_dir: folder of the run. The last two checkpoints are kept.
      every: epochs between checkpoints.
      writes: whether this process writes the checkpoints. Defaults to `True`.
    """

    def __init__(self, run_dir: Path, every: int, writes: bool = True):
        super().__init__()
        self.run_dir = run_dir
        self.every = every
        self.writes = writes

    def on_epoch_end(self, epoch, logs=None):
        # Never resume from a diverged model.
        if (epoch + 1) % self.every or not math.isfinite((logs or {}).get("loss", 0.0)):
            return
        save_model(self.model, checkpoint_file(self.run_dir, epoch + 1), self.writes)
        if self.writes:
            for old in checkpoint_files(self.run_dir)[:-CHECKPOINTS_KEPT]:
                remove(old)


def save_model(model: keras.Model, path: Path, writes: bool = True) -> None:
    """Saves a model atomically: there is never a partial file at `path`.

    Args:
      model: to save.
      path: of the `.keras` file.
      writes: `False` for all but one of several processes that train together. The others save to a temporary file: the
        metrics in a model file are sums over all processes, so all of them must take part. Defaults to `True`.
    """
    if writes:
        with replacing(path) as partial:
            model.save(partial)
        return
    with tempfile.TemporaryDirectory() as folder:
        model.save(Path(folder) / path.name)


class EpochProgress(keras.callbacks.Callback):
    """A progress bar over epochs, with the main numbers of the last one.

    Args:
      first_epoch: epochs that were finished before.
      title: of the bar. Defaults to `"Training"`.
      unit: what an epoch is called. Defaults to `"epoch"`.
    """

    SHOWN = ("loss", "mean_squared_error", "kl_loss", "val_mean_squared_error", "val_active_units")

    def on_train_begin(self, logs=None):
        # In a log file, an occasional line is enough.
        interval = 0.5 if sys.stderr.isatty() else 15
        self.bar = tqdm(
            total=self.params["epochs"],
            initial=self.first_epoch,
            desc=self.title,
            unit=self.unit,
            mininterval=interval,
        )

    def __init__(self, first_epoch: int, title: str = "Training", unit: str = "epoch"):
        super().__init__()
        self.first_epoch = first_epoch
        self.title, self.unit = title, unit
        self.bar: tqdm | None = None

    def on_epoch_end(self, epoch, logs=None):
        shown = {name: f"{logs[name]:.3g}" for name in self.SHOWN if name in (logs or {})}
        self.bar.set_postfix(shown, refresh=False)
        self.bar.update()

    def on_train_end(self, logs=None):
        if self.bar is not None:
            self.bar.close()


def fit_epochs(
    model: keras.Model,
    batches,
    callbacks: list[keras.callbacks.Callback],
    *,
    epochs: int,
    first_epoch: int,
    steps: int,
    **validation,
) -> None:
    """Trains a model from one epoch to another, and closes the files of the callbacks however it ends.

    Args:
      model: compiled.
      batches: endless dataset, beginning with the first epoch.
      callbacks: of the training.
      epochs: number of the last epoch.
      first_epoch: epochs that were trained before.
      steps: batches of an epoch.
      **validation: arguments of `fit` that validate.
    """
    try:
        model.fit(
            batches,
            **validation,
            epochs=epochs,
            initial_epoch=first_epoch,
            steps_per_epoch=steps,
            shuffle=False,
            verbose=0,
            callbacks=callbacks,
        )
    finally:
        _close_files(callbacks)


def _close_files(callbacks: list[keras.callbacks.Callback]) -> None:
    """Closes the history and the progress bar, which `fit` leaves open if it raises."""
    for callback in callbacks:
        if isinstance(callback, EpochProgress):
            callback.on_train_end()
        elif isinstance(callback, keras.callbacks.CSVLogger) and callback.csv_file is not None:
            with contextlib.suppress(OSError):  # a full disk, which was reported already
                callback.csv_file.close()


def cut_history(path: Path, epochs: int) -> None:
    """Removes the rows of a CSV history from epoch number `epochs` on; a resumed training writes them again."""
    if not path.exists():
        return
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    # A killed process may have left half a row at the end.
    kept = [row for row in rows[1:] if len(row) == len(rows[0]) and int(row[0]) < epochs]
    if not kept:
        os.remove(path)
        return
    with replacing(path) as partial, partial.open("w", newline="") as file:
        csv.writer(file).writerows([rows[0], *kept])
