"""Alignment of transients in frequency and phase: spectral registration by maximum likelihood."""

import dataclasses

import numpy as np
import scipy.fft
import scipy.ndimage

from mrs_keras.checks import check_positive
from mrs_keras.measured.bands import METABOLITE_BAND_PPM, band_bins, checked_transients, in_band, turn_back

_WATER_TAIL_S = 0.01
"""The search leaves out the beginning of the FID: the tail of unstable residual water in the band decays that fast."""

_EDGE_PPM = 0.1
_SEARCHES = 3
_STEPS = 3
"""Two are enough for the largest drifts; after many, transients align with the noise of the mean at low SNR."""


@dataclasses.dataclass(frozen=True, eq=False)
class Alignment:
    """Aligned transients, and what was found in each: transient m = exp(i (phase_m + 2 pi shift_m t)) signal + noise.

    Args:
      fids: complex128 (transients, points), aligned: the transients times exp(-i (phase + 2 pi shift t)).
      shift_hz: float64 (transients,), frequency of each transient less their mean, Hz. Positive: the transient lay at
        higher ppm than the aligned ones. Transients far from the others do not count in the mean.
      phase_rad: float64 (transients,), phase of each transient at t = 0 relative to their mean, in (-pi, pi].
    """

    fids: np.ndarray
    shift_hz: np.ndarray
    phase_rad: np.ndarray


