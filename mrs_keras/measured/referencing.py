"""Chemical-shift referencing by NAA, creatine and choline together."""

import dataclasses
import functools
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_finite, check_positive
from mrs_keras.measured.scan import time_axis_s

SINGLETS_PPM: Mapping[str, float] = MappingProxyType({"NAA": 2.008, "Cr": 3.027, "Cho": 3.21})
"""Singlets -> chemical shift, ppm."""
SEARCH_PPM = 0.4
LOWEST_MATCH = 0.8
"""A `Shift.match` below this means that the three singlets were not found."""
GRID_PPM = 0.002
LINE_WIDTHS_HZ = (4.0, 7.0, 12.0, 20.0)


@dataclasses.dataclass(frozen=True)
class Shift:
    """The frequency shift of a spectrum, and how well its singlets match those of brain.

    Args:
      shift_hz: Hz; positive if the spectrum is at higher ppm than it should be.
      match: correlation from 0 to 1 of the spectrum with three lines at the places of NAA, Cr and Cho; below
        `LOWEST_MATCH` the shift is not to be trusted.
    """

    shift_hz: float
    match: float

    @property
    def found(self) -> bool:
        """bool: whether the singlets were found."""
        return self.match >= LOWEST_MATCH


def find_shift(
    fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float, search_ppm: float = SEARCH_PPM
) -> Shift:
    """Finds the frequency shift of a spectrum from NAA, Cr and Cho together.

    The FID is multiplied by a window that rises from 0 over 20 ms and decays within 0.15 s: it suppresses broad signals
    (macromolecules, lipids, baseline) and the tails of water. The shift is that at which the sum of the square roots of
    the magnitude spectrum at the three places has its maximum: the root keeps the tallest peak, whichever it is, from
    deciding alone. The phase does not matter. A parabola gives precision below the grid of 0.002 ppm.

    Args:
      fid: complex (points,), preferably without residual water.
      bandwidth_hz: Hz.
      spectrometer_frequency_mhz: f0, MHz.
      search_ppm: largest shift in either direction, ppm. Defaults to `0.4`.

    Returns:
      `Shift`. `shift_frequency(fid, bandwidth_hz, -shift.shift_hz)` corrects it.

    Raises:
      ValueError: if the FID is not (points,), a value is not finite, or the receiver's band does not contain the peaks.

    Example:

    >>> fid = basis.fids.sum(axis=1)
    >>> before, after = (find_shift(f, 4000.0, 123.2).shift_hz for f in (fid, shift_frequency(fid, 4000.0, 5.0)))
    >>> round(after - before, 1)
    5.0
    """
    return _find_shift(fid, bandwidth_hz, spectrometer_frequency_mhz, search_ppm)[0]


def _find_shift(fid, bandwidth_hz, spectrometer_frequency_mhz, search_ppm=SEARCH_PPM) -> tuple[Shift, float]:
    """Returns the shift, and the sum of the square roots of the peaks there."""
    fid, bandwidth_hz, f0 = checked_fid(fid, bandwidth_hz, spectrometer_frequency_mhz)
    search_ppm = check_positive("search_ppm", search_ppm, SEARCH_PPM)
    places = np.array(list(SINGLETS_PPM.values()))
    low, high = places.min() - search_ppm - 0.2, places.max() + search_ppm + 0.2
    check_band(bandwidth_hz, f0, low, high)
    if not np.any(fid):
        return Shift(0.0, 0.0), 0.0
    ppm = low + GRID_PPM * np.arange(round((high - low) / GRID_PPM) + 1)
    time = time_axis_s(min(len(fid), int(0.5 * bandwidth_hz)), bandwidth_hz)
    magnitude = np.abs(_zoomed(fid[: len(time)] * _window(time), bandwidth_hz, f0, low, GRID_PPM, len(ppm)))
    steps = round(search_ppm / GRID_PPM)
    shifted = (places[:, None] - low) / GRID_PPM + np.arange(-steps, steps + 1)
    score = np.sqrt(np.interp(shifted, np.arange(len(ppm)), magnitude)).sum(axis=0)
    best = int(np.argmax(score))
    shift_ppm = (best - steps + _vertex(score, best)) * GRID_PPM
    match = _match(magnitude, ppm, places + shift_ppm, f0, time)
    return Shift(float(shift_ppm * f0), match), float(score[best])


