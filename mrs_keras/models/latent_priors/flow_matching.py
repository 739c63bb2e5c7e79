"""Training of a flow: flow matching, and reflow, which makes its paths straight enough for a few steps."""

import dataclasses
import hashlib
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from mrs_keras.files import replacing
from mrs_keras.models.latent_priors.velocity_field import VelocityField

LEARNING_RATE, WARMUP_STEPS = 1e-3, 500
"""Of Adam: the highest rate, and the steps until it is reached; then a cosine to 0."""

AVERAGED_SHARE = 1 / 12
"""Share of the steps that the running average of the weights, which is what is used in the end, goes back."""

STEPS_BETWEEN_CHECKPOINTS = 1000

COMPILED_FROM = 500
"""Number of steps from which XLA is worth the time that it takes to compile a step."""


@dataclasses.dataclass(frozen=True)
class Stage:
    """One training of a velocity field.

    Attributes:
      name: of the progress bar, and in checkpoints.
      field: to train, with initial weights.
      ends: float32 (examples, latent_dim), latents at time 1.
      labels: float32 (examples, labels).
      starts: float32 (examples, latent_dim), those at time 0. Defaults to `None`: drawn from N(0, I) in each step.
    """

    name: str
    field: VelocityField
    ends: np.ndarray
    labels: np.ndarray
    starts: np.ndarray | None = None


def train_field(stage: Stage, steps: int, batch_size: int, seed: int, checkpoints: Path | None = None) -> None:
    """Trains a velocity field on straight lines from start to end (Lipman et al. 2023, arXiv 2210.02747; rectified
    flow, Liu et al. 2023, arXiv 2209.03003).

    At a random time t the field learns z_1 - z_0 at (1 - t) z_0 + t z_1, by the squared error. Step n depends on
    (seed, n) alone.

    Args:
      stage: what to train, on what.
      steps: number of steps.
      batch_size: examples per step.
      seed: of rows, times and starts.
      checkpoints: folder to write the state to, and to resume from. Defaults to `None`: none.
    """
    field = stage.field
    warmup = min(WARMUP_STEPS, steps // 8)
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, max(steps - warmup, 1), warmup_target=LEARNING_RATE, warmup_steps=warmup
    )
    optimizer = keras.optimizers.Adam(rate, use_ema=True, ema_momentum=1 - 1 / max(AVERAGED_SHARE * steps, 2))
    weights = field.trainable_variables
    optimizer.build(weights)
    data = {"ends": stage.ends, "labels": stage.labels}
    if stage.starts is not None:
        data["starts"] = stage.starts
    data = {name: tf.constant(values, tf.float32) for name, values in data.items()}

    @tf.function(jit_compile=steps >= COMPILED_FROM)
    def step(number, data):
        seeds = [tf.random.experimental.stateless_fold_in([seed, number], kind) for kind in range(3)]
        rows = tf.random.stateless_uniform((batch_size,), seeds[0], 0, len(stage.ends), dtype=tf.int32, alg="philox")
        time = tf.random.stateless_uniform((batch_size,), seeds[1], alg="philox")
        ends, labels = tf.gather(data["ends"], rows), tf.gather(data["labels"], rows)
        if stage.starts is None:
            starts = tf.random.stateless_normal((batch_size, field.latent_dim), seeds[2], alg="philox")
        else:
            starts = tf.gather(data["starts"], rows)
        between = starts + time[:, None] * (ends - starts)
        with tf.GradientTape() as tape:
            error = field(between, time, field.of_labels(labels)) - (ends - starts)
            loss = tf.reduce_mean(tf.reduce_sum(tf.square(error), axis=1))
        optimizer.apply(tape.gradient(loss, weights), weights)
        return loss

    state = [*weights, *optimizer.variables]
    checkpoint = None if checkpoints is None else checkpoints / f"{stage.name.lower().replace(' ', '_')}.npz"
    fingerprint = _fingerprint(stage, steps, seed)
    first = 0 if checkpoint is None else _resume(checkpoint, fingerprint, state)
    interval = 0.5 if sys.stderr.isatty() else 15
    with tqdm(total=steps, initial=first, desc=stage.name, unit="step", mininterval=interval) as bar:
        for number in range(first, steps):
            loss = step(tf.constant(number), data)
            bar.update()
            if (number + 1) % STEPS_BETWEEN_CHECKPOINTS == 0 or number + 1 == steps:
                bar.set_postfix(loss=f"{float(loss):.3g}", refresh=False)
                if checkpoint is not None:
                    _save(checkpoint, fingerprint, number + 1, state)
    optimizer.finalize_variable_values(weights)


def _fingerprint(stage: Stage, steps: int, seed: int) -> str:
    """Returns what tells one training from another: its settings, sizes and data."""
    sizes = [variable.shape for variable in stage.field.weights]
    digest = hashlib.sha256(repr((stage.name, steps, seed, sizes)).encode())
    for array in (stage.ends, stage.labels, stage.starts):
        if array is not None:
            digest.update(np.ascontiguousarray(array))
    return digest.hexdigest()


def _save(checkpoint: Path, fingerprint: str, steps: int, state: Sequence) -> None:
    arrays = {f"{index:03d}": np.asarray(variable) for index, variable in enumerate(state)}
    with replacing(checkpoint) as partial, partial.open("wb") as file:
        np.savez(file, fingerprint=fingerprint, steps=steps, **arrays)


def _resume(checkpoint: Path, fingerprint: str, state: Sequence) -> int:
    """Sets the state to that of a checkpoint of this training and returns its steps; returns 0 without one."""
    try:
        with np.load(checkpoint) as arrays:
            found = dict(arrays)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile):
        return 0
    if str(found.get("fingerprint")) != fingerprint:
        return 0
    for index, variable in enumerate(state):
        variable.assign(found[f"{index:03d}"])
    return int(found["steps"])
