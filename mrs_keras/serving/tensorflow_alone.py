"""TensorFlow without Keras; imported before TensorFlow by all of `mrs_keras.serving` that needs it."""

from mrs_keras.keras_import import keras_postponed

with keras_postponed():
    import tensorflow

__all__ = ["tensorflow"]
