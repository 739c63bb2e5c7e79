"""Continues spectra beyond the window of a model as FIDs that begin at t = 0 and have decayed at their end."""

import functools

import numpy as np

from mrs_keras.acquisition import Acquisition

EMPTY_END = 8
"""The last 1/8 of the FID is empty: what does not begin at t = 0 would wrap around to there."""


def causal_continuation(
    spectra: np.ndarray, acquisition: Acquisition, regularisation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Returns what a causal FID explains of spectra of a window, and its points outside.

    A spectrum that is cut off, or tapered, belongs to a FID that also has a part before t = 0, which wraps around to
    its end: a tenth to a fifth of the norm in brain spectra. Whatever appends zeros to such a FID (LCModel), apodises
    it, shifts it, or takes its end for noise is then wrong. Of all FIDs x that are zero in their last eighth, this is
    the one that minimises ||spectrum of x in the window - spectra||^2 + lambda ||x||^2 (Tikhonov), where the first
    point counts half in the norm, as in the spectrum.

    Spectra that belong to no causal FID, as with a baseline that is a polynomial of the window, make points outside
    that are taller than those inside; the less so, the larger lambda.

    Args:
      spectra: complex (rows, window_points), without noise, rising ppm.
      acquisition: of the spectra.
      regularisation: lambda over the largest eigenvalue of the problem, above 0. What is not causal is amplified by 5
        with 1e-2, by 15 with 1e-3, by 46 with 1e-4.

    Returns:
      complex64 (rows, window_points), the part of the spectra that the FID explains; and complex64
      (rows, points - window_points), the points of the FID below the window, then those above it.
    """
    spectra = np.asarray(spectra, np.complex64)
    fitted, outside = _matrices(acquisition, regularisation)
    return spectra @ fitted, spectra @ outside


@functools.lru_cache(maxsize=4)
def _matrices(acquisition: Acquisition, regularisation: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns the maps from the window to the window, and to the points outside: complex64 (window_points, ...)."""
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
    regularised = own + regularisation * np.linalg.norm(own, 2) * np.eye(len(inside))
    fitted, beyond = (
        np.linalg.solve(regularised.T, part.T).astype(np.complex64) for part in (own, covariance(outside, inside))
    )
    return fitted, beyond
