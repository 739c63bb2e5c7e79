"""Paths of least energy, on maps whose geodesics are known in closed form."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models.geodesic import MODES, least_energy_bends, on_path

ALPHA = np.linspace(0, 1, 21, dtype=np.float32)


def path_of(features_of, z_a, z_b, alpha=ALPHA) -> np.ndarray:
    """Latents along the path of least energy, (rows, steps, latents)."""
    z_a, z_b = tf.constant(z_a, tf.float32), tf.constant(z_b, tf.float32)
    bends = least_energy_bends(features_of, z_a, z_b)
    return on_path(z_a[:, None], z_b[:, None], bends[:, None], alpha[:, None]).numpy()


def polar(z, alpha):
    """Radius and angle to the plane, whose geodesics are straight lines."""
    radius, angle = tf.unstack(z, axis=-1)
    return tf.stack([radius * tf.cos(angle), radius * tf.sin(angle)], axis=-1)


def test_geodesics_in_polar_coordinates_are_straight_lines_of_the_plane():
    z_a, z_b = np.array([[1.0, 0.0], [2.0, -0.5], [1.0, 0.3]]), np.array([[1.0, 1.5], [1.0, 0.5], [3.0, 0.3]])
    path = path_of(polar, z_a, z_b)
    received = np.stack([path[..., 0] * np.cos(path[..., 1]), path[..., 0] * np.sin(path[..., 1])], axis=-1)
    expected = (1 - ALPHA[:, None]) * received[:, :1] + ALPHA[:, None] * received[:, -1:]
    # With the polar straight line it would be off by 0.27.
    np.testing.assert_allclose(received, expected, atol=0.01)
    np.testing.assert_array_equal(path[:, [0, -1]], np.stack([z_a, z_b], axis=1).astype(np.float32))


def test_the_shortest_way_over_a_sphere_is_a_great_circle_at_constant_speed():
    def sphere(z, alpha):
        height, angle = tf.unstack(z, axis=-1)
        return tf.stack([tf.cos(height) * tf.cos(angle), tf.cos(height) * tf.sin(angle), tf.sin(height)], axis=-1)

    z_a, z_b = np.float32([[0.6, -0.7]]), np.float32([[0.6, 0.7]])
    received = sphere(tf.constant(path_of(sphere, z_a, z_b)[0]), ALPHA).numpy()
    a, b = received[0], received[-1]
    whole = np.arccos(a @ b)
    expected = (np.sin((1 - ALPHA[:, None]) * whole) * a + np.sin(ALPHA[:, None] * whole) * b) / np.sin(whole)
    np.testing.assert_allclose(received, expected, atol=2e-3)


def test_latents_without_effect_stay_on_the_straight_line():
    def features(z, alpha):
        return tf.concat([polar(z[..., :2], alpha), 1e-2 * z], axis=-1)

    ends = np.float32([[1.0, 0.0, -1.0]]), np.float32([[1.0, 1.5, 2.0]])
    path = path_of(features, *ends)
    np.testing.assert_allclose(path[0, :, 2], -1 + 3 * ALPHA, atol=1e-4)
    assert path[0, 10, 0] < 0.8  # the others bend


def test_a_map_may_change_along_the_path():
    """The features are z + alpha^2: of least energy where z + alpha^2 is straight."""
    path = path_of(lambda z, alpha: z + alpha[:, None] ** 2, np.zeros((1, 1)), np.ones((1, 1)))
    np.testing.assert_allclose(path[0, :, 0], 2 * ALPHA - ALPHA**2, atol=1e-5)


@pytest.mark.parametrize("bad", [np.nan, 1e38])
def test_a_row_that_is_not_finite_leaves_the_others_alone(bad):
    z_a, z_b = np.float32([[1.0, 0.0], [bad, 1.0], [2.0, -0.5]]), np.float32([[1.0, 1.5], [1.0, 0.0], [1.0, 0.5]])
    path = path_of(polar, z_a, z_b)
    np.testing.assert_allclose(path[[0, 2]], path_of(polar, z_a[[0, 2]], z_b[[0, 2]]), atol=1e-6)


def test_equal_ends_give_a_path_that_stays():
    ends = np.float32([[1.0, 0.5]])
    np.testing.assert_array_equal(path_of(polar, ends, ends), np.broadcast_to(ends, (1, 21, 2)))


def test_graph_and_xla_give_what_python_gives():
    z_a, z_b = tf.constant([[1.0, 0.0], [2.0, -0.5]]), tf.constant([[1.0, 1.5], [1.0, 0.5]])
    expected = least_energy_bends(polar, z_a, z_b).numpy()
    assert expected.shape == (2, MODES, 2)
    for options in ({}, {"jit_compile": True}):
        compiled = tf.function(lambda a, b: least_energy_bends(polar, a, b), **options)
        np.testing.assert_allclose(compiled(z_a, z_b).numpy(), expected, atol=1e-4)
