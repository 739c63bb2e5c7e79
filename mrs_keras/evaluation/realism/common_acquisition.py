"""Brings spectra of two acquisitions to one, in which they can be compared."""

import dataclasses

import numpy as np
import scipy.fft

from mrs_keras.acquisition import Acquisition
from mrs_keras.evaluation.realism.canonical import in_full_band
from mrs_keras.evaluation.realism.spectra import WINDOW_PPM
from mrs_keras.measured.scan_target import FREQUENCY_TOLERANCE

BEFORE_FIRST_S = 0.03
"""Signal before t = 0 that is kept, s: a spectrum that is cut to a window has some."""


def common_acquisition(generated: Acquisition, real: Acquisition) -> Acquisition:
    """Returns the acquisition in which generated and real spectra are compared.

    It is that of the shorter FID, since a longer one can be cut, and its noise stays white; and the window that both
    have.

    Raises:
      ValueError: if the fields differ by more than 0.1 %, or the windows do not both contain 0.2 to 4.2 ppm.
    """
    fields = generated.spectrometer_frequency_mhz, real.spectrometer_frequency_mhz
    if abs(fields[0] / fields[1] - 1) > FREQUENCY_TOLERANCE:
        raise ValueError(
            "Generated and real spectra must be of the same field: the shapes of coupled spins depend on it. "
            f"Expected: {fields[1]:.3f} MHz, as the real spectra. Received: {fields[0]:.3f} MHz, as the model. "
            "Train a model for these scans: `mrs-keras train --like SCAN --build`."
        )
    low = max(generated.ppm_window[0], real.ppm_window[0])
    high = min(generated.ppm_window[1], real.ppm_window[1])
    if low > WINDOW_PPM[0] or high < WINDOW_PPM[1]:
        raise ValueError(
            f"Spectra are compared from {WINDOW_PPM[0]} to {WINDOW_PPM[1]} ppm, which both windows must contain. "
            f"Received: {generated.ppm_window} ppm of the model, {real.ppm_window} ppm of the real spectra. Build the "
            "dataset, or train the model, with a wider window."
        )
    shorter = min((real, generated), key=lambda each: each.points / each.bandwidth_hz)
    return dataclasses.replace(shorter, ppm_window=(low, high))


def at_acquisition(
    spectra: np.ndarray,
    noise_sigma: np.ndarray,
    acquisition: Acquisition,
    target: Acquisition,
    *,
    seed: int = 0,
    split: str = "real",
) -> np.ndarray:
    """Returns spectra as another acquisition would have measured them; the level of their noise stays as it is.

    Where only the window differs, it is cut. Otherwise each spectrum is put into a full band of noise of its own level,
    and its Fourier transform is computed again at the points of the target, from a part of the FID as long as that of
    the target.

    Args:
      spectra: complex (n, acquisition.window_points), with their noise.
      noise_sigma: float (n,).
      acquisition: of the spectra.
      target: of the result, with a FID that is not longer and a window that is not wider.
      seed: of the noise outside of the window. Defaults to `0`.
      split: that noise belongs to. Defaults to `"real"`.

    Returns:
      complex128 (n, target.window_points), in units in which the noise has the same level.
    """
    band = in_full_band(spectra, acquisition, noise_sigma, seed=seed, split=split)
    if (acquisition.bandwidth_hz, acquisition.points) == (target.bandwidth_hz, target.points):
        return band[:, target.window]
    fids = scipy.fft.ifft(scipy.fft.ifftshift(band, axes=-1), norm="ortho")
    kept = min(round(target.points / target.bandwidth_hz * acquisition.bandwidth_hz), acquisition.points)
    sample = np.arange(kept) - round(BEFORE_FIRST_S * acquisition.bandwidth_hz)
    place = np.arange(target.points)[target.window] - target.points // 2
    frequencies_hz = place * target.bandwidth_hz / target.points
    transform = np.exp(-2j * np.pi * np.outer(sample / acquisition.bandwidth_hz, frequencies_hz)) / np.sqrt(kept)
    return fids[:, sample] @ transform
