"""The noise that is inside the compared window, by the power of the spectrum along time."""

import numpy as np
import scipy.fft

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.canonical import CanonicalSpectra

SIGNAL_FREE = (0.5, 0.9)
"""Part of the duration of the FID in which the power is that of the noise: lines are over by 0.5 s at 1 s of it."""


def noise_power(spectra: CanonicalSpectra, acquisition: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """Returns the power of spectra along time, in multiples of that of white noise of their declared level.

    It is the squared magnitude of the inverse Fourier transform of the window of 0.2 to 4.2 ppm, under a Hann taper.
    White noise of the right level is 1 at all times: noise that falls along time was smoothed, and a spectrum without
    noise falls to 0.

    Args:
      spectra: in their canonical form.
      acquisition: of the whole band.

    Returns:
      times in s, float64 (points,), and the power, float64 (n, points).
    """
    points = spectra.spectra.shape[1]
    # Without its zeros at the ends.
    taper = np.hanning(points + 2)[1:-1]
    fids = scipy.fft.ifft(taper * spectra.spectra, norm="ortho")
    power = np.abs(fids) ** 2 / (2 * spectra.noise_sigma[:, None] ** 2 * (taper**2).mean())
    return np.arange(points) / points * acquisition.points / acquisition.bandwidth_hz, power


def noise_level_and_lag1(spectra: CanonicalSpectra, acquisition: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """Returns what the noise inside the window is like, from the power along time after the signal is over.

    Returns:
      The level of the noise over the declared one, 1 if it is right, and the lag-1 autocorrelation of neighbouring
      points of the spectrum that it has beyond that of white noise, each float64 (n,).
    """
    _, power = noise_power(spectra, acquisition)
    share = np.arange(power.shape[1]) / power.shape[1]
    kept = (share >= SIGNAL_FREE[0]) & (share <= SIGNAL_FREE[1])
    power, phases = power[:, kept], np.cos(2 * np.pi * share[kept])
    total = power.mean(axis=1)
    lag1 = (power * phases).mean(axis=1) / np.where(total > 0, total, 1) - phases.mean()
    return np.sqrt(total), lag1
