"""Resampling of FIDs to the bandwidth and number of points of an acquisition."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.checks import check_count, check_finite, check_positive
from mrs_keras.measured.referencing import check_band

PRECURSOR_POINTS = 64
"""Points of the signal before the first point that are kept at the end of a resampled FID."""


@dataclasses.dataclass(frozen=True)
class ResampledNoise:
    """What resampling does to white noise.

    Args:
      factor: standard deviation of the noise of a point of the spectrum after resampling over that before, both as
        `fid_to_spectrum` transforms it.
      white: whether the noise of different points is still independent; it is not after zero-filling.
    """

    factor: float
    white: bool


def resample(fid: np.ndarray, bandwidth_hz: float, acquisition: Acquisition) -> np.ndarray:
    """Resamples FIDs to the bandwidth and number of points of an acquisition.

    The bandwidth changes by cropping the spectrum, or by padding it with zeros; noise and water outside the new band
    do not fold into it. The FID keeps its amplitudes; then it is truncated, or filled with zeros at its end. Zeros are
    first appended to the FID unless the crop alone gives the bandwidth and the points wanted: the spectrum becomes
    finer (about twice at most), so that the crop has the bandwidth wanted within 1e-6 at any ratio.

    A FID in a limited band oscillates also just before its first point. As in any FFT, that part is at the end of the
    result; `PRECURSOR_POINTS` of it are kept. The first point is halved before and doubled after. So the spectrum by
    `fid_to_spectrum` is that of the FID as it was, within the new band: tones of 2.5 Hz of width and more, inside the
    window, to 1e-3 of their height, and in the noise of rounding where the crop alone suffices. (FSL-MRS crops the
    spectrum without halving: its FIDs differ in the first point only, its spectra by a constant.)

    Args:
      fid: complex (..., points).
      bandwidth_hz: Hz, of `fid`.
      acquisition: bandwidth and points wanted; its `ppm_window` must be inside the receiver's band.

    Returns:
      complex128 (..., acquisition.points).

    Raises:
      ValueError: if the receiver's band does not contain the window of the acquisition, there are fewer than two
        points, or a value is not finite.

    Example:

    >>> resample(np.ones((3, 2048), complex), 4000.0, Acquisition(bandwidth_hz=2000.0, points=1024)).shape
    (3, 1024)
    """
    import scipy.fft

    fid = check_finite("fid", np.asarray(fid, np.complex128))
    bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    check_count("points", fid.shape[-1], 2048, at_least=2)
    check_band(bandwidth_hz, acquisition.spectrometer_frequency_mhz, *acquisition.ppm_window)
    fine, kept = _lengths(fid.shape[-1], bandwidth_hz, acquisition)
    before_first = 0
    if kept != fine:
        fid = fid.copy()
        fid[..., 0] /= 2
        # Not shifted: positive frequencies are first, negative ones last.
        spectrum = scipy.fft.fft(fid, fine)
        shared = min(fine, kept)
        positive, negative = (shared + 1) // 2, shared // 2
        resampled = np.zeros((*fid.shape[:-1], kept), np.complex128)
        resampled[..., :positive] = spectrum[..., :positive]
        resampled[..., kept - negative :] = spectrum[..., fine - negative :]
        fid = scipy.fft.ifft(resampled) * (kept / fine)
        fid[..., 0] *= 2
        before_first = 0 if kept == acquisition.points else min(PRECURSOR_POINTS, acquisition.points // 2)
    result = np.zeros((*fid.shape[:-1], acquisition.points), np.complex128)
    points = min(acquisition.points, fid.shape[-1] - before_first)
    result[..., :points] = fid[..., :points]
    if before_first:
        result[..., -before_first:] += fid[..., -before_first:]
    return result


def resampled_noise(points: int, bandwidth_hz: float, acquisition: Acquisition) -> ResampledNoise:
    """Computes what `resample` does to white noise.

    The factor is sqrt(new bandwidth / old bandwidth), times sqrt(share of the new points that were measured) after
    zero-filling. With a wider band than the receiver's, it is that inside the receiver's band; there is no noise
    outside.

    Args:
      points: of the FID.
      bandwidth_hz: Hz, of the FID.
      acquisition: bandwidth and points after resampling.

    Returns:
      `ResampledNoise`.

    Example:

    >>> resampled_noise(2048, 4000.0, Acquisition(bandwidth_hz=2000.0, points=1024))
    ResampledNoise(factor=0.7071067811865476, white=True)
    """
    ratio = acquisition.bandwidth_hz / check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    measured = check_count("points", points, 2048, at_least=2) * ratio / acquisition.points
    # Rounding of the ratio must not turn the noise of an unchanged duration into correlated noise.
    white = bool(measured >= 1 - 1.5 / acquisition.points)
    return ResampledNoise(float(np.sqrt(ratio * min(measured, 1.0))), white)


def _lengths(points: int, old_hz: float, acquisition: Acquisition) -> tuple[int, int]:
    """Number of points of the FID with zeros appended, and how many points of its spectrum the new bandwidth has."""
    ratio = acquisition.bandwidth_hz / old_hz
    if ratio == 1:
        return points, points
    if abs(points * ratio - acquisition.points) <= 1e-9 * acquisition.points:
        return points, acquisition.points
    first = points + int(np.ceil(PRECURSOR_POINTS / ratio))
    candidates = np.arange(first, first + points + 1)
    exact = candidates * ratio
    off = np.abs(exact - np.rint(exact)) / exact
    best = int(np.argmax(off <= max(off.min(), 1e-9)))
    return int(candidates[best]), round(exact[best])
