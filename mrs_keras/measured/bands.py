"""Transients in a band of the spectrum, and their shift and phase as a factor."""

import numpy as np
import scipy.fft

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_finite, check_positive

METABOLITE_BAND_PPM = (1.8, 4.2)
"""Band that transients are compared in: tNAA, Glx, tCr, tCho, mI, without the lipids and the residual water."""


def turn_back(fids: np.ndarray, shift_hz: np.ndarray, phase_rad: np.ndarray, bandwidth_hz: float) -> np.ndarray:
    """Removes shifts and phases: fids times exp(-i (phase + 2 pi shift t)), t from 0.

    Args:
      fids: complex (transients, points).
      shift_hz: float (transients,), Hz.
      phase_rad: float (transients,), rad.
      bandwidth_hz: sampling rate, Hz.

    Returns:
      complex128 (transients, points).
    """
    transients, points = fids.shape
    fine = 32
    # exp(a + b) = exp(a) exp(b): 32 + points / 32 exponentials per transient.
    turn = -2j * np.pi * np.asarray(shift_hz)[:, None] / bandwidth_hz
    coarse = np.exp(turn * np.arange(0, points, fine) - 1j * np.asarray(phase_rad)[:, None])
    factors = coarse[:, :, None] * np.exp(turn * np.arange(fine))[:, None, :]
    return fids * factors.reshape(transients, -1)[:, :points]


def checked_transients(fids: np.ndarray) -> np.ndarray:
    """Returns `fids` as complex128, or raises `ValueError` unless it is finite, complex (transients, points)."""
    fids = np.asarray(fids)
    if fids.ndim != 2 or not np.iscomplexobj(fids) or 0 in fids.shape:
        raise ValueError(
            "`fids` must be complex of shape (transients, points). "
            f"Received: shape {fids.shape}, dtype {fids.dtype}. "
            "Combine the coils first, with `combine_coils`; give one FID as fid[None]."
        )
    return check_finite("fids", fids).astype(np.complex128, copy=False)


def band_bins(
    points: int, bandwidth_hz: float, spectrometer_frequency_mhz: float, band_ppm: tuple[float, float]
) -> np.ndarray:
    """Returns the indices of a band in the FFT of FIDs zero-filled by an eighth: int (bins,), rising frequency.

    Raises:
      ValueError: if the band is empty, not rising, or extends beyond the spectrum.
    """
    check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 123.2)
    low, high = ((edge - PPM_REFERENCE) * spectrometer_frequency_mhz for edge in band_ppm)
    length = scipy.fft.next_fast_len(points + points // 8)
    first, last = (round(edge * length / bandwidth_hz) for edge in (low, high))
    if not (-length // 2 <= first and first + 8 <= last <= length // 2):
        half = bandwidth_hz / 2 / spectrometer_frequency_mhz
        raise ValueError(
            "`band_ppm` must be (low, high) inside the spectrum, and hold several points of it. "
            f"Expected: within {PPM_REFERENCE - half:.2f} to {PPM_REFERENCE + half:.2f} ppm. Received: "
            f"band_ppm={tuple(band_ppm)}, {last - first} points of {bandwidth_hz / length:.3g} Hz."
        )
    return np.arange(first, last) % length


def in_band(fids: np.ndarray, bins: np.ndarray, bandwidth_hz: float, edge: float = 0.0) -> tuple[np.ndarray, float]:
    """Cuts a band out of FIDs, at the sampling rate of the band.

    Args:
      fids: complex (transients, points).
      bins: of `band_bins`.
      bandwidth_hz: receiver bandwidth, Hz.
      edge: fraction of the band at each end over which it rises from 0 to 1. Defaults to `0.0`: sharp.

    Returns:
      complex (transients, fewer points), frequency 0 at the low end of the band, white noise as white as before; and
      its sampling rate, Hz.
    """
    points = fids.shape[1]
    length = scipy.fft.next_fast_len(points + points // 8)
    # The filled part takes the ringing of the band's edges before t = 0, and is cut off.
    spectra = scipy.fft.fft(fids, length)[:, bins]
    width = round(edge * len(bins))
    if width:
        rise = np.sin(np.pi / 2 * (np.arange(width) + 0.5) / width) ** 2
        spectra[:, :width] *= rise
        spectra[:, -width:] *= rise[::-1]
    band = scipy.fft.ifft(spectra, overwrite_x=True)
    return band[:, : max(2, len(bins) * points // length)], bandwidth_hz * len(bins) / length
