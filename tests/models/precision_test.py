"""Half precision inside, float32 wherever digits count."""

import functools

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models.precision import compute_in_float32
from tests.models.cvae_test import batches, examples, small_model

TOLERANCE = {"mixed_float16": 2e-3, "mixed_bfloat16": 2e-2}
"""Relative, a few times the rounding of the format: 2^-11 and 2^-8."""


@pytest.fixture(scope="module")
def data():
    return examples(64)


def as_tensors(data):
    return {name: tf.constant(values) for name, values in data.items()}


def a_pair(policy: str, **changes):
    """A model in float32 and one in mixed precision with the same weights, fitted a little: a loss worth comparing."""
    plain, mixed = small_model(**changes), small_model(dtype=policy, **changes)
    for model in (plain, mixed):
        model.set_weights(fitted_weights(**changes))
    return plain, mixed


@functools.cache
def fitted_weights(**changes):
    model = small_model(**changes)
    model.compile(keras.optimizers.Adam(3e-3), jit_compile=False)
    model.fit(batches(examples(64)), epochs=20, shuffle=False, verbose=0)
    return model.get_weights()


@pytest.mark.parametrize("policy", TOLERANCE)
@pytest.mark.parametrize("variance", ["optimal", "learned"])
def test_mixed_precision_keeps_the_loss_in_float32(data, policy, variance):
    plain, mixed = a_pair(policy, decoder_variance=variance)
    assert mixed.encoder.get_layer("hidden_1").compute_dtype == policy.removeprefix("mixed_")
    noise = tf.random.stateless_normal((64, 4), [0, 0])
    results = []
    for model in (plain, mixed):
        *terms, latents = model._terms(as_tensors(data), noise, training=True)
        losses = model._per_example_losses(*terms, 64.0)
        assert {value.dtype for value in (terms[0], terms[1], latents["z"], *losses.values())} == {tf.float32}
        assert {weight.dtype for weight in model.weights} == {"float32"}
        results.append({name: float(tf.reduce_mean(value)) for name, value in losses.items()})
    expected, found = results
    for name in ("kl_loss", "mean_squared_error"):
        assert found[name] == pytest.approx(expected[name], rel=5 * TOLERANCE[policy]), name
        assert found[name] != expected[name]  # half precision has been at work
    # In nats: 504 numbers, each off by half the relative error of its variance.
    assert found["loss"] == pytest.approx(expected["loss"], abs=252 * 5 * TOLERANCE[policy])


def test_concentrations_keep_their_digits_in_half_precision(data):
    mixed, plain = small_model(dtype="mixed_bfloat16"), small_model()
    inputs = {**data, "concentrations": np.full((64, 2), [16.97, 5.03], np.float32)}
    for network in ("encoder", "generator"):
        scale = [getattr(model, network).get_layer("scale_concentrations") for model in (mixed, plain)]
        scaled, expected = (layer(tf.constant(inputs["concentrations"])) for layer in scale)
        assert scaled.dtype == tf.float32
        np.testing.assert_array_equal(scaled, expected)
    # `call` itself rounds nothing either: the loss of `evaluate` and what `predict` gives belong to the same inputs.
    np.testing.assert_array_equal(mixed(as_tensors(inputs))["z_mean"], mixed.encoder(as_tensors(inputs))["z_mean"])


@pytest.mark.parametrize("jit_compile", [False, True])
def test_a_scaled_loss_takes_the_step_of_an_unscaled_one(data, jit_compile):
    plain, mixed = a_pair("mixed_float16")
    before = np.concatenate([weight.ravel() for weight in plain.get_weights()])
    steps = []
    for model in (plain, mixed):
        optimizer = keras.optimizers.SGD(1e-6)
        if model is mixed:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=0.25)
        model.compile(optimizer, jit_compile=jit_compile)
        model.fit(batches(data), epochs=1, shuffle=False, verbose=0)
        steps.append(np.concatenate([weight.ravel() for weight in model.get_weights()]) - before)
    assert int(mixed.optimizer.iterations) == 1
    difference = np.linalg.norm(steps[1] - steps[0]) / np.linalg.norm(steps[0])
    assert difference < 0.03, difference


def test_a_gradient_that_overflows_is_skipped_and_the_scale_halved(data):
    mixed = small_model(dtype="mixed_float16")
    mixed.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-6), initial_scale=2.0**60))
    before = mixed.get_weights()
    mixed.fit(batches(data), epochs=1, shuffle=False, verbose=0)
    for ours, theirs in zip(mixed.get_weights(), before, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert float(mixed.optimizer.dynamic_scale) == 2.0**59
    assert int(mixed.optimizer.iterations) == 0


def test_each_step_draws_its_own_noise_under_loss_scaling(data):
    mixed = small_model(dtype="mixed_float16")
    mixed.compile(keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(1e-9), initial_scale=0.25))
    noise = []
    for _ in range(3):
        noise.append(mixed._step_noise(4, np.float32([4])).numpy().tobytes())
        mixed.fit(batches(data), epochs=1, shuffle=False, verbose=0)
    assert len(set(noise)) == 3


def test_a_model_saved_in_mixed_precision_comes_back_in_it(tmp_path):
    mixed = small_model(dtype="mixed_float16")
    mixed.save(tmp_path / "model.keras")
    assert keras.config.dtype_policy().name == "float32"
    again = keras.models.load_model(tmp_path / "model.keras")
    assert again.dtype_policy.name == "mixed_float16"
    assert again.generator.get_layer("hidden_1").compute_dtype == "float16"


def test_a_trained_mixed_model_turns_into_the_float32_model_of_its_weights(data, tmp_path):
    plain, mixed = a_pair("mixed_float16")
    expected, half = plain.predict(data, verbose=0)["spectrum"], mixed.predict(data, verbose=0)["spectrum"]
    assert np.abs(half - expected).max() > 1e-4 * np.abs(expected).max()
    compute_in_float32(mixed)
    np.testing.assert_array_equal(mixed.predict(data, verbose=0)["spectrum"], expected)
    mixed.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.predict(data, verbose=0)["spectrum"], expected)
