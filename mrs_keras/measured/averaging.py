"""Averaging of aligned transients without those that were corrupted, for example by motion."""

import numpy as np
import scipy.ndimage

from mrs_keras.checks import check_positive
from mrs_keras.measured.bands import METABOLITE_BAND_PPM, band_bins, checked_transients, in_band


def outliers(
    fids: np.ndarray,
    bandwidth_hz: float | None = None,
    spectrometer_frequency_mhz: float | None = None,
    *,
    band_ppm: tuple[float, float] = METABOLITE_BAND_PPM,
    threshold: float = 4.0,
    least_change: float = 0.1,
    most: float = 0.25,
) -> np.ndarray:
    """Finds aligned transients that differ from the others by more than noise.

    Each transient is fitted by a complex amplitude times the median transient. It is rejected if its amplitude, or the
    energy of what the fit leaves over where the median transient has its signal, is `threshold` robust standard
    deviations from the median of all transients (median absolute deviation, Leys et al. 2013,
    doi 10.1016/j.jesp.2013.03.013). No standard deviation is taken smaller than that which the noise alone causes, so
    that few transients with a small spread by chance do not reject each other.

    Args:
      fids: complex (transients, points), aligned.
      bandwidth_hz: receiver bandwidth, Hz. Defaults to `None`: the whole spectrum is compared, residual water too.
      spectrometer_frequency_mhz: f0, MHz; given with `bandwidth_hz`. Defaults to `None`.
      band_ppm: lowest and highest chemical shift compared, ppm. Defaults to `(1.8, 4.2)`.
      threshold: in standard deviations, above 0. Defaults to `4.0`: one transient in 1,000 of white noise.
      least_change: a transient that differs by less than this fraction of the signal is kept, however significant the
        difference: it does no harm. Defaults to `0.1`.
      most: largest fraction of the transients that is rejected; if more differ, those that differ most. Defaults to
        `0.25`.

    Returns:
      bool (transients,), `True` for those to keep. Fewer than four transients are all kept.

    Raises:
      ValueError: if the shape is wrong, a value is not finite, only one of bandwidth and frequency is given, or a
        setting is out of range.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> fids = np.exp(-np.arange(512) / 50.0) + 0.1 * rng.normal(size=(8, 512, 2)).view(complex)[..., 0]
    >>> fids[3] *= 0.5
    >>> outliers(fids).tolist()
    [True, True, True, False, True, True, True, True]
    """
    fids = checked_transients(fids)
    check_positive("threshold", threshold, 4.0)
    if not (0 <= least_change < 1 and 0 <= most < 1):
        raise ValueError(
            "`least_change` and `most` are fractions from 0 to below 1. "
            f"Received: least_change={least_change}, most={most}. Give for example least_change=0.1, most=0.25."
        )
    if (bandwidth_hz is None) != (spectrometer_frequency_mhz is None):
        raise ValueError(
            "Give `bandwidth_hz` and `spectrometer_frequency_mhz` together, or neither. "
            f"Received: bandwidth_hz={bandwidth_hz}, spectrometer_frequency_mhz={spectrometer_frequency_mhz}."
        )
    transients = len(fids)
    if bandwidth_hz is not None:
        bins = band_bins(fids.shape[1], bandwidth_hz, spectrometer_frequency_mhz, band_ppm)
        fids, _ = in_band(fids, bins, bandwidth_hz)
    if transients < 4 or not fids.any():
        return np.ones(transients, bool)
    score = np.maximum(*_deviations(fids, least_change)) / threshold
    kept = score <= 1
    spare = transients - int(most * transients)
    if kept.sum() < spare:
        kept[:] = False
        kept[np.argsort(score, kind="stable")[:spare]] = True
    return kept


def average(fids: np.ndarray, kept: np.ndarray | None = None) -> np.ndarray:
    """Averages transients.

    Args:
      fids: complex (transients, points), aligned.
      kept: bool (transients,), of `outliers`. Defaults to `None`: all.

    Returns:
      complex128 (points,), the mean: the signal of one transient, with less noise.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or no transient is kept.
    """
    fids = checked_transients(fids)
    if kept is None:
        return fids.mean(axis=0)
    kept = np.asarray(kept)
    if kept.shape != fids.shape[:1] or kept.dtype != bool or not kept.any():
        raise ValueError(
            "`kept` must have one bool per transient, `True` for at least one. "
            f"Expected shape: ({len(fids)},). Received: shape {kept.shape}, dtype {kept.dtype}, "
            f"{np.count_nonzero(kept)} kept. Give the result of `outliers` for the same transients."
        )
    return fids[kept].mean(axis=0)


def _deviations(fids: np.ndarray, least_change: float) -> tuple[np.ndarray, np.ndarray]:
    """Returns how far amplitude and residual of each transient are off, in robust deviations: 2 of (transients,)."""
    transients, points = fids.shape
    median = np.median(fids.real, axis=0) + 1j * np.median(fids.imag, axis=0)
    # Power of the complex noise; the median of an exponential distribution is log(2) times its mean.
    noise = np.median(np.abs(fids - median) ** 2) / np.log(2)
    noise = max(noise, np.finfo(float).tiny)
    width = max(1, points // 32)
    envelope = scipy.ndimage.uniform_filter1d(np.abs(median) ** 2, width, mode="nearest")
    envelope /= envelope.max()
    energy = (np.abs(median) ** 2).sum()
    amplitude = (fids * median.conj()).sum(axis=1) / energy
    amplitude_off = amplitude - (np.median(amplitude.real) + 1j * np.median(amplitude.imag))
    parts = np.stack([amplitude_off.real, amplitude_off.imag])
    spread = _few(transients) * np.maximum(_robust_deviation(parts), np.sqrt(noise / (2 * energy)))
    amplitude_score = np.sqrt(((parts / spread[:, None]) ** 2).sum(axis=0))
    residual = (np.abs(fids - amplitude[:, None] * median) ** 2 * envelope).sum(axis=1)
    residual_off = residual - np.median(residual)
    # The power of complex noise has a standard deviation equal to its mean.
    spread = _few(transients) * max(_robust_deviation(residual_off[None])[0], noise * np.sqrt((envelope**2).sum()))
    residual_score = residual_off / spread
    amplitude_score[np.abs(amplitude_off) < least_change] = 0
    residual_score[residual_off < least_change**2 * (np.abs(median) ** 2 * envelope).sum()] = 0
    return amplitude_score, residual_score


def _robust_deviation(values: np.ndarray) -> np.ndarray:
    """Returns 1.4826 times the median absolute deviation of each row: float64 (rows,)."""
    centre = np.median(values, axis=1, keepdims=True)
    return 1.4826 * np.median(np.abs(values - centre), axis=1)


def _few(transients: int) -> float:
    """Returns the correction for few values (Croux and Rousseeuw 1992, doi 10.1007/978-3-662-26811-7_58)."""
    return transients / (transients - 0.8)
