"""A metric of spectra in which the parameters of lines change along straight paths.

In the time domain, lines that share a shape are x(t) = exp(-i phi0 - (gamma + i eps) t - sigma^2 t^2) sum_j c_j m_j(t).
So a relative change dx(t) / x(t) is linear in phi0, eps, gamma and sigma^2, and the metric sum_t |dx|^2 / |x|^2 is flat
in them. A metric of the spectrum itself is not: half way between two phases it prefers broader lines.
"""

import itertools
from collections.abc import Callable, Mapping

import numpy as np
import tensorflow as tf

from mrs_keras.models.geodesic import ENDS, MODES, least_energy_bends

BAND_EDGES = (4, 8, 12, 16, 20, 24, 32, 40)
"""Points in time between which the lines are compared. Baselines, polynomials of low order in ppm, are over before."""

BASELINE_POINTS = (-1, -2, -3, -4, -5)
"""Points before time 0, where there is baseline and no line."""

BASELINE_ORDER = 4
"""Order of the polynomials that say how a baseline falls off at `BASELINE_POINTS`."""

SMALLEST_BAND = 0.02
"""Size of the weaker end of a path in a band, over that of the mean band, at which the band weighs half: errors of the
generator prevail below."""

BASELINE_WEIGHT, LATENT_WEIGHT = 0.3, 0.1
"""Weights of the baseline and of the latents, in units of their prior's deviation, beside the lines."""


ROWS_AT_ONCE = 16
"""Paths that are found at once."""


