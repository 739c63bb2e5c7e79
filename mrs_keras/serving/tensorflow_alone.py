"""TensorFlow without Keras; modules of `mrs_keras.serving` import it before anything that imports TensorFlow."""

from mrs_keras.keras_import import keras_postponed

with keras_postponed():
    import tensorflow

__all__ = ["tensorflow"]
