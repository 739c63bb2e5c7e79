"""Training on spectra that are simulated on the fly, in a folder that can be resumed."""

from collections.abc import Callable, Mapping
from pathlib import Path

import keras
import tensorflow as tf

from mrs_keras.models.cvae import CVAE
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import HISTORY_FILE, MODEL_FILE, checkpoint_files, epochs_of
from mrs_keras.training.callbacks import Checkpoint, EpochProgress, cut_history, fit_epochs, save_model
from mrs_keras.training.schedules import kl_schedule, warm_cosine_adam
from mrs_keras.training.speed import check_finite_weights, choose_speed, leave_training


def pretrain(
    build: Callable[..., CVAE],
    batches: Callable[[int], tf.data.Dataset],
    recipe: Mapping,
    folder: Path,
    *,
    seed: int,
    checkpoint_every: int,
    precision: str = "float32",
) -> CVAE:
    """Trains a model on an endless source, or resumes an interrupted training.

    Adam with a cosine decay of the learning rate to 0 after a warm-up. Called again, it resumes at the last checkpoint
    with the result of an uninterrupted training; a finished model is loaded.

    Args:
      build: returns a new model; takes `kl_weight`, a schedule, and `dtype`.
      batches: endless batches that start with the given number.
      recipe: `"epochs"`, `"steps_per_epoch"`, `"learning_rate"`, `"kl_weight"`.
      folder: of this training alone.
      seed: of the initial weights.
      checkpoint_every: epochs between checkpoints.
      precision: Keras dtype policy. Defaults to `"float32"`.

    Raises:
      RuntimeError: if the training diverges.
    """
    finished = folder / MODEL_FILE
    if finished.exists():
        return load_model(finished, "Remove it: the pre-training then resumes from its last checkpoint.")
    epochs, steps = recipe["epochs"], recipe["steps_per_epoch"]
    checkpoints = checkpoint_files(folder)
    first_epoch = epochs_of(checkpoints[-1]) if checkpoints else 0
    speed = choose_speed(tf.distribute.get_strategy(), steps, precision)
    if checkpoints:
        model = load_model(checkpoints[-1], "Remove it: the pre-training then resumes from the checkpoint before.")
    else:
        keras.utils.set_random_seed(seed)
        model = build(kl_weight=kl_schedule(recipe["kl_weight"], epochs * steps), dtype=speed.precision)
        model.compile(warm_cosine_adam(recipe["learning_rate"], epochs * steps))
    speed.prepare(model)
    cut_history(folder / HISTORY_FILE, first_epoch)
    callbacks = [
        keras.callbacks.CSVLogger(folder / HISTORY_FILE, append=True),
        Checkpoint(folder, checkpoint_every),
        EpochProgress(first_epoch, "Pre-training"),
        keras.callbacks.TerminateOnNaN(),
    ]
    fit_epochs(model, batches(first_epoch * steps), callbacks, epochs=epochs, first_epoch=first_epoch, steps=steps)
    check_finite_weights(model)
    leave_training(model)
    save_model(model, finished)
    return model
