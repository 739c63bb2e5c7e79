"""Removal of the peak at 0 ppm, which only LCModel's makebasis needs."""

import numpy as np
from scipy.optimize import least_squares

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition

HALF_WINDOW_PPM = 0.2
MIN_HALF_WINDOW_BINS = 10
SEARCH_PPM = 0.1
TAIL_ORDER = 4
START_DECAY = 2 * np.pi  # 1/s: a linewidth of 2 Hz
FOUND_BELOW = 0.2
"""Largest residual of a detected line, relative to that of the tails alone. Measured: 1e-4 with, 0.4 without a peak."""

DECAYS = (0.1, 300.0)  # 1/s: linewidths of 0.03 to 95 Hz


def without_reference_peak(fids: np.ndarray, acquisition: Acquisition, ppm: float = 0.0) -> np.ndarray:
    """Returns FIDs without the singlet at `ppm`; see `Basis.without_reference_peak`.

    Args:
      fids: complex (points, metabolites), in the sign convention of `Basis`.
      acquisition: how they were sampled.
      ppm: where the peak is, ppm. Defaults to `0.0`.

    Returns:
      complex128 (points, metabolites).

    Raises:
      ValueError: if `ppm` is outside the spectrum.
    """
    return np.stack([fid - _singlet(fid, acquisition, ppm) for fid in fids.T], axis=1)


def _singlet(fid: np.ndarray, acquisition: Acquisition, ppm: float) -> np.ndarray:
    """Returns the FID, complex (points,), of the Lorentzian line at a chemical shift."""
    frequency_mhz, bandwidth_hz = acquisition.spectrometer_frequency_mhz, acquisition.bandwidth_hz
    expected_hz = (ppm - PPM_REFERENCE) * frequency_mhz
    bin_hz = bandwidth_hz / acquisition.points
    half_window_hz = max(HALF_WINDOW_PPM * frequency_mhz, MIN_HALF_WINDOW_BINS * bin_hz)
    if not abs(expected_hz) + half_window_hz <= bandwidth_hz / 2:
        reach_ppm = (bandwidth_hz / 2 - half_window_hz) / frequency_mhz
        raise ValueError(
            f"The reference peak must lie inside the spectrum, {half_window_hz:.0f} Hz from its ends. "
            f"Expected: from {PPM_REFERENCE - reach_ppm:.2f} to {PPM_REFERENCE + reach_ppm:.2f} ppm. "
            f"Received: {ppm} ppm. A peak outside does no harm and can stay."
        )
    offsets_hz = np.fft.fftfreq(acquisition.points, 1 / bandwidth_hz) - expected_hz
    window = np.abs(offsets_hz) <= half_window_hz
    offsets_hz = offsets_hz[window]
    spectrum = np.fft.fft(fid)[window]
    if not spectrum.any():
        return np.zeros_like(fid)
    spectrum = spectrum / (size := np.abs(spectrum).max())
    tails = np.polynomial.chebyshev.chebvander(offsets_hz / half_window_hz, TAIL_ORDER).astype(complex)
    times_s = np.arange(acquisition.points) / bandwidth_hz

    def fit(offset_hz: float, log_decay: float) -> tuple[np.ndarray, np.ndarray]:
        """Returns the best-fitting line at a frequency and width, as FID, and the residual of the spectrum."""
        line = np.exp((2j * np.pi * (expected_hz + offset_hz) - np.exp(log_decay)) * times_s)
        design = np.column_stack([np.fft.fft(line)[window], tails])
        weights = np.linalg.lstsq(design, spectrum, rcond=None)[0]
        return line * weights[0], spectrum - design @ weights

    def residuals(x: np.ndarray) -> np.ndarray:
        left = fit(*x)[1]
        return np.concatenate([left.real, left.imag])

    smooth = tails @ np.linalg.lstsq(tails, spectrum, rcond=None)[0]
    search_hz = max(SEARCH_PPM * frequency_mhz, bin_hz)
    sharp = np.abs(spectrum - smooth) * (np.abs(offsets_hz) <= search_hz)
    best = least_squares(
        residuals,
        [offsets_hz[np.argmax(sharp)], np.log(START_DECAY)],
        bounds=([-1.5 * search_hz, np.log(DECAYS[0])], [1.5 * search_hz, np.log(DECAYS[1])]),
        x_scale=[bin_hz, 1.0],
        **dict.fromkeys(("xtol", "ftol", "gtol"), 1e-14),
    )
    line, left = fit(*best.x)
    found = np.linalg.norm(left) <= FOUND_BELOW * np.linalg.norm(spectrum - smooth)
    return line * size if found else np.zeros_like(fid)