def shift_frequency(fid: np.ndarray, bandwidth_hz: float, shift_hz: float) -> np.ndarray:
    """Moves a FID by `shift_hz` to higher ppm: multiplies it by exp(2 pi i shift_hz t).

    Args:
      fid: complex (..., points).
      bandwidth_hz: Hz.
      shift_hz: Hz. To undo the shift that `find_shift` found, give it with a minus.

    Returns:
      complex128 (..., points).

    Example:

    >>> shift_frequency(np.ones(4), 4000.0, 1000.0).round(6)
    array([ 1.+0.j,  0.+1.j, -1.+0.j, -0.-1.j])
    """
    fid = np.asarray(fid, np.complex128)
    bandwidth_hz = check_positive("bandwidth_hz", bandwidth_hz, 2000.0)
    shift_hz = check_finite("shift_hz", shift_hz)
    return fid * np.exp(2j * np.pi * shift_hz * time_axis_s(fid.shape[-1], bandwidth_hz))


def looks_conjugated(fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float) -> bool:
    """Tells whether a FID is the complex conjugate of what it should be: its spectrum is mirrored about 4.65 ppm.

    Args:
      fid: complex (points,), preferably without residual water.
      bandwidth_hz: Hz.
      spectrometer_frequency_mhz: f0, MHz.

    Returns:
      `True` if NAA, Cr and Cho are found in the conjugate, and their peaks are higher there: the sum of the square
      roots of their magnitudes by at least 1.3 times, or the match by at least 0.15.

    Raises:
      ValueError: as in `find_shift`.

    Example:

    >>> fid = basis.fids.sum(axis=1)
    >>> looks_conjugated(fid, 4000.0, 123.2), looks_conjugated(fid.conj(), 4000.0, 123.2)
    (False, True)
    """
    fid = np.asarray(fid)
    (as_is, lower), (mirrored, higher) = (
        _find_shift(signal, bandwidth_hz, spectrometer_frequency_mhz) for signal in (fid, fid.conj())
    )
    return bool(mirrored.found and higher > lower and (higher > 1.3 * lower or mirrored.match > as_is.match + 0.15))


def peak_positions_ppm(
    fid: np.ndarray, bandwidth_hz: float, spectrometer_frequency_mhz: float, search_ppm: float = 0.08
) -> dict[str, float]:
    """Measures where NAA, Cr and Cho are: the highest point of the magnitude spectrum near each, by a parabola.

    The FID is multiplied by exp(-(t / 0.25 s)^2) against noise; nothing else is assumed, so this checks what
    `find_shift` did. The tail of Cr moves Cho by about 5 mppm to higher ppm.

    Args:
      fid: complex (points,), without residual water.
      bandwidth_hz: Hz.
      spectrometer_frequency_mhz: f0, MHz.
      search_ppm: largest distance from the place in `SINGLETS_PPM`, ppm. Defaults to `0.08`.

    Returns:
      Name -> ppm; NaN if there is no peak within `search_ppm`.

    Raises:
      ValueError: as in `find_shift`.
    """
    fid, bandwidth_hz, f0 = checked_fid(fid, bandwidth_hz, spectrometer_frequency_mhz)
    places = np.array(list(SINGLETS_PPM.values()))
    check_band(bandwidth_hz, f0, places.min() - search_ppm, places.max() + search_ppm)
    time = time_axis_s(len(fid), bandwidth_hz)
    fid = fid * np.exp(-((time / 0.25) ** 2))
    fid[0] /= 2
    positions = {}
    for name, place in SINGLETS_PPM.items():
        steps = round(search_ppm / GRID_PPM)
        low = place - steps * GRID_PPM
        magnitude = np.abs(_zoomed(fid, bandwidth_hz, f0, low, GRID_PPM, 2 * steps + 1))
        best = int(np.argmax(magnitude))
        inside = 0 < best < 2 * steps
        positions[name] = float(low + (best + _vertex(magnitude, best)) * GRID_PPM) if inside else float("nan")
    return positions


def check_band(bandwidth_hz: float, spectrometer_frequency_mhz: float, low_ppm: float, high_ppm: float) -> None:
    """Raises `ValueError` unless the receiver's band contains all of `low_ppm` to `high_ppm`."""
    half = bandwidth_hz / 2 / spectrometer_frequency_mhz
    if PPM_REFERENCE - half <= low_ppm and high_ppm <= PPM_REFERENCE + half:
        return
    raise ValueError(
        f"The receiver's band must contain {low_ppm:.2f} to {high_ppm:.2f} ppm. "
        f"Received: bandwidth_hz={bandwidth_hz:g}, spectrometer_frequency_mhz={spectrometer_frequency_mhz:g}, "
        f"which is {PPM_REFERENCE - half:.2f} to {PPM_REFERENCE + half:.2f} ppm. "
        "Check both numbers, or use a scan with a wider band."
    )


