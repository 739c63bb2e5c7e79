"""The dependence of latents on labels: its value, its gradient, and what it does in a training."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models.independence import FEATURES, dependence

SIZE = 400


def data(strength: float) -> tuple[np.ndarray, np.ndarray]:
    """Latents whose spread, not mean, depends on the first of two labels: no correlation shows it."""
    rng = np.random.default_rng(0)
    labels = rng.uniform(-1, 1, (SIZE, 2))
    z = rng.normal(size=(SIZE, 3)) * [[1.0, 0.2, 5.0]]
    z[:, 0] *= 1 + strength * labels[:, 0]
    return z.astype(np.float32), labels.astype(np.float32)


def mean_dependence(z, labels, draws: int) -> float:
    seeds = [tf.constant([number, 0]) for number in range(draws)]
    return float(np.mean([tf.reduce_mean(dependence(z, labels, seed, float(len(z)))) for seed in seeds]))


def kernel_criterion(z: np.ndarray, labels: np.ndarray) -> float:
    """The criterion by its definition: mean over all pairs of the two kernels' product."""
    z, labels = ((array - array.mean(axis=0)) / array.std(axis=0) for array in (z.astype(float), labels.astype(float)))
    squares = ((z[:, None] - z[None]) ** 2).sum(axis=2)
    return float((np.exp(-squares / (2 * z.shape[1])) * (labels @ labels.T)).mean())


@pytest.mark.parametrize("strength", [0.0, 0.9])
def test_random_features_give_the_kernel_criterion(strength):
    z, labels = data(strength)
    expected = kernel_criterion(z, labels)
    assert mean_dependence(tf.constant(z), tf.constant(labels), 100) == pytest.approx(expected, rel=0.1)


def test_latents_that_depend_on_a_label_cost_more_than_chance():
    by_chance, dependent = (kernel_criterion(*data(strength)) for strength in (0.0, 0.9))
    assert dependent > 2 * by_chance


def test_the_gradient_is_that_of_the_criterion_at_fixed_scales():
    z, labels = (tf.constant(array, tf.float32) for array in data(0.9))
    seed = tf.constant([7, 0])
    with tf.GradientTape() as tape:
        tape.watch(z)
        value = tf.reduce_mean(dependence(z, labels, seed, float(SIZE)))
    gradient = tape.gradient(value, z)
    deviation, mean = tf.math.reduce_std(z, axis=0), tf.reduce_mean(z, axis=0)
    scaled = (labels - tf.reduce_mean(labels, axis=0)) / tf.math.reduce_std(labels, axis=0)
    with tf.GradientTape() as tape:
        tape.watch(z)
        angles = (z - mean) / deviation @ (tf.random.stateless_normal((3, FEATURES), seed, alg="philox") / 3**0.5)
        features = tf.concat([tf.cos(angles), tf.sin(angles)], axis=1) / FEATURES**0.5
        expected = tf.reduce_sum(tf.square(tf.matmul(features, scaled, transpose_a=True) / SIZE))
    assert float(value) == pytest.approx(float(expected), rel=1e-4)
    # Means and deviations are constants in both.
    constant = tape.gradient(expected, z)
    np.testing.assert_allclose(gradient, constant, atol=1e-3 * np.abs(constant).max())
