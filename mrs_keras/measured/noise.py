"""The noise of a measured spectrum: its level, and whether it is white."""

import dataclasses
import functools
import itertools

import numpy as np

from mrs_keras.checks import check_finite, check_positive
from mrs_keras.measured.scan import ppm_axis
from mrs_keras.simulation.forward import fid_to_spectrum

SIGNAL_FREE_PPM = ((-1.0, 9.0), (-1.0, 6.5))
"""Limits, ppm: the region below the first and above the second; the second pair where the first leaves few points."""

BAND_EDGE = 0.1
"""Outer share of the receiver's band, on both sides, that is left out: the roll-off of digital filters."""

REGION_POINTS = 100
"""Smallest number of points of the signal-free region."""

FILLED_REGION_POINTS = 16
"""The same of the measured part of a zero-filled FID, which has fewer points."""

SIGNAL_S = (0.03, 0.1)
"""Where the weight of the FID rises from 0 to 1, s: broad lines and the wings of water are over by then."""

SEGMENTS = 4
"""Parts of the FID whose noise is compared."""

THRESHOLD = 3.5
"""Deviation, in standard deviations of white noise, from which noise is called correlated."""

COLOUR = 2.0
"""Ratio of the noise power of two parts of the band from which the noise is called filtered."""

OUTLIER = 12.0
"""Power of a point over that of the noise from which it is a line; white noise exceeds it once in 160,000 points."""

QUIET = 0.02
"""Magnitude over the noise below which points at the end of the FID are filled in, not measured."""


@dataclasses.dataclass(frozen=True)
class Noise:
    """The noise of a spectrum in its signal-free region.

    Attributes:
      sigma: standard deviation of the real part, and of the imaginary part, of a point of the orthonormal spectrum of
        `fid_to_spectrum`, in the units of the signal. For white noise, that of a point of the FID, too.
      lag1: real part of the autocorrelation of neighbouring complex points of the noise in the spectrum; 0 for white
        noise. Zero filling to twice the points also leaves it at 0, and is told from the FID.
      white: whether nothing speaks against white noise.
      reason: what does, in words; `None` if `white`.
    """

    sigma: float
    lag1: float
    white: bool
    reason: str | None = None


def measure_noise(fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float) -> Noise:
    """Measures the noise of an averaged spectrum in its signal-free region.

    The region is that above 9 ppm and below -1 ppm (above 6.5 ppm where the band is narrow), without the outer tenth of
    the receiver's band at either end. What is left of the signal there, from the wings of water to broad amides and
    first-point errors, lasts for less than 0.1 s: a smooth weight removes the beginning of the FID, and spectral points
    of more than 12 times the mean power (spurious lines) are left out. White noise has the same variance at all times,
    so that the rest gives its level without bias.

    Noise is white if its points in the FID are independent and of one variance. It is called correlated if

    - the end of the FID is filled (zero filling), or
    - the noise falls or rises along the FID (apodisation), by the trend of the power of four parts, or
    - `lag1` deviates from 0, or
    - the inner and the outer half of the region differ by a factor of 2 in median power (filter, resampling),

    the last three at 3.5 standard deviations of white noise. For white noise, that is rarer than 1 in 100.

    Args:
      fid: complex (points,), averaged over transients, coils combined, with the receiver's own bandwidth and points, t
        = 0 first.
      bandwidth_hz: receiver bandwidth, Hz.
      spectrometer_frequency_mhz: f0, MHz.

    Returns:
      `Noise`. If it is zero-filled, `sigma` is that of the zero-filled spectrum. If it is apodised, most of the noise
      is at the beginning of the FID, where the signal is, too: `sigma` and `lag1` are then those of the region less a
      polynomial of degree 5, and approximate; what is left of the signal can make `sigma` several times too large.

    Raises:
      ValueError: if the FID is not complex (points,), not finite or zero, or the band leaves fewer than 100 points
        without signal.

    Example:

    >>> rng = np.random.default_rng(0)
    >>> measure_noise(rng.normal(size=(2048, 2)) @ [1, 1j], 2000.0, 127.7).white
    True
    """
    bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    f0 = check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 127.7)
    fid = check_fid(fid)
    points = len(fid)
    measured = _measured_points(fid, bandwidth_hz, f0)
    noise = _measure(fid[:measured], bandwidth_hz, f0, REGION_POINTS if measured == points else FILLED_REGION_POINTS)
    if measured == points:
        return noise
    filled = points - measured
    # The noise of a point is spread over more points; its correlation is that of the rectangle that cuts the FID.
    lag1 = np.cos(2 * np.pi * np.arange(measured) / points).mean()
    return Noise(
        sigma=float(noise.sigma * np.sqrt(measured / points)),
        lag1=float(lag1),
        white=False,
        reason=f"zero-filled: the last {filled} of {points} points of the FID carry no noise"
        + ("" if noise.white else f"; and the {measured} before them: {noise.reason}"),
    )


