"""Eddy-current correction with a water reference."""

import numpy as np

from mrs_keras.checks import check_finite

SMOOTHING_POINTS = 80
"""Smoothing length of the phase of the reference in points where its signal equals its noise."""
LOWEST_SNR = 4.0
"""Below this ratio of the reference's magnitude to the standard deviation of its noise its phase is not used."""
FEWEST_POINTS = 16


def correct_eddy_currents(fid: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Subtracts the phase of a water reference from a FID, point by point (Klose 1990, doi 10.1002/mrm.1910140104).

    Eddy currents give water and metabolites the same phase. Subtracting that of the water corrects it, and with it the
    zero-order phase and the frequency: water comes to lie at 4.65 ppm. See `reference_phase` for the noise of the
    reference.

    Args:
      fid: complex (..., points), of the averaged scan.
      reference: complex (reference_points,), the water signal of the same voxel, with the same bandwidth and coil
        combination. Points beyond the end of `fid` only serve to estimate the noise; if the reference is the shorter
        one, its frequency is taken to be constant after its last point.

    Returns:
      complex128 (..., points). Magnitudes do not change.

    Raises:
      ValueError: if the reference has no signal or fewer than 16 points, or a value is not finite.

    Example:

    >>> reference = np.exp((-30 + 50j) * np.arange(2048) / 4000.0)
    >>> bool(np.abs(correct_eddy_currents(reference, reference).imag).max() < 1e-6)
    True
    """
    fid = check_finite("fid", np.asarray(fid, np.complex128))
    return fid * np.exp(-1j * reference_phase(reference, fid.shape[-1]))


def reference_phase(reference: np.ndarray, points: int) -> np.ndarray:
    """Estimates the phase of a water reference, also where its signal has decayed below its noise.

    The phase theta minimises

        sum_n |r_n|^2 (theta_n - arg r_n)^2 + (SMOOTHING_POINTS^2 s)^2 sum_n (theta_(n-1) - 2 theta_n + theta_(n+1))^2

    with s the standard deviation of the noise of r (real part). While the signal is far above the noise this is the
    phase as measured; it becomes smoother as the signal decays. From the first point at which the magnitude stays
    below `LOWEST_SNR` s, only the second term is left: the frequency remains constant.

    Args:
      reference: complex (reference_points,).
      points: number of points wanted.

    Returns:
      float64 (points,), rad, unwrapped.

    Raises:
      ValueError: as in `correct_eddy_currents`.
    """
    import scipy.linalg

    reference = check_finite("reference", np.asarray(reference, np.complex128))
    if reference.ndim != 1 or len(reference) < FEWEST_POINTS or not np.any(reference):
        raise ValueError(
            "The water reference cannot be used for eddy-current correction. "
            f"Expected a complex FID of shape (points,), at least {FEWEST_POINTS} points, with signal. Received: shape "
            f"{reference.shape}, largest magnitude {np.abs(reference).max(initial=0.0):g}. "
            "Give the averaged water reference of the same voxel, or leave this step out."
        )
    reference = reference / np.abs(reference).max()
    sigma = max(_noise_sigma(reference), 1e-6)
    reference = reference[:points]
    usable = _usable_points(reference, sigma)
    weights, measured = np.zeros(points), np.zeros(points)
    weights[:usable] = np.maximum(np.abs(reference[:usable]) ** 2 - 2 * sigma**2, 1e-3 * sigma**2)
    measured[:usable] = np.unwrap(np.angle(reference[:usable]))
    # The normal equations: weights on the diagonal, and the squared second difference, which has five diagonals.
    ones = np.ones(points - 2)
    diagonals = np.zeros((3, points))
    for offset, kernel in ((0, (1.0, 4.0, 1.0)), (1, (-2.0, -2.0)), (2, (1.0,))):
        for first, value in enumerate(kernel):
            diagonals[2 - offset, offset + first : offset + first + points - 2] += value * ones
    diagonals *= (SMOOTHING_POINTS**2 * sigma) ** 2
    diagonals[2] += weights
    return scipy.linalg.solveh_banded(diagonals, weights * measured)


def _noise_sigma(fid: np.ndarray) -> float:
    """Standard deviation of the noise (real part), from third differences of the last quarter: they suppress signal."""
    differences = np.diff(fid[-max(len(fid) // 4, 8) :], n=3)
    return float(np.sqrt(np.mean(np.abs(differences) ** 2) / 2 / 20))


def _usable_points(reference: np.ndarray, sigma: float) -> int:
    """Number of points before the magnitude falls below `LOWEST_SNR` times the noise for good."""
    above = np.flatnonzero(np.abs(reference) > LOWEST_SNR * sigma)
    if not len(above):
        return len(reference)
    # Single points of noise exceed the limit late in the FID: most points of a stretch must.
    share = np.convolve(np.abs(reference) > LOWEST_SNR * sigma, np.ones(16) / 16, "full")[15:]
    drowned = np.flatnonzero(share < 0.5)
    return max(int(drowned[0]) if len(drowned) else len(reference), FEWEST_POINTS // 2)
