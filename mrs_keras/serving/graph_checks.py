"""Checks of a signature's inputs, as operations of its graph: who loads the SavedModel needs no Python for them.

What fails is an INVALID_ARGUMENT of TensorFlow, in TF-Serving too, which goes on serving.
"""

from collections.abc import Callable, Mapping

from mrs_keras.labels import Labels
from mrs_keras.serving.tensorflow_alone import tensorflow as tf

Rule = tuple[str, Callable[[tf.Tensor], tf.Tensor]]
"""What the values of an input must be, in words, and a function from the input to which of its values are."""

FINITE: Rule = ("be finite", tf.math.is_finite)
FROM_0_TO_1: Rule = ("lie from 0 to 1", lambda value: (value >= 0) & (value <= 1))


def within(labels: Labels) -> Rule:
    """Returns the rule that each label lies in its range, ends included, which NaN does not."""
    low, high = tf.constant(labels.low, tf.float32), tf.constant(labels.high, tf.float32)
    must = f"lie in the range of the training: {labels.ranges_in_words}"
    return must, lambda value: (value >= low) & (value <= high)


def checked(inputs: Mapping[str, tf.Tensor], rules: Mapping[str, Rule]) -> dict[str, tf.Tensor]:
    """Returns the inputs of a signature behind their checks: nothing is computed from them before these passed.

    Args:
      inputs: name -> tensor whose static shape is the one it must have, with a free batch axis first.
      rules: name -> rule of its values. Inputs without one are checked for their shape alone.

    Returns:
      The same tensors.
    """
    # A traced function does not hold its callers to its own static shapes: a session of TF-Serving feeds anything.
    inputs = {name: tf.ensure_shape(value, value.shape) for name, value in inputs.items()}
    rows = tf.stack([tf.shape(value)[0] for value in inputs.values()])
    text = f"All inputs must have the same number of rows, at least one. Received for {', '.join(inputs)}:"
    checks = [tf.raw_ops.Assert(condition=tf.reduce_all((rows == rows[0]) & (rows > 0)), data=[text, rows])]
    for name, (must, holds) in rules.items():
        # With the rows known to be there: the message looks one up.
        with tf.control_dependencies(checks[:1]):
            value = tf.identity(inputs[name])
        good = holds(value)
        # The first row that is wrong.
        row = tf.argmin(tf.reduce_all(tf.reshape(good, (tf.shape(good)[0], -1)), axis=1), output_type=tf.int32)
        text = f"`{name}` must {must}. Its first wrong row, and what it holds:"
        checks.append(tf.raw_ops.Assert(condition=tf.reduce_all(good), data=[text, row, value[row]], summarize=8))
    with tf.control_dependencies(checks):
        return {name: tf.identity(value) for name, value in inputs.items()}
