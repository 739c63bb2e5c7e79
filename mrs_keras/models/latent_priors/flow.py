"""A flow: a normal distribution transported to the latents of a trained model."""

import math
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_count
from mrs_keras.files import remove
from mrs_keras.models.latent_priors.flow_matching import Stage, train_field
from mrs_keras.models.latent_priors.latent_prior import LatentPrior
from mrs_keras.models.latent_priors.velocity_field import VelocityField, follow
from mrs_keras.models.row_random import row_normal

TEACHER_STEPS = 8
"""Steps of Heun's method by which the first field makes the examples of the second."""

PAIRS, PAIRS_PER_STEP = 100_000, 100
"""Examples for the second field, at most, and for each of its training steps."""

PAIRS_AT_ONCE = 10_000

BATCH_SIZE = 512
"""Examples of a training step."""

DENSITY_STEPS = 8
"""Steps of Heun's method of `log_prob`."""


@keras.saving.register_keras_serializable("mrs_keras")
class FlowPrior(LatentPrior):
    """The density of latents at given labels, as a rectified flow; before `fit` it is N(0, I).

    The aggregate posterior is nearly uniform within curved limits, with a sharp edge, since the parameters of the
    training data are; a few Gaussians blur the edge, and beyond it the generator was never trained. Here a network
    v(z, t | c) moves samples of N(0, I) at time 0 to the latents at time 1. `fit` trains it twice:

    1. flow matching (Lipman et al. 2023, arXiv 2210.02747): a wide network learns z_1 - z_0 on straight lines between
       samples of N(0, I) and latents at random;
    2. reflow (Liu et al. 2023, arXiv 2209.03003): a narrower one learns the same on lines between samples and where the
       first network moves them. Its paths are nearly straight, so that a few steps of Euler's method are enough.

    Args:
      latent_dim: number of latents.
      labels: number of labels.
      width: of the hidden layers of the network that is kept. Defaults to `128`.
      teacher_width: of the first network. Defaults to `256`.
      blocks: residual blocks of both. Defaults to `3`.
      solver_steps: steps of Euler's method in `sample`. Defaults to `4`.
      fit_steps: training steps of each network. Defaults to `12_000`: some minutes on two cores.
    """

    kind = "flow"
    reported_as = "fitted"
    label = "fitted prior"
    latents_to_fit = 120_000

    def __init__(
        self,
        latent_dim: int,
        labels: int,
        width: int = 128,
        teacher_width: int = 256,
        blocks: int = 3,
        solver_steps: int = 4,
        fit_steps: int = 12_000,
        **kwargs,
    ):
        super().__init__(latent_dim, labels, **kwargs)
        self.width = check_count("width", width, 128)
        self.teacher_width = check_count("teacher_width", teacher_width, 256)
        self.blocks = check_count("blocks", blocks, 3)
        self.solver_steps = check_count("solver_steps", solver_steps, 4)
        self.fit_steps = check_count("fit_steps", fit_steps, 12_000)
        self.mean = self.add_weight(shape=(latent_dim,), initializer="zeros", name="mean")
        self.deviation = self.add_weight(shape=(latent_dim,), initializer="ones", name="deviation")
        sizes = (self.latent_dim, self.labels, self.width, self.blocks)
        self.field = VelocityField(*sizes, name="field", trainable=False)  # not by the model's optimizer
        self.built = True

    def fit(
        self,
        latents: np.ndarray,
        labels: np.ndarray,
        seed: int = 0,
        checkpoints: Path | None = None,
        most_steps: int | None = None,
    ) -> None:
        latents, labels = self._checked_examples(latents, labels, np.float32)
        if tf.distribute.has_strategy():
            raise ValueError(
                "A flow is fitted on one device. Expected: a call outside of `strategy.scope()`. Received: one inside. "
                "Leave the block `with strategy.scope():` before."
            )
        mean = latents.mean(axis=0, dtype=np.float64)
        deviation = np.maximum(latents.std(axis=0, dtype=np.float64), 1e-6)
        ends = ((latents - mean) / deviation).astype(np.float32)

        teacher, student = (
            VelocityField(self.latent_dim, self.labels, width, self.blocks)
            for width in (self.teacher_width, self.width)
        )
        teacher.draw_weights(seed)
        steps = self.fit_steps if most_steps is None else max(min(self.fit_steps, most_steps), 1)
        train_field(Stage("Flow matching", teacher, ends, labels), steps, BATCH_SIZE, seed, checkpoints)
        student.draw_weights(seed)
        pairs = self._transported(teacher, labels, min(PAIRS, PAIRS_PER_STEP * steps), seed)
        train_field(Stage("Reflow", student, *pairs), steps, BATCH_SIZE, seed, checkpoints)
        self.mean.assign(mean)
        self.deviation.assign(deviation)
        for mine, trained in zip(self.field.weights, student.weights, strict=True):
            mine.assign(trained)
        if checkpoints is not None:
            remove(Path(checkpoints))

    def _transported(
        self, teacher: VelocityField, labels: np.ndarray, number: int, seed: int
    ) -> tuple[np.ndarray, ...]:
        """Returns where a field moves samples of N(0, I), the labels, and the samples, as `Stage` takes them."""
        transport = tf.function(lambda starts, labels: follow(teacher, starts, labels, TEACHER_STEPS))
        generator = np.random.default_rng([seed, PAIRS])
        labels = labels[generator.integers(0, len(labels), number)]
        starts = generator.normal(size=(number, self.latent_dim)).astype(np.float32)
        parts = range(0, number, PAIRS_AT_ONCE)
        ends = [transport(starts[i : i + PAIRS_AT_ONCE], labels[i : i + PAIRS_AT_ONCE]).numpy() for i in parts]
        return np.concatenate(ends), labels, starts

    @property
    def is_fitted(self) -> bool:
        return bool(np.any(self.field.last_kernel.numpy()))

    def sample(self, seeds, labels):
        z, of_labels = row_normal(seeds, self.latent_dim), self.field.of_labels(labels)
        for step in range(self.solver_steps):
            time = tf.constant([step / self.solver_steps], tf.float32)
            z += self.field(z, time, of_labels) / self.solver_steps
        return self.mean + self.deviation * z

    @tf.function(reduce_retracing=True)
    def log_prob(self, latents, labels):
        """Returns ln p(z | c) as the base class defines it.

        The density changes along a path by the divergence of the velocity (Chen et al. 2018, arXiv 1806.07366), which
        is integrated backwards in time with the path itself by Heun's method.
        """
        z, of_labels = (latents - self.mean) / self.deviation, self.field.of_labels(labels)
        expansion = tf.zeros_like(z[:, 0])
        for step in reversed(range(DENSITY_STEPS)):
            begin, end = (tf.constant([(step + part) / DENSITY_STEPS], tf.float32) for part in (0, 1))
            velocity, divergence = self.field.with_divergence(z, end, of_labels)
            before = z - velocity / DENSITY_STEPS
            earlier, earlier_divergence = self.field.with_divergence(before, begin, of_labels)
            z -= (velocity + earlier) / (2 * DENSITY_STEPS)
            expansion += (divergence + earlier_divergence) / (2 * DENSITY_STEPS)
        log_normal = -0.5 * tf.reduce_sum(tf.square(z) + math.log(2 * math.pi), axis=1)
        return log_normal - expansion - tf.reduce_sum(tf.math.log(self.deviation))

    def settings(self):
        return {
            "width": self.width,
            "teacher_width": self.teacher_width,
            "blocks": self.blocks,
            "solver_steps": self.solver_steps,
            "fit_steps": self.fit_steps,
        }
