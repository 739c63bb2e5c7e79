"""Continues spectra beyond the window of a model as FIDs that begin at t = 0 and have decayed at their end."""

import functools

import numpy as np

from mrs_keras.acquisition import Acquisition

EMPTY_END = 8
"""The last 1/8 of the FID is empty: what does not begin at t = 0 would wrap around to there."""

REGULARISATION = 1e-4
"""Lambda over the largest eigenvalue of the problem. What is not causal is amplified by 15 with 1e-3, by 46 with 1e-4,
by 139 with 1e-5."""


def causal_continuation(spectra: np.ndarray, acquisition: Acquisition) -> np.ndarray:
    """Returns the points outside the window of the causal FID that fits spectra of the window.

    A spectrum that is cut off, or tapered, belongs to a FID that also has a part before t = 0, which wraps around to
    its end: a fifth of the norm in brain spectra. Programs that append zeros to such a FID before they transform it
    (LCModel) turn that part into ripples between the points. Of all FIDs x that are zero in their last eighth, this is
    the one that minimises ||spectrum of x in the window - spectra||^2 + lambda ||x||^2 (Tikhonov), where the first
    point counts half in the norm, as in the spectrum.

    Spectra that belong to no causal FID, as with a baseline that is a polynomial of the window, make points outside
    that are several times as tall as those inside.

    Args:
      spectra: complex (rows, window_points), without noise, rising ppm.
      acquisition: of the spectra.

    Returns:
      complex64 (rows, points - window_points), the points below the window, then those above it.
    """
    return np.asarray(spectra, np.complex64) @ _matrix(acquisition)


@functools.lru_cache(maxsize=4)
def _matrix(acquisition: Acquisition) -> np.ndarray:
    """Returns the map from the window to the points outside: complex64 (window_points, other points)."""
    points = acquisition.points
    inside = np.arange(points)[acquisition.window]
    outside = np.delete(np.arange(points), inside)
    weights = np.zeros(points)
    weights[: points - points // EMPTY_END] = 1
    weights[0] = 0.25  # `fid_to_spectrum` halves the first point
    kernel = np.fft.fft(weights) / points

    def covariance(of: np.ndarray, at: np.ndarray) -> np.ndarray:
        return kernel[(of[:, None] - at) % points]

    own = covariance(inside, inside)
    own += REGULARISATION * np.linalg.norm(own, 2) * np.eye(len(inside))
    return np.linalg.solve(own.T, covariance(outside, inside).T).astype(np.complex64)
