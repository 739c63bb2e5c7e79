"""Paths of least energy through the latents, in the metric that a map from latents to features induces.

A map f induces the metric ds^2 = ||df(z)||^2, the pull-back of the Euclidean one (Arvanitidis, Hansen and Hauberg, ICLR
2018, arXiv 1710.11379). Its geodesics have the least energy, here sum_k ||f(z_{k+1}) - f(z_k)||^2 over SEGMENTS equal
steps of alpha, among the paths

    z(alpha) = (1 - alpha) z_a + alpha z_b + sum_m B_m(alpha) bend_m,    B_m = 4 alpha (1 - alpha) T_m(2 alpha - 1)

with Chebyshev polynomials T_m, which meet both ends exactly. Paths of least energy have equal steps in f, so alpha is
the length along the path. The energy is a sum of squares: a fixed number of damped Gauss-Newton steps
(Levenberg-Marquardt) finds the minimum from the straight line. No step may raise the energy, beyond rounding.
"""

from collections.abc import Callable

import numpy as np
import tensorflow as tf

Map = Callable[[tf.Tensor, np.ndarray], tf.Tensor]
"""Maps latents, float32 (rows, nodes, latents), at an alpha per node, float32 (nodes,), to features, float32 (rows,
nodes, features), each row and node on its own."""

SEGMENTS, MODES, ITERATIONS = 6, 3, 4
"""Segments of the energy, terms of the sum that bends a path, and Gauss-Newton steps."""

FIRST_DAMPING, AFTER_BETTER, AFTER_WORSE = 1e-3, 0.2, 10.0
"""Levenberg-Marquardt damping, as a fraction of the diagonal, and its factors after a good and after a bad step."""

ROUNDING = 1 + 1e-5
"""Factor by which the energy may rise in a step: near its minimum, rounding decides which of two energies is lower."""

TINY = 1e-30
"""Keeps divisions by zero finite."""

ENDS = np.float32([0, 1])
BETWEEN = np.linspace(0, 1, SEGMENTS + 1, dtype=np.float32)[1:-1]
"""alpha at the ends of a path, and where its segments meet."""


def least_energy_bends(features_of: Map, z_a: tf.Tensor, z_b: tf.Tensor) -> tf.Tensor:
    """Finds how the paths of least energy bend away from straight lines.

    Args:
      features_of: the map f. Its features should include the latents times a small number, so that latents that have
        no effect stay on the straight line.
      z_a: float32 (rows, latents), where alpha is 0.
      z_b: float32 (rows, latents), where alpha is 1.

    Returns:
      The bends, float32 (rows, MODES, latents), for `on_path`.
    """
    rows, latents = tf.shape(z_a)[0], z_a.shape[-1]
    ends = features_of(tf.stack([z_a, z_b], axis=1), ENDS)
    # (nodes, 1, modes, 1); between the segments' first and last nodes, where no bend has an effect.
    modes = np.stack(_modes(BETWEEN), axis=-1)[:, None, :, None]

    def path(bends):
        return on_path(z_a[:, None], z_b[:, None], bends[:, None], tf.constant(BETWEEN[:, None]))

    def steps(between, first, last):
        nodes = tf.concat([first, between, last], axis=1)
        return nodes[:, 1:] - nodes[:, :-1]

    def steps_on(features):
        return tf.reshape(steps(features, ends[:, :1], ends[:, 1:]), [rows, -1, 1])

    def energy(features):
        return tf.reduce_sum(tf.square(steps_on(features)), axis=[1, 2])

    def improved(bends, damping):
        features, jacobian = _with_jacobian(lambda z: features_of(z, BETWEEN), path(bends))
        by_bend = jacobian[:, :, :, None] * modes
        fixed = tf.zeros_like(by_bend[:, :1])
        by_bend = tf.reshape(steps(by_bend, fixed, fixed), [rows, -1, MODES * latents])
        change = _damped_solution(by_bend, steps_on(features), damping)
        trial = bends - tf.reshape(change, [rows, MODES, latents])
        better = energy(features_of(path(trial), BETWEEN)) <= energy(features) * ROUNDING
        factor = tf.where(better, AFTER_BETTER, AFTER_WORSE)
        return tf.where(better[:, None, None], trial, bends), damping * factor

    start = tf.zeros([rows, MODES, latents]), tf.fill([rows], FIRST_DAMPING)
    return tf.while_loop(lambda *_: True, improved, start, maximum_iterations=ITERATIONS)[0]


def on_path(z_a: tf.Tensor, z_b: tf.Tensor, bends: tf.Tensor, alpha: tf.Tensor) -> tf.Tensor:
    """Returns the latents at `alpha`, float32 (..., latents).

    Args:
      z_a: float32 (..., latents).
      z_b: float32 (..., latents).
      bends: float32 (..., MODES, latents).
      alpha: float32 (..., 1).
    """
    straight = (1.0 - alpha) * z_a + alpha * z_b
    return straight + sum(mode * bends[..., m, :] for m, mode in enumerate(_modes(alpha)))


def _modes(alpha) -> list:
    """Returns B_m at `alpha`, a tensor or an array, for each m."""
    x = 2.0 * alpha - 1.0
    modes = [4.0 * alpha * (1.0 - alpha)]
    modes.append(x * modes[0])
    while len(modes) < MODES:
        modes.append(2.0 * x * modes[-1] - modes[-2])
    return modes[:MODES]


def _with_jacobian(function: Callable[[tf.Tensor], tf.Tensor], z: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns the features, (rows, nodes, features), and their Jacobian, (rows, nodes, features, latents)."""

    def derivative(direction):
        with tf.autodiff.ForwardAccumulator(z, tf.broadcast_to(direction, tf.shape(z))) as accumulator:
            features = function(z)
        return accumulator.jvp(features)

    # Forward mode, because there are fewer latents than features. What depends on z alone is computed once.
    columns = tf.vectorized_map(derivative, tf.eye(z.shape[-1]))
    return function(z), tf.transpose(columns, [1, 2, 3, 0])


def _damped_solution(jacobian: tf.Tensor, residuals: tf.Tensor, damping: tf.Tensor) -> tf.Tensor:
    """Returns the least-squares solution of jacobian @ x = residuals, damped; zero for rows that are not finite.

    TensorFlow's solver raises an error for the whole batch if a matrix is singular. Scaled to a diagonal of
    1 + damping, none is.

    Args:
      jacobian: (rows, residuals, unknowns).
      residuals: (rows, residuals, 1).
      damping: (rows,), as a fraction of the diagonal of the normal equations.

    Returns:
      (rows, unknowns).
    """
    jacobian, residuals, damping = (tf.cast(value, tf.float64) for value in (jacobian, residuals, damping))
    scale = tf.math.rsqrt(tf.reduce_sum(tf.square(jacobian), axis=1, keepdims=True) + TINY)
    scaled = jacobian * scale
    identity = tf.eye(jacobian.shape[-1], dtype=tf.float64)
    normal = tf.matmul(scaled, scaled, transpose_a=True) + damping[:, None, None] * identity
    right = tf.matmul(scaled, residuals, transpose_a=True)
    finite = tf.reduce_all(tf.math.is_finite(normal), axis=[1, 2], keepdims=True)
    finite &= tf.reduce_all(tf.math.is_finite(right), axis=[1, 2], keepdims=True)
    solution = tf.linalg.solve(tf.where(finite, normal, identity), tf.where(finite, right, tf.zeros_like(right)))
    return tf.cast(solution[:, :, 0] * scale[:, 0], tf.float32)
