"""The dense layer in training: the numbers of Keras, also compiled."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models.adam import FusedAdam
from mrs_keras.models.layers import Dense, exact_gelu
from tests.models.cvae_test import examples, small_model


def trained_weights(monkeypatch, optimizer, layers, compiled):
    """Returns the weights of a small model after five steps, with the dense layers of Keras or ours."""
    monkeypatch.setattr("mrs_keras.models.networks.Dense", layers)
    keras.utils.set_random_seed(0)
    model = small_model()
    model.compile(optimizer, jit_compile=compiled)
    model.fit(examples(80), batch_size=16, epochs=1, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.slow
@pytest.mark.parametrize("compiled", [False, True])
def test_weights_after_five_steps_are_those_of_plain_keras(monkeypatch, compiled):
    ours = trained_weights(monkeypatch, FusedAdam(1e-3), Dense, compiled)
    # XLA draws other noise than TensorFlow, so both are compiled or neither is.
    plain = trained_weights(monkeypatch, keras.optimizers.Adam(1e-3), keras.layers.Dense, compiled)
    assert len(ours) == len(plain)
    for one, other in zip(ours, plain, strict=True):
        assert np.linalg.norm(one - other) <= 1e-5 * np.linalg.norm(other)


def test_gelu_is_that_of_scipy_to_rounding():
    from scipy.stats import norm

    x = np.linspace(-10, 10, 2001, dtype=np.float32)
    exact = x.astype(float) * norm.cdf(x.astype(float))
    np.testing.assert_allclose(exact_gelu(tf.constant(x)), exact, rtol=3e-7, atol=6e-7)


def test_outside_of_training_the_layer_is_that_of_keras_to_the_bit():
    x = np.random.default_rng(0).normal(size=(5, 7)).astype(np.float32)
    ours, plain = Dense(6, "gelu"), keras.layers.Dense(6, "gelu")
    ours.build(x.shape), plain.build(x.shape)
    plain.set_weights(ours.get_weights())
    np.testing.assert_array_equal(ours(x), plain(x))


@pytest.mark.parametrize("compiled", [False, True])
def test_gradients_are_those_of_keras(compiled):
    x = tf.constant(np.random.default_rng(0).normal(size=(33, 7)).astype(np.float32))
    ours, plain = Dense(6, "gelu"), keras.layers.Dense(6, "gelu")
    ours.build(x.shape), plain.build(x.shape)
    plain.set_weights(ours.get_weights())

    def gradients(layer, **options):
        with tf.GradientTape() as tape:
            tape.watch(x)
            loss = tf.reduce_sum(tf.square(layer(x, **options)))
        return tape.gradient(loss, [x, layer.kernel.value, layer.bias.value])

    expected = gradients(plain)
    for one, other in zip(
        tf.function(lambda: gradients(ours, training=True), jit_compile=compiled)(), expected, strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)
