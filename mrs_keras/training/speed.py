"""What makes a training fast on the devices at hand: chosen in one place, and said in words."""

import dataclasses
import sys

import keras
import numpy as np
import tensorflow as tf

from mrs_keras.checks import check_choice
from mrs_keras.models.precision import compute_in_float32
from mrs_keras.training.replicas import compiles

PRECISIONS = ("float32", "mixed_float16", "mixed_bfloat16")
STEPS_PER_EXECUTION = (8, 64, 512)
"""Steps per execution that are worth it, that are enough, and that are the most: meanwhile nothing stops a training."""

TENSOR_CORES_SINCE = (7, 0)
"""Compute capability of the first NVIDIA GPUs that multiply float16 faster than float32."""


@dataclasses.dataclass(frozen=True)
class Speed:
    """How a training uses its devices; none of it but `precision` changes what is computed.

    Attributes:
      devices: in words.
      jit_compile: whether XLA compiles the step.
      steps_per_execution: steps that run without a return to Python.
      precision: Keras dtype policy of the layers.
    """

    devices: str
    jit_compile: bool
    steps_per_execution: int
    precision: str

    def __str__(self) -> str:
        compiler = "compiled by XLA" if self.jit_compile else "not compiled by XLA"
        steps = "1 step" if self.steps_per_execution == 1 else f"{self.steps_per_execution} steps"
        return f"Training on {self.devices}: {compiler}, {steps} per execution, {self.precision}, input prefetched."

    def prepare(self, model: keras.Model) -> None:
        """Sets a compiled model to it, also one from a checkpoint of other devices, and says so on stderr."""
        model.jit_compile = self.jit_compile
        model.steps_per_execution = self.steps_per_execution
        # A checkpoint goes on in the precision that it was begun in.
        print(dataclasses.replace(self, precision=model.dtype_policy.name), file=sys.stderr)

    def validation(self, batches: tf.data.Dataset) -> dict:
        """Returns the arguments of `fit` that validate on all batches."""
        if self.steps_per_execution > 1:
            # Keras runs whole executions in validation too: from endless data it would take too many batches.
            return {"validation_data": batches}
        # Endless: the end of a dataset under MirroredStrategy can reach Keras during the next epoch's training steps,
        # which it then takes for the end of the training data.
        return {"validation_data": batches.repeat(), "validation_steps": int(batches.cardinality())}


def choose_speed(strategy: tf.distribute.Strategy, steps_per_epoch: int, precision: str | None = None) -> Speed:
    """Chooses what is fast and safe on the devices of a strategy.

    | devices | XLA | steps per execution | precision |
    |---|---|---|---|
    | one CPU | yes | up to 64, or an epoch | float32: x86 processors have no fast float16 |
    | one GPU | yes | up to 64, or an epoch | mixed_float16 from compute capability 7.0 on, else float32 |
    | several replicas | no | 1 | float32 |

    With several replicas Keras fails with the first two (keras#19005), and its loss scaling looks at the gradients of
    one replica alone; with a single mirrored one its metrics were seen to differ from run to run. float16 and not
    bfloat16, whose 8 bits round numbers to 0.4 %: the model's own error is not much larger. The loss is a sum in nats,
    so the scale of float16 settles in the first steps, which are skipped until it has.

    Args:
      strategy: that the model trains under.
      steps_per_epoch: the steps per execution divide it, so that epochs, and with them checkpoints, stay what they are.
      precision: a Keras dtype policy to use instead of the chosen one. Defaults to `None`.

    Raises:
      ValueError: if `precision` is not one of `PRECISIONS`.
    """
    single = compiles(strategy)
    gpus = tf.config.list_physical_devices("GPU")
    if precision is None:
        details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
        fast = [detail.get("compute_capability", (0, 0)) >= TENSOR_CORES_SINCE for detail in details]
        precision = "mixed_float16" if single and fast and all(fast) else "float32"
    kind = "GPU" if gpus else "CPU"
    return Speed(
        devices=f"one {kind}" if single else f"{strategy.num_replicas_in_sync} replicas ({kind})",
        jit_compile=single,
        steps_per_execution=_steps_per_execution(steps_per_epoch) if single else 1,
        precision=check_choice("precision", precision, PRECISIONS),
    )


def leave_training(model: keras.Model) -> None:
    """Leaves a trained model as a user expects it: a batch per call, all digits."""
    model.steps_per_execution = 1
    model.train_function = model.test_function = model.predict_function = None
    if model.dtype_policy.name != "float32":
        compute_in_float32(model)


def check_finite_weights(model: keras.Model) -> None:
    """Raises `RuntimeError` if a training has diverged."""
    if not all(np.isfinite(weight).all() for weight in model.get_weights()):
        raise RuntimeError(
            "The training diverged: some weights are NaN or infinite, so no model was saved. "
            "Train again in another folder with a lower learning rate."
        )


def _steps_per_execution(steps_per_epoch: int) -> int:
    """Returns a divisor of the steps of an epoch: the largest up to 64, or where that is small the next one above."""
    worth_it, enough, most = STEPS_PER_EXECUTION
    divisors = [divisor for divisor in range(1, min(steps_per_epoch, most) + 1) if steps_per_epoch % divisor == 0]
    below = max(divisor for divisor in divisors if divisor <= enough)
    above = [divisor for divisor in divisors if divisor > enough]
    return above[0] if above and below < worth_it else below