class LineMetric:
    """Features of spectra, whose Euclidean distances are the metric.

    The window of a spectrum, under a Hann taper, is transformed to the time domain. The features are

    - ln ||x|| and x / ||x|| for x in each band of times: the squared length of a change is ||dx||^2 / ||x||^2;
    - x before time 0, over the size of the lines, with its points weighted as polynomials fall off: the baseline.

    Args:
      points: complex points of a spectrum.
    """

    def __init__(self, points: int):
        edges = sorted({min(edge, points // 2) for edge in BAND_EDGES})
        self._bands = list(itertools.pairwise(edges)) or [(0, points // 2)]
        # Frequencies rise, and lines decay towards positive times.
        taper = np.sin(np.pi * (np.arange(points) + 0.5) / points) ** 2
        times = np.r_[0, BASELINE_POINTS, self._bands[0][0] : self._bands[-1][1]]
        transform = taper[:, None] * np.exp(2j * np.pi * np.outer(np.arange(points) - points / 2, times) / points)
        polynomials = np.polynomial.legendre.legvander(np.linspace(-1, 1, points), BASELINE_ORDER)
        at_0, *before = np.linalg.norm(np.linalg.qr(polynomials)[0].T @ transform, axis=0)[: len(BASELINE_POINTS) + 1]
        transform[:, 1 : len(before) + 1] *= BASELINE_WEIGHT * at_0 / np.array(before)
        # Of (real, imaginary) pairs: two numbers per point in, two per time out; of mean size as in the spectrum.
        parts = np.stack([transform, 1j * transform], axis=1).reshape(2 * points, -1)[:, 1:] / np.sqrt(points)
        self._matrix = np.stack([parts.real, parts.imag], axis=-1).reshape(2 * points, -1).astype(np.float32)

    def scales(self, spectrum_a: tf.Tensor, spectrum_b: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what the features of a path are scaled with, from both of its ends, float32 (rows, points, 2).

        Returns:
          The weight of each band, float32 (rows, bands), and the size of the lines in a band, (rows, 1).
        """
        energy_a, energy_b = (self._energies(self._in_time(spectrum)[0]) for spectrum in (spectrum_a, spectrum_b))
        means = [tf.reduce_mean(energy, axis=-1, keepdims=True) for energy in (energy_a, energy_b)]
        squared_size = tf.sqrt(means[0] * means[1])
        weaker = tf.minimum(energy_a, energy_b)
        return tf.sqrt(weaker / (weaker + SMALLEST_BAND**2 * squared_size)), tf.sqrt(squared_size)

    def features(self, spectrum: tf.Tensor, weights: tf.Tensor, size: tf.Tensor) -> tf.Tensor:
        """Returns the features, float32 (..., features).

        Args:
          spectrum: float32 (..., points, 2).
          weights: of the bands, (..., bands), as `scales` returns them, for any leading axes that broadcast.
          size: of the lines, (..., 1), as `scales` returns it.
        """
        # Over the size first: rounding of the logarithm is smallest near 1.
        bands, baseline = self._in_time(spectrum / size[..., None])
        energies = self._energies(bands)
        scales = weights * tf.math.rsqrt(energies)
        lines = [scales[..., i, None] * x for i, x in enumerate(bands)]
        return tf.concat([0.5 * weights * tf.math.log(energies), *lines, baseline], axis=-1)

    def _in_time(self, spectrum: tf.Tensor) -> tuple[list[tf.Tensor], tf.Tensor]:
        """Returns the times of each band, and those of the baseline: real and imaginary parts, (..., 2 times)."""
        flat = tf.reshape(spectrum, tf.concat([tf.shape(spectrum)[:-2], [len(self._matrix)]], axis=0))
        lengths = [2 * len(BASELINE_POINTS), *(2 * (stop - start) for start, stop in self._bands)]
        baseline, *bands = tf.split(tf.tensordot(flat, self._matrix, 1), lengths, axis=-1)
        return bands, baseline

    def _energies(self, bands: list[tf.Tensor]) -> tf.Tensor:
        """Returns ||x||^2 of each band, (..., bands), above zero."""
        return tf.stack([tf.reduce_sum(tf.square(x), axis=-1) for x in bands], axis=-1) + np.float32(1e-12)


def line_bends(generator: Callable[[Mapping], tf.Tensor], points: int, ends: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """Finds the geodesics of the line metric between the two ends of each row; concentrations change linearly.

    For a generator of half a million weights and 16 latents, a row takes 6 ms of processor time.

    Args:
      generator: maps `{"z": (batch, latents), "concentrations": (batch, labels)}` to spectra, (batch, points, 2).
      points: complex points of a spectrum.
      ends: `"z_a"` and `"z_b"`, float32 (rows, latents); `"concentrations_a"` and `"concentrations_b"`, float32 (rows,
        labels).

    Returns:
      How the paths bend, float32 (rows, MODES, latents), for `mrs_keras.models.geodesic.on_path`.
    """
    ends = {name: ends[name] for name in ("z_a", "z_b", "concentrations_a", "concentrations_b")}
    rows, latents = tf.shape(ends["z_a"])[0], ends["z_a"].shape[-1]
    # Chunks of one size bound the memory, and compute each row in the same way in any batch. The last row fills up.
    row = tf.minimum(tf.range(-(-rows // ROWS_AT_ONCE) * ROWS_AT_ONCE), rows - 1)
    chunks = {name: tf.reshape(tf.gather(end, row), [-1, ROWS_AT_ONCE, end.shape[-1]]) for name, end in ends.items()}
    bends = tf.map_fn(
        lambda chunk: _bends_of_chunk(generator, LineMetric(points), **chunk),
        chunks,
        fn_output_signature=tf.TensorSpec([ROWS_AT_ONCE, MODES, latents]),
        parallel_iterations=1,
    )
    return tf.reshape(bends, [-1, MODES, latents])[:rows]


def _bends_of_chunk(generator, metric: LineMetric, z_a, z_b, concentrations_a, concentrations_b) -> tf.Tensor:
    def spectra(z, alpha):
        weight = tf.constant(alpha[:, None])
        concentrations = (1.0 - weight) * concentrations_a[:, None] + weight * concentrations_b[:, None]
        nodes = {"z": z, "concentrations": concentrations}
        flat = generator({name: tf.reshape(value, [-1, value.shape[-1]]) for name, value in nodes.items()})
        return tf.reshape(tf.cast(flat, tf.float32), [ROWS_AT_ONCE, len(alpha), *flat.shape[1:]])

    at_ends = spectra(tf.stack([z_a, z_b], axis=1), ENDS)
    weights, size = (scale[:, None] for scale in metric.scales(at_ends[:, 0], at_ends[:, 1]))

    def features(z, alpha):
        return tf.concat([metric.features(spectra(z, alpha), weights, size), LATENT_WEIGHT * z], axis=-1)

    return least_energy_bends(features, z_a, z_b)