def checked_fid(fid, bandwidth_hz, spectrometer_frequency_mhz) -> tuple[np.ndarray, float, float]:
    """Returns one FID as complex128 (points,), its bandwidth and spectrometer frequency, or raises `ValueError`."""
    fid = check_finite("fid", np.asarray(fid, np.complex128))
    if fid.ndim != 1 or len(fid) < 2:
        raise ValueError(
            f"`fid` must be one FID, complex (points,). Received: shape {fid.shape}. Average the transients first, and "
            "process spectra one by one."
        )
    return (
        fid,
        check_positive("bandwidth_hz", bandwidth_hz, 2000.0),
        check_positive("spectrometer_frequency_mhz", spectrometer_frequency_mhz, 127.7),
    )


def _zoomed(fid: np.ndarray, bandwidth_hz: float, f0: float, low_ppm: float, step_ppm: float, count: int) -> np.ndarray:
    """Spectrum of a FID at `low_ppm + step_ppm k`, k < count, by the chirp z-transform: complex (count,)."""
    start, step = ((low_ppm - PPM_REFERENCE) * f0 / bandwidth_hz, step_ppm * f0 / bandwidth_hz)
    return _chirp_z(len(fid), count, start, step)(fid)


@functools.lru_cache(maxsize=32)
def _chirp_z(points: int, count: int, start: float, step: float):
    import scipy.signal

    return scipy.signal.CZT(points, count, w=np.exp(-2j * np.pi * step), a=np.exp(2j * np.pi * start))


def _vertex(values: np.ndarray, best: int) -> float:
    """Where the parabola through a maximum and its neighbours has its vertex, in points from the maximum."""
    if not 0 < best < len(values) - 1:
        return 0.0
    before, at, after = values[best - 1 : best + 2]
    curvature = before - 2 * at + after
    return float((before - after) / (2 * curvature)) if curvature < 0 else 0.0


def _window(time: np.ndarray) -> np.ndarray:
    return (1 - np.exp(-((time / 0.02) ** 2))) * np.exp(-((time / 0.15) ** 2))


def _match(magnitude: np.ndarray, ppm: np.ndarray, places: np.ndarray, f0: float, time: np.ndarray) -> float:
    """Correlation of a magnitude spectrum with lines at three places: the best of some line widths, heights free.

    Only the surroundings of NAA, and of Cr and Cho, count, without the straight line through each: tails of water are
    straight there.
    """
    import scipy.optimize

    regions = [np.abs(ppm - places[0]) < 0.12, (ppm > places[1] - 0.12) & (ppm < places[2] + 0.12)]

    def detrended(values):
        parts = []
        for region in regions:
            line = np.stack([np.ones(region.sum()), np.linspace(-1, 1, region.sum())], axis=1)
            line, _ = np.linalg.qr(line)
            parts.append(values[region] - line @ (line.T @ values[region]))
        return np.concatenate(parts)

    measured = detrended(magnitude)
    size = np.linalg.norm(measured)
    if size == 0:
        return 0.0
    best = 0.0
    for width_hz in LINE_WIDTHS_HZ:
        offsets, line = _line(len(time), time[1], width_hz)
        lines = np.stack([detrended(np.interp((ppm - place) * f0, offsets, line)) for place in places], axis=1)
        heights, _ = scipy.optimize.nnls(lines, measured)
        model = lines @ heights
        best = max(best, float(model @ measured) / (np.linalg.norm(model) * size + 1e-300))
    return min(best, 1.0)


@functools.lru_cache(maxsize=32)
def _line(points: int, dwell_s: float, width_hz: float) -> tuple[np.ndarray, np.ndarray]:
    """Magnitude of a Lorentzian line of a width after the window of `find_shift`: offsets in Hz, values."""
    time = np.arange(points) * dwell_s
    offsets = np.arange(-100.0, 100.5, 0.5)
    decay = _window(time) * np.exp(-np.pi * width_hz * time)
    return offsets, np.abs(np.exp(-2j * np.pi * np.multiply.outer(offsets, time)) @ decay)