def check_fid(fid: np.ndarray, name: str = "fid") -> np.ndarray:
    """Returns `fid` as complex128 (points,), or raises `ValueError` if it is not complex, (points,), finite, not 0."""
    fid = np.asarray(fid)
    if fid.ndim != 1 or not np.iscomplexobj(fid):
        raise ValueError(
            f"`{name}` must be one averaged FID with its coils combined, complex of shape (points,). "
            f"Received: shape {fid.shape}, dtype {fid.dtype}. Combine and average it first."
        )
    check_finite(name, fid)
    if not np.any(fid):
        raise ValueError(
            f"`{name}` must carry a signal. Received: {len(fid)} points that are all 0. Leave the scan out."
        )
    return fid.astype(np.complex128)


def signal_free_region(
    points: int, bandwidth_hz: float, spectrometer_frequency_mhz: float, at_least: int = REGION_POINTS
) -> np.ndarray:
    """Returns which points of a spectrum, in the order of rising ppm, carry only noise: bool (points,).

    Raises:
      ValueError: if they are fewer than `at_least`.
    """
    ppm = ppm_axis(points, bandwidth_hz, spectrometer_frequency_mhz)
    inside = np.abs(np.arange(points) - points // 2) <= (1 - BAND_EDGE) * points / 2
    for low, high in SIGNAL_FREE_PPM:
        region = inside & ((ppm < low) | (ppm > high))
        if region.sum() >= at_least:
            return region
    raise ValueError(
        f"The noise needs a region of at least {at_least} points without signal, below {low} or above {high} ppm. "
        f"Received: {region.sum()} points there, of {points} from {ppm[0]:.1f} to {ppm[-1]:.1f} ppm "
        f"(bandwidth_hz={bandwidth_hz}). Give the FID at the receiver's own bandwidth, before resampling."
    )


def _measure(fid: np.ndarray, bandwidth_hz: float, f0: float, at_least: int) -> Noise:
    points = len(fid)
    region = signal_free_region(points, bandwidth_hz, f0, at_least)
    weights = _time_weights(points, bandwidth_hz)
    spectra = fid_to_spectrum(weights * fid)[:, region]
    power = np.abs(spectra) ** 2
    energy = (weights**2).mean(axis=1)
    if not np.all(np.median(power, axis=1) > 0):
        return Noise(0.0, 0.0, False, "no noise: the signal-free region is 0 for part of the FID or all of it")
    kept = np.ones(power.shape[1], bool)
    for _ in range(4):
        # Means of the points below a limit, from medians that lines do not reach.
        level = np.median(power[:, kept], axis=1) / np.log(2)
        lines = (power > OUTLIER * level[:, None]).any(axis=0)
        lines = _with_skirts(lines)
        if lines.sum() >= len(kept) / 2 or not np.any(lines & kept):
            break
        kept &= ~lines
    # Per point of the FID: real and imaginary part together.
    variance = power[:, kept].mean(axis=1) / energy
    freedom = kept.sum() * energy**2 / (weights**4).mean(axis=1)

    # The trend of the log of the power: noise of relative variance 1 / freedom.
    logs = np.log(variance[1:])
    contrast = np.arange(SEGMENTS) - (SEGMENTS - 1) / 2
    trend = contrast @ logs / np.sqrt(contrast**2 @ (1 / freedom[1:]))
    falls = abs(trend) > THRESHOLD

    pairs = kept[1:] & kept[:-1] & (np.diff(np.flatnonzero(region)) == 1)
    if falls:
        # Most of the noise is where the signal is, too.
        left = _without_polynomials(fid_to_spectrum(fid)[region], region)
        total = np.median(np.abs(left[kept]) ** 2) / np.log(2)
        lag1 = _lag1(left, pairs)
    else:
        total = variance[0]
        # The weight alone gives zero-mean noise a correlation, which is taken off.
        phases = np.cos(2 * np.pi * np.arange(points) / points)
        lag1 = _lag1(spectra[0], pairs) * energy[0] - (weights[0] ** 2 * phases).mean()
    lag1_deviation = np.sqrt((weights[0] ** 4).mean() / (2 * pairs.sum()))

    distance = np.abs(np.flatnonzero(region) - points // 2)
    outer = distance > np.median(distance)
    # Medians, of relative variance 1 / ln(2)^2 per point, without the search for lines: it takes loud bands for lines.
    ratio = np.log(np.median(power[0, ~outer]) / np.median(power[0, outer]))
    colour_deviation = np.sqrt(2 / (freedom[0] * len(kept) / kept.sum() / 2)) / np.log(2)

    reason = None
    if falls:
        change = np.exp(abs(logs[-1] - logs[0]) / 2)
        reason = (
            f"apodised: from the first to the last quarter of the FID the noise falls by a factor of {change:.3g}"
            if trend < 0
            else f"the noise rises along the FID, by a factor of {change:.3g}"
        )
    elif abs(ratio) > max(np.log(COLOUR), THRESHOLD * colour_deviation):
        reason = (
            "filtered: the noise of the inner half of the signal-free region is "
            f"{np.exp(ratio / 2):.3g} times that of the outer half"
        )
    elif abs(lag1) > THRESHOLD * lag1_deviation:
        reason = f"correlated: neighbouring points of the spectrum have a correlation of {lag1:.2f}"
    return Noise(float(np.sqrt(total / 2)), float(lag1), reason is None, reason)


@functools.lru_cache(maxsize=16)
def _time_weights(points: int, bandwidth_hz: float) -> np.ndarray:
    """Returns smooth weights of a FID, float64 (1 + SEGMENTS, points): all but its beginning, and parts of that."""
    duration = points / bandwidth_hz
    times = (np.arange(points) + 0.5) / bandwidth_hz

    def ramp(start, stop):
        # With three continuous derivatives: a strong line at the other end of the band leaks by the fifth power.
        x = np.clip((times - start) / (stop - start), 0, 1)
        return x**4 * (35 - 84 * x + 70 * x**2 - 20 * x**3)

    start, full = min(SIGNAL_S[0], 0.12 * duration), min(SIGNAL_S[1], 0.4 * duration)
    weights = [ramp(start, full) * ramp(duration, duration - start)]
    edges = np.linspace(full, duration, SEGMENTS + 1)
    width = 0.45 * (edges[1] - edges[0])
    weights += [ramp(a, a + width) * ramp(b, b - width) for a, b in itertools.pairwise(edges)]
    weights = np.stack(weights)
    weights.setflags(write=False)
    return weights


def _with_skirts(lines: np.ndarray) -> np.ndarray:
    """Returns which points are lines or as near to one as it is wide, and at least two points near."""
    edges = np.flatnonzero(np.diff(lines.astype(int), prepend=0, append=0))
    wide = lines.copy()
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        margin = max(2, stop - start)
        wide[max(start - margin, 0) : stop + margin] = True
    return wide


def _lag1(spectrum: np.ndarray, pairs: np.ndarray) -> float:
    product = (spectrum[1:].conj() * spectrum[:-1]).real[pairs].mean()
    return product / (np.abs(spectrum[1:][pairs]) ** 2).mean()


def _without_polynomials(spectrum: np.ndarray, region: np.ndarray, degree: int = 5) -> np.ndarray:
    """Returns the points of a region without a polynomial in each of its bands, the variance of white noise kept."""
    index = np.flatnonzero(region)
    left = spectrum.copy()
    for band in np.split(np.arange(len(index)), np.flatnonzero(np.diff(index) > 1) + 1):
        terms = min(degree + 1, len(band) // 8)
        columns = np.linalg.qr(np.vander(np.linspace(-1, 1, len(band)), terms))[0]
        left[band] -= columns @ (columns.T @ left[band])
        left[band] *= np.sqrt(len(band) / (len(band) - terms))
    return left


def _measured_points(fid: np.ndarray, bandwidth_hz: float, f0: float) -> int:
    """Returns the number of points of a FID before those that are filled in at its end."""
    points = len(fid)
    # Noise of all of the FID, whose filled part makes it smaller, but far less than 50 times.
    spectrum = fid_to_spectrum(fid)[signal_free_region(points, bandwidth_hz, f0)]
    differences = np.abs(np.diff(spectrum, 2)) ** 2 / 6
    sigma = np.sqrt(np.median(differences) / (2 * np.log(2)))
    loud = np.flatnonzero(np.abs(fid) > QUIET * sigma)
    if not len(loud) or points - loud[-1] - 1 < 8:
        return points
    measured = loud[-1] + 1
    # An apodised FID becomes as quiet as that, too, but not from one point to the next.
    before, after = (np.linalg.norm(part) for part in (fid[max(measured - 8, 0) : measured], fid[measured:][:8]))
    return measured if before > 20 * after else points
