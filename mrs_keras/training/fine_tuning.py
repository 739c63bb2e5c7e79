"""Training of a pre-trained model on few measured spectra, with an early stop, in a folder that can be resumed."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.data.pipeline import endless_batches
from mrs_keras.files import remove
from mrs_keras.models.cvae import CVAE
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import HISTORY_FILE, checkpoint_file, checkpoint_files, epochs_of, read_history
from mrs_keras.training.callbacks import EpochProgress, cut_history, fit_epochs, save_model
from mrs_keras.training.schedules import warm_cosine_adam
from mrs_keras.training.speed import check_finite_weights, choose_speed, leave_training

ROUNDS_BETWEEN_CHECKPOINTS = 10
"""Rounds that an interruption may cost while the model does not become better."""

ROWS_AT_ONCE = 512


def fine_tune(
    pretrained: Callable[[], CVAE],
    training: Mapping[str, np.ndarray],
    validation: Mapping[str, np.ndarray] | None,
    recipe: Mapping,
    folder: Path,
    *,
    seed: int,
    simulations: Callable[[int, int], tf.data.Dataset] | None = None,
) -> CVAE:
    """Trains all layers at a small learning rate, and keeps the round with the lowest median validation loss.

    A round is a number of steps, after which the loss of each validation spectrum is computed, with the posterior mean
    for the latents. Its median counts: of ten spectra, one outlier rules the mean. The training ends when it has not
    become lower for some rounds. The pre-trained model is round 0, and wins if nothing is better.

    Called again, it resumes at the last checkpoint with the result of an uninterrupted training. The folder gets
    `checkpoints/` and `history.csv`, where the numbers that begin with `val_` are medians.

    Args:
      pretrained: returns the model to begin with, another object each time.
      training: columns of the training spectra, as `MeasuredSpectra.columns` returns them.
      validation: the same of the validation spectra, of other subjects, which the pre-training has not seen either; or
        `None`: all rounds are trained, and the last one counts.
      recipe: `"learning_rate"`, the highest; `"batch_size"`; `"simulated"`, simulated spectra beside them in a batch;
        `"steps_per_round"`; `"rounds"`, at most; `"patience"`, rounds; `"input_noise"`, standard deviation of noise
        that is added to each spectrum at each step, over that of its own noise, and told to the model as a part of it;
        and `"kl_weight"`.
      folder: of the run.
      seed: of the order of the spectra and of the added noise.
      simulations: returns endless batches of a size, from the batch of a number on. Defaults to `None`: none.

    Raises:
      RuntimeError: if the training diverges.
    """
    model = pretrained()
    losses = [0.0 if validation is None else _medians(model, validation)["loss"]]
    checkpoints = checkpoint_files(folder)
    first_round = epochs_of(checkpoints[-1]) if checkpoints else 0
    cut_history(folder / HISTORY_FILE, first_round)
    if checkpoints:
        model = load_model(checkpoints[-1], "Remove it: the training then resumes from the checkpoint before.")
        history = read_history(folder)
        losses += (-history["epoch"] - 1 if validation is None else history["val_loss"]).tolist()
    else:
        model.kl_weight = float(recipe["kl_weight"])
        model.compile(warm_cosine_adam(recipe["learning_rate"], recipe["rounds"] * recipe["steps_per_round"]))
    rounds, steps = recipe["rounds"], recipe["steps_per_round"]
    best = BestRound(folder, losses, recipe["patience"])
    if first_round < rounds and not best.is_over:
        speed = choose_speed(tf.distribute.get_strategy(), steps, model.dtype_policy.name)
        # To compile the step takes longer than all of them.
        dataclasses.replace(speed, jit_compile=False).prepare(model)
        callbacks = [
            *([] if validation is None else [MedianLosses(validation)]),
            keras.callbacks.CSVLogger(folder / HISTORY_FILE, append=True),
            best,
            EpochProgress(first_round, "Fine-tuning", "round"),
            keras.callbacks.TerminateOnNaN(),
        ]
        batches = _batches(training, recipe, seed, first_round * steps, simulations)
        fit_epochs(model, batches, callbacks, epochs=rounds, first_epoch=first_round, steps=steps)
    check_finite_weights(model)
    if best.round == 0:
        return pretrained()
    model = load_model(
        checkpoint_file(folder, best.round), "Remove the checkpoints: the fine-tuning then starts again."
    )
    leave_training(model)
    return model


def _batches(
    training: Mapping[str, np.ndarray],
    recipe: Mapping,
    seed: int,
    first_batch: int,
    simulations: Callable[[int, int], tf.data.Dataset] | None,
) -> tf.data.Dataset:
    batch_size = min(recipe["batch_size"], len(training["spectrum"]))
    amount = float(recipe["input_noise"])

    def with_noise(batch):
        number = batch.pop("batch")
        if not amount:
            return batch
        key = tf.stack([tf.constant(seed, tf.int64), number])
        noise = tf.random.stateless_normal(tf.shape(batch["spectrum"]), key, alg="philox")
        sigma = batch["noise_sigma"]
        return {
            **batch,
            "spectrum": batch["spectrum"] + amount * sigma[:, None, None] * noise,
            "noise_sigma": sigma * (1 + amount**2) ** 0.5,
        }

    batches = endless_batches(training, batch_size, seed, first_batch).map(with_noise)
    count = recipe["simulated"]
    if simulations is not None and count:
        batches = tf.data.Dataset.zip(batches, simulations(count, first_batch)).map(_together)
    return batches.prefetch(2)


def _together(measured: Mapping[str, tf.Tensor], simulated: Mapping[str, tf.Tensor]) -> dict[str, tf.Tensor]:
    """Returns measured and simulated spectra in one batch; all labels of the latter are known exactly."""
    labels = simulated["concentrations"]
    exact = {"label_known": tf.ones_like(labels, tf.bool), "label_deviation": tf.zeros_like(labels)}
    both = {**exact, **simulated}
    return {name: tf.concat([column, both[name]], axis=0) for name, column in measured.items()}


def _medians(model: CVAE, columns: Mapping[str, np.ndarray]) -> dict[str, float]:
    """Returns the medians over spectra of the terms of the loss."""
    rows = len(columns["spectrum"])
    parts = [
        model.example_losses({name: column[first : first + ROWS_AT_ONCE] for name, column in columns.items()})
        for first in range(0, rows, ROWS_AT_ONCE)
    ]
    return {name: float(np.median(np.concatenate([part[name] for part in parts]))) for name in parts[0]}


class MedianLosses(keras.callbacks.Callback):
    """Adds the medians of the validation spectra to the numbers of a round, as `val_...`."""

    def __init__(self, validation: Mapping[str, np.ndarray]):
        super().__init__()
        self.validation = validation

    def on_epoch_end(self, epoch, logs=None):
        logs.update({f"val_{name}": value for name, value in _medians(self.model, self.validation).items()})


class BestRound(keras.callbacks.Callback):
    """Keeps the best round and the last one as checkpoints, and ends the training when it does not become better.

    Args:
      folder: of the run.
      losses: of the pre-trained model and of each round that was finished before. Without validation spectra, they are
        0, -1, -2, ...: each round is better than those before.
      patience: rounds to wait for a lower loss.
    """

    def __init__(self, folder: Path, losses: list[float], patience: int):
        super().__init__()
        self.folder, self.patience = folder, patience
        self.losses = [loss if np.isfinite(loss) else np.inf for loss in losses]

    @property
    def round(self) -> int:
        """The best round; 0 is the pre-trained model."""
        return int(np.argmin(self.losses))

    @property
    def is_over(self) -> bool:
        """Whether the loss has not become lower for too long."""
        return len(self.losses) - 1 - self.round >= self.patience

    def on_epoch_end(self, epoch, logs=None):
        number = epoch + 1
        loss = logs.get("val_loss", -float(number))
        self.losses.append(loss if np.isfinite(loss) else np.inf)
        if self.round == number or number % ROUNDS_BETWEEN_CHECKPOINTS == 0:
            save_model(self.model, checkpoint_file(self.folder, number))
            for path in checkpoint_files(self.folder):
                if epochs_of(path) not in (self.round, number):
                    remove(path)
        self.model.stop_training = self.is_over
