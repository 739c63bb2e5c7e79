"""The mean residual of fits."""

import numpy as np

from mrs_keras.fitting.in_vivo_fits import InVivoFits

NOISE_WEIGHT = 3.0
"""How many times its noise must exceed the mean signal at a time, in power, for any of it to be kept."""


def mean_residual(fits: InVivoFits, heights: np.ndarray, inliers: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns what fits leave over in the mean, and how much of it each fit has.

    Residuals are brought to phase 0 and divided by the height of their spectra. The mean carries the noise of the fits
    it is made of, which a classifier finds in whatever it is added to; so the time-domain signal of the mean is
    multiplied by max(0, 1 - 3 v / |mean|^2) at each time, where v is the variance of the mean over fits: a Wiener
    filter that keeps what is surely common (after Wiener 1949; positive-part shrinkage of James and Stein 1961).

    Args:
      fits: of `n` spectra.
      heights: float (n,), tallest point of each fit without baseline.
      inliers: int, numbers of the fits that the mean is over.

    Returns:
      residual complex (window_points,), relative to the height of a spectrum, and coefficients complex (n,): the
      projection of each fit's residual on it, in the units of the spectra, with the fit's zero-order phase.
    """
    frequency_hz = fits.acquisition.frequency_axis_hz[fits.acquisition.window]
    unturned = np.exp(1j * (fits.phi0[:, None] + fits.phi1[:, None] * frequency_hz))
    aligned = (fits.residual * unturned / heights[:, None])[inliers]
    signals = np.fft.ifft(aligned, axis=1)
    mean = signals.mean(axis=0)
    power = np.abs(mean) ** 2
    variance = (np.abs(signals - mean) ** 2).sum(axis=0) / (len(inliers) - 1) / len(inliers)
    kept = np.maximum(0.0, 1 - NOISE_WEIGHT * variance / np.maximum(power, 1e-300))
    residual = np.fft.fft(kept * mean)
    norm = np.vdot(residual, residual).real
    coefficients = fits.residual @ residual.conj() / norm if norm > 0 else np.zeros(len(fits), complex)
    return residual, coefficients
