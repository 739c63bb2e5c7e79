"""Combination of receiver coils: noise between coils, weights from a water reference, the weighted sum."""

import warnings

import numpy as np
import scipy.fft
import scipy.linalg
import scipy.special

from mrs_keras.checks import check_finite

SAMPLES_PER_COIL = 300
"""More noise samples than this per coil are not used: weights from so many lose about 0.3 % of the SNR."""

_SAMPLES_NEEDED_PER_COIL = 10
_WEIGHT_COLUMNS = 16384


def noise_covariance(fids: np.ndarray, *, tail: float = 0.25) -> np.ndarray:
    """Estimates the covariance of the noise between coils from the end of the FIDs.

    The covariance is that of real and imaginary part, half of E[n_a conj(n_b)] (Roemer et al. 1990,
    doi 10.1002/mrm.1910160203), as `receive_with_coils` takes it: its diagonal is the variance of the real part of the
    noise of each coil. The tail of each FID is transformed to a spectrum (Hann window), and points that stand out in
    it are left out: water that has not decayed, spurious lines, the offset of the receiver. Off-diagonal elements are
    shrunk by the factor 1 - coils / samples, and a coil without noise gets a small variance, so that the covariance
    always has an inverse.

    Args:
      fids: complex (coils, transients, points) of the scan, at least 8 points. A water reference is less suitable: its
        signal reaches into the tail.
      tail: fraction of the points at the end of each FID. Twice as many are taken if there are fewer than
        `SAMPLES_PER_COIL` samples per coil in it. Defaults to `0.25`.

    Returns:
      complex128 (coils, coils), Hermitian and positive definite, in the squared units of the FIDs.

    Raises:
      ValueError: if the shape is wrong, a value is not finite, all values are zero, or `tail` is not in (0, 0.5].

    Warns:
      UserWarning: if there are fewer than 10 independent samples per coil.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> noise = rng.normal(size=(4, 16, 2048)) + 1j * rng.normal(size=(4, 16, 2048))
    >>> noise_covariance(noise).shape
    (4, 4)
    """
    fids = _checked_fids("fids", fids, least_points=8)
    if not 0 < tail <= 0.5:
        raise ValueError(f"`tail` must be above 0 and at most 0.5. Received: tail={tail}. Give for example tail=0.25.")
    coils, transients, points = fids.shape
    length = max(2, round(tail * points))
    if transients * length < SAMPLES_PER_COIL * coils:
        length = min(2 * length, points // 2)
    wanted = max(SAMPLES_PER_COIL * coils, 8192)
    # Evenly spaced, so that a change during the scan is averaged.
    used = np.linspace(0, transients - 1, min(transients, -(-wanted // length))).round().astype(int)
    ends = np.ascontiguousarray(fids[:, used, points - length :], np.complex128)
    # The window keeps strong lines from leaking into all points; half of the samples remain independent.
    window = np.hanning(length + 2)[1:-1]
    ends *= window / np.sqrt(np.mean(window**2))
    spectra = scipy.fft.fft(ends, norm="ortho", overwrite_x=True)
    variance = np.median(np.abs(spectra.reshape(coils, -1)) ** 2, axis=1)
    if not variance.any():
        raise ValueError(
            "`fids` must contain noise. Received: FIDs whose ends are zero in all coils. "
            "Leave zero-filling out, or combine with `covariance=None`, which weighs the noise of all coils equally."
        )
    # Noise power averaged over k transients has a gamma distribution; one point in 100,000 of it is above the limit.
    dead = variance < 1e-12 * variance.max()
    power = np.mean(np.abs(spectra[~dead]) ** 2 / variance[~dead, None, None], axis=(0, 1))
    limit = np.median(power) * np.divide(*scipy.special.gammaincinv(len(used), [1 - 1e-5, 0.5]))
    noise = spectra[:, :, power <= limit].reshape(coils, -1)
    samples = max(1, noise.shape[1] // 2)
    if samples < _SAMPLES_NEEDED_PER_COIL * coils:
        warnings.warn(
            f"The noise covariance of {coils} coils is estimated from {samples} samples; at least "
            f"{_SAMPLES_NEEDED_PER_COIL * coils} are needed to weigh the coils well. "
            "Give a scan with more transients or points.",
            stacklevel=2,
        )
    covariance = (noise @ noise.conj().T) / (2 * noise.shape[1])
    variance = np.diag(covariance).real.copy()
    # An off-diagonal element of n samples has a relative error of 1 / sqrt(n), and `coils` of them add up.
    covariance *= 1 - min(1.0, coils / samples)
    floor = 1e-6 * variance.max()
    np.fill_diagonal(covariance, np.maximum(variance, floor))
    return covariance


def coil_weights(reference: np.ndarray, covariance: np.ndarray | None = None) -> np.ndarray:
    """Computes the weights of the coils that give the combined signal the highest SNR.

    With the sensitivities s of the coils to the voxel and the covariance C of their noise, the weights are
    C^-1 s / (s^H C^-1 s), conjugated (Roemer et al. 1990, doi 10.1002/mrm.1910160203). The sensitivities are the first
    singular vector of the whitened signal (Rodgers and Robson 2010, doi 10.1002/mrm.22230), of all transients and of
    the strongest points rather than the first point alone.

    Scale: ||s|| = 1, so the combined signal is the root sum of squares of the signals of the coils, and
    with one coil its own. Phase: the combined reference has phase 0 at its first point, so a scan from the same
    receiver is nearly in phase.

    Args:
      reference: complex (coils, transients, points), the water reference, or the scan itself if there is none.
      covariance: complex (coils, coils), of the noise between the coils. Defaults to `None`: equal and independent.

    Returns:
      complex128 (coils,), for `combine_coils`.

    Raises:
      ValueError: if shapes disagree, a value is not finite, the reference is zero, or the covariance is not Hermitian
        and positive definite.

    Example:

    >>> water = np.array([1.0, 1.0j])[:, None, None] * np.exp(-np.arange(512) / 50.0)
    >>> np.round(np.abs(combine_coils(water, coil_weights(water))[0, 0]), 3)
    np.float64(1.414)
    """
    reference = _checked_fids("reference", reference)
    if not reference.any():
        raise ValueError(
            "`reference` must contain a signal. Received: zeros. Give the scan itself if its water reference is empty."
        )
    coils, transients, _ = reference.shape
    factor = np.eye(coils) if covariance is None else _cholesky(covariance, coils)
    strongest = _strongest_points(reference)[: max(1, _WEIGHT_COLUMNS // transients)]
    signal = reference[:, :, strongest].reshape(coils, -1).astype(np.complex128)
    whitened = scipy.linalg.solve_triangular(factor, signal, lower=True)
    _, vectors = np.linalg.eigh(whitened @ whitened.conj().T)
    sensitivity = factor @ vectors[:, -1]
    sensitivity /= np.linalg.norm(sensitivity)
    inverse_times_s = scipy.linalg.cho_solve((factor, True), sensitivity)
    weights = (inverse_times_s / np.vdot(sensitivity, inverse_times_s).real).conj()
    return weights * np.exp(-1j * _first_phase(weights, reference[:, :, : strongest.max() + 1]))


def combine_coils(fids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Combines the coils of a scan: the sum over coils of weight times FID.

    Args:
      fids: complex (coils, transients, points).
      weights: complex (coils,), of `coil_weights`.

    Returns:
      complex128 (transients, points), in the units of the FIDs.

    Raises:
      ValueError: if the numbers of coils differ, or a value is not finite.
    """
    weights = check_finite("weights", np.asarray(weights, np.complex128))
    fids = np.asarray(fids)
    if fids.ndim == 3 and weights.shape != fids.shape[:1]:
        raise ValueError(
            "`weights` must have one number per coil of the scan. "
            f"Expected: {fids.shape[0]} coils. Received: weights of {weights.size} coils, shape {weights.shape}. "
            "Give a reference that was measured with the coils of the scan, or compute the weights from the scan."
        )
    fids = _checked_fids("fids", fids)
    combined = np.empty(fids.shape[1:], np.complex128)
    for transient in range(len(combined)):  # in pieces that stay in the processor's cache
        np.matmul(weights, fids[:, transient].astype(np.complex128), out=combined[transient])
    return combined


def _checked_fids(name: str, fids: np.ndarray, least_points: int = 2) -> np.ndarray:
    fids = np.asarray(fids)
    if fids.ndim != 3 or not np.iscomplexobj(fids) or 0 in fids.shape or fids.shape[2] < least_points:
        raise ValueError(
            f"`{name}` must be complex of shape (coils, transients, points), with at least {least_points} points. "
            f"Received: shape {fids.shape}, dtype {fids.dtype}. Give one FID as fid[None, None]."
        )
    # A sum is NaN or infinite where any value is; one pass, without a mask of the size of the scan.
    if np.isfinite(fids.sum()):
        return fids
    return check_finite(name, fids)


def _cholesky(covariance: np.ndarray, coils: int) -> np.ndarray:
    """Returns the lower factor L of the covariance L L^H: complex128 (coils, coils)."""
    covariance = check_finite("covariance", np.asarray(covariance, np.complex128))
    if covariance.shape == (coils, coils) and np.allclose(covariance, covariance.conj().T, rtol=1e-6, atol=0):
        try:
            return np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            pass
    raise ValueError(
        "`covariance` must be a Hermitian, positive definite matrix of one row and column per coil of the reference. "
        f"Expected: ({coils}, {coils}), for {coils} coils. Received: shape {covariance.shape}. "
        "Give that of `noise_covariance` of a scan with the same coils."
    )


def _strongest_points(fids: np.ndarray) -> np.ndarray:
    """Returns the indices of the points whose signal is above 10 % of the power of the strongest, strongest first."""
    power = np.zeros(fids.shape[2])
    for coil in fids:
        power += np.einsum("tp,tp->p", coil.real, coil.real) + np.einsum("tp,tp->p", coil.imag, coil.imag)
    power -= np.median(power[-max(1, len(power) // 4) :])
    order = np.argsort(-power, kind="stable")
    return order[: max(1, np.count_nonzero(power >= 0.1 * power.max()))]


def _first_phase(weights: np.ndarray, fids: np.ndarray) -> float:
    """Returns the phase of the combined signal at its first point in rad, from a line through the strong points."""
    combined = np.tensordot(weights, fids, 1)
    turn = np.angle(np.vdot(combined[:, :-1], combined[:, 1:]))
    return float(np.angle((combined * np.exp(-1j * turn * np.arange(combined.shape[1]))).sum()))