def align_transients(
    fids: np.ndarray,
    bandwidth_hz: float,
    spectrometer_frequency_mhz: float,
    *,
    band_ppm: tuple[float, float] = METABOLITE_BAND_PPM,
    largest_shift_ppm: float = 0.25,
) -> Alignment:
    """Aligns transients in frequency and phase with each other.

    Spectral registration in the time domain (Near et al. 2015, doi 10.1002/mrm.25094): each transient is shifted and
    phased to fit the mean of all in a band of the spectrum, and again to the better mean. Noise is white, so that least
    squares are maximum likelihood. The start is the highest point of

        |C_m(f)|,  C_m(f) = sum_t conj(mean of the others(t)) transient_m(t) exp(-2 pi i f t)

    on a grid up to the largest shift, since there may be several peaks; Gauss-Newton steps follow, with a free
    amplitude. Late points, where the mean is mostly noise, count little, and transients far from the median do not
    enter the mean. The amplitudes of the transients stay as they are.

    Args:
      fids: complex (transients, points), coils combined.
      bandwidth_hz: receiver bandwidth, Hz.
      spectrometer_frequency_mhz: f0, MHz.
      band_ppm: lowest and highest chemical shift compared, ppm. Defaults to `(1.8, 4.2)`.
      largest_shift_ppm: between a transient and the mean, ppm. Defaults to `0.25`, which is 31 Hz at 3 T.

    Returns:
      `Alignment`. Shifts and phases of a single transient are 0.

    Raises:
      ValueError: if the shape is wrong, a value is not finite, or the band is empty or beyond the spectrum.

    Example:

    >>> time = np.arange(1024) / 2000.0
    >>> naa = np.exp((-2j * np.pi * 2.64 * 123.2 - 20) * time)
    >>> np.abs(align_transients(np.stack([naa, naa * np.exp(6j * np.pi * time)]), 2000.0, 123.2).shift_hz).round(2)
    array([1.5, 1.5])
    """
    fids = checked_transients(fids)
    bins = band_bins(fids.shape[1], bandwidth_hz, spectrometer_frequency_mhz, band_ppm)
    edge = min(0.5, _EDGE_PPM / (band_ppm[1] - band_ppm[0]))
    largest_hz = check_positive("largest_shift_ppm", largest_shift_ppm, 0.25) * spectrometer_frequency_mhz
    transients, points = fids.shape
    shift, phase, weights = np.zeros(transients), np.zeros(transients), np.ones(transients)
    if transients == 1 or not fids.any():
        return Alignment(fids, shift, phase)
    band, rate_hz = in_band(fids, bins, bandwidth_hz, edge)
    power = _energy(band, axis=0) / transients
    noise = np.median(power[-max(1, len(power) // 4) :])
    late = np.arange(len(power)) >= _WATER_TAIL_S * rate_hz
    single = late * _trust(power, noise)
    typical = band[np.argsort(_energy(single * band, axis=1))[transients // 2]]
    found = _search(single * typical.conj() * band, rate_hz, largest_hz)
    for _ in range(_SEARCHES):
        moved = turn_back(band, *found, rate_hz)
        weights = _weights_of_mean(single * moved)
        weighted = weights[:, None] * moved
        total = weighted.sum(axis=0)
        trusted = late * _trust(_energy(total[None], axis=0), noise * weights.sum())
        found = found + _search(trusted * (total - weighted).conj() * moved, rate_hz, largest_hz)
    shift, phase = _centred(found, weights)
    time = np.arange(points) / bandwidth_hz
    for _ in range(_STEPS):
        aligned = turn_back(fids, shift, phase, bandwidth_hz)
        # A shifted transient has other signals at the edges of the band, which is cut out anew at each step.
        band, _ = in_band(aligned, bins, bandwidth_hz, edge)
        weights = _weights_of_mean(single * band)
        mean = aligned[weights > 0].mean(axis=0)
        mean, slope = in_band(np.stack([mean, 2 * np.pi * time * mean]), bins, bandwidth_hz, edge)[0]
        trusted = _trust(_energy(mean[None], axis=0), noise / weights.sum())
        trusted *= _stability(band - mean, noise)
        shift, phase = _centred(np.stack([shift, phase]) + _step(band - mean, mean, slope, trusted), weights)
    return Alignment(turn_back(fids, shift, phase, bandwidth_hz), shift, np.angle(np.exp(1j * phase)))


def _energy(fids: np.ndarray, axis: int) -> np.ndarray:
    return (fids.real**2 + fids.imag**2).sum(axis=axis)


def _trust(power: np.ndarray, noise_power: float) -> np.ndarray:
    """Returns weights of the points of a FID, 0 to 1, from its power: float64 (points,).

    The square of the part of the power that is signal (that of the Wiener filter), smoothed over 1/32 of the points.
    Where the mean is mostly noise, registration would align the noise of the transients; the square was better than
    the part itself at an SNR of 5 to 20.
    """
    width = max(1, len(power) // 32)
    signal = scipy.ndimage.uniform_filter1d(power, width, mode="nearest") - noise_power
    # Less than 4 standard deviations of the smoothed noise power is not counted as signal.
    signal = np.maximum(signal - 4 * noise_power / np.sqrt(width), 0)
    return (signal / (signal + noise_power + np.finfo(float).tiny)) ** 2


def _stability(residual: np.ndarray, noise: float) -> np.ndarray:
    """Returns noise power over the power that varies between transients, such as the tail of residual water: (points,).

    Its broad tail lies in the first points, which then count as little as least squares with their variance require.
    """
    varying = np.median(residual.real**2 + residual.imag**2, axis=0) / np.log(2)
    return 1 / np.maximum(
        1, scipy.ndimage.uniform_filter1d(varying, 3, mode="nearest") / (noise + np.finfo(float).tiny)
    )


def _search(correlation: np.ndarray, rate_hz: float, largest_hz: float) -> np.ndarray:
    """Returns shift in Hz and phase at the highest |C(f)| on a grid of a quarter of the resolution: (2, transients)."""
    length = scipy.fft.next_fast_len(4 * correlation.shape[1])
    reach = min(int(largest_hz / rate_hz * length), length // 2 - 1)
    spectra = scipy.fft.fft(correlation, length)[:, np.arange(-reach, reach + 1)]
    best = np.where(spectra.any(axis=1), np.argmax(np.abs(spectra), axis=1), reach)
    return np.stack([(best - reach) * rate_hz / length, np.angle(spectra[np.arange(len(best)), best])])


def _step(residual: np.ndarray, mean: np.ndarray, slope: np.ndarray, trusted: np.ndarray) -> np.ndarray:
    """Returns the Gauss-Newton step of shift in Hz and phase of each transient, amplitude free: (2, transients)."""
    regressors = np.stack([1j * slope, 1j * mean, mean])
    weighted = (trusted * regressors).conj()
    normal = (weighted @ regressors.T).real
    scale = 1 / np.sqrt(np.diag(normal) + np.finfo(float).tiny)
    normal = normal * scale[:, None] * scale + 1e-9 * np.eye(3)
    return (scale[:, None] * np.linalg.solve(normal, scale[:, None] * (weighted @ residual.T).real))[:2]


def _weights_of_mean(band: np.ndarray) -> np.ndarray:
    """Returns 1 for transients near the median transient, 0 for others: float64 (transients,)."""
    median = np.median(band.real, axis=0) + 1j * np.median(band.imag, axis=0)
    distance = _energy(band - median, axis=1)
    middle = np.median(distance)
    spread = 1.4826 * np.median(np.abs(distance - middle))
    # With few transients, or little noise, the spread may be near 0; a tenth of the signal does no harm.
    limit = max(middle + 6 * spread, 1.5 * middle, middle + 0.1 * _energy(median[None], axis=1)[0])
    return np.where(distance <= limit, 1.0, 0.0)


def _centred(found: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns shifts and phases relative to their mean, since a shift common to all transients cannot be seen."""
    shift, phase = found
    mean_phase = np.angle(np.average(np.exp(1j * phase), weights=weights))
    return shift - np.average(shift, weights=weights), phase - mean_phase
