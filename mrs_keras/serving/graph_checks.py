"""Checks of a signature's inputs as operations of its graph, which need no Python.

A failed check raises TensorFlow's INVALID_ARGUMENT; TF-Serving returns it and keeps serving. XLA, TensorFlow Lite and
ONNX silently drop assertions; there, arithmetic that no compiler can drop sets the rows that fail to NaN.
"""

from collections.abc import Callable, Mapping

from mrs_keras.labels import Labels
from mrs_keras.serving.tensorflow_alone import tensorflow as tf

Rule = tuple[str, Callable[[tf.Tensor], tf.Tensor]]
"""What the values of an input must do, in words, and a function that returns which values of the input comply."""

FINITE: Rule = ("be finite", tf.math.is_finite)
FROM_0_TO_1: Rule = ("lie from 0 to 1", lambda value: (value >= 0) & (value <= 1))


def within(labels: Labels) -> Rule:
    """Returns the rule that each label lies in its range, including the ends; NaN does not."""
    low, high = tf.constant(labels.low, tf.float32), tf.constant(labels.high, tf.float32)
    must = f"lie in the range of the training: {labels.ranges_in_words}"
    return must, lambda value: (value >= low) & (value <= high)


def checked(
    inputs: Mapping[str, tf.Tensor], rules: Mapping[str, Rule]
) -> tuple[dict[str, tf.Tensor], tf.Tensor | None]:
    """Returns the inputs of a signature, which become available only after their checks have passed.

    Args:
      inputs: name -> tensor with the required static shape, with a free batch axis first.
      rules: name -> rule for its values. Only the shape of inputs without a rule is checked.

    Returns:
      The same tensors, and which rows obey all rules, bool (rows,), or `None` if there are no rules.
    """
    # A traced function does not enforce its static shapes on callers: a TF-Serving session feeds any shape.
    inputs = {name: tf.ensure_shape(value, value.shape) for name, value in inputs.items()}
    rows = tf.stack([tf.shape(value)[0] for value in inputs.values()])
    text = f"All inputs must have the same number of rows, at least one. Received for {', '.join(inputs)}:"
    checks = [tf.raw_ops.Assert(condition=tf.reduce_all((rows == rows[0]) & (rows > 0)), data=[text, rows])]
    rows_right = []
    for name, (must, holds) in rules.items():
        # Only after the check of the rows: the message indexes a row.
        with tf.control_dependencies(checks[:1]):
            value = tf.identity(inputs[name])
        good = holds(value)
        # The first invalid row.
        rows_right.append(tf.reduce_all(good, axis=range(1, good.shape.rank)))
        row = tf.argmin(rows_right[-1], output_type=tf.int32)
        text = f"`{name}` must {must}. Its first wrong row, and what it holds:"
        checks.append(tf.raw_ops.Assert(condition=tf.reduce_all(good), data=[text, row, value[row]], summarize=8))
    with tf.control_dependencies(checks):
        passed = {name: tf.identity(value) for name, value in inputs.items()}
    return passed, tf.reduce_all(tf.stack(rows_right), axis=0) if rows_right else None


def nan_where_wrong(outputs: Mapping[str, tf.Tensor], right: tf.Tensor | None) -> dict[str, tf.Tensor]:
    """Returns float outputs (rows, ...) with NaN in the invalid rows."""
    if right is None:
        return dict(outputs)

    def masked(value):
        return tf.where(tf.reshape(right, (-1, *[1] * (value.shape.rank - 1))), value, float("nan"))

    return {name: masked(value) for name, value in outputs.items()}
