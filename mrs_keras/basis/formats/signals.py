"""Signals read from files, and how a basis is made of them."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault, quoted

MAX_POINTS = 2**20
MAX_METABOLITES = 1024
FREQUENCIES_MHZ = (1.0, 2000.0)
BANDWIDTHS_HZ = (10.0, 1e7)
DEFAULT_PPM_WINDOW = (0.2, 4.2)


@dataclasses.dataclass
class Signal:
    """One metabolite as a file holds it.

    Attributes:
      name: metabolite name.
      fid: complex (points,), in the sign convention of the file.
      path: the file.
      line: number of the line where the signal starts, from 1, or `None`.
      spectrometer_frequency_mhz: as the file says, MHz, or `None` where it does not.
      bandwidth_hz: as the file says, Hz, or `None` where it does not.
    """

    name: str
    fid: np.ndarray
    path: Path
    line: int | None = None
    spectrometer_frequency_mhz: float | None = None
    bandwidth_hz: float | None = None


def to_contents(
    signals: Sequence[Signal], acquisition: Acquisition | None, conjugated: bool, description: str
) -> BasisContents:
    """Returns what a basis of some signals holds, in the sign convention of this package.

    Args:
      signals: at least one.
      acquisition: how the signals were sampled, or `None` if the files say so. The window of the result is then 0.2
        to 4.2 ppm, cut to the band.
      conjugated: whether the FIDs are the complex conjugate of this package's convention.
      description: one line on where the signals come from.

    Raises:
      ValueError: if the signals disagree in acquisition or share a name, if the files do not say how they were sampled
        and `acquisition` does not either, or if they contradict it.
    """
    first = signals[0]
    if len(signals) > MAX_METABOLITES:
        raise fault(first.path.parent, None, f"more than {MAX_METABOLITES} signals. Is this the right folder?")
    seen: dict[str, Signal] = {}
    for signal in signals:
        if not signal.name.strip():
            raise fault(signal.path, signal.line, "a metabolite needs a name. Received an empty one.")
        if signal.name in seen:
            raise fault(
                signal.path,
                signal.line,
                f"the metabolite {quoted(signal.name)} occurs twice, first in '{seen[signal.name].path}'. "
                "Rename or remove one of them.",
            )
        if not np.isfinite(signal.fid).all():
            raise fault(signal.path, signal.line, "the numbers are too large for a FID. Is this the right file?")
        seen[signal.name] = signal
        _check_alike(first, signal)
    settled = _settled(first, acquisition)
    fids = np.stack([signal.fid for signal in signals], axis=1)
    return BasisContents(tuple(seen), fids.conj() if conjugated else fids, settled, description)


def _check_alike(first: Signal, other: Signal) -> None:
    """Raises `ValueError` unless two signals were sampled alike."""
    for what, unit, ours, theirs in (
        ("points", "", len(first.fid), len(other.fid)),
        ("bandwidth", " Hz", first.bandwidth_hz, other.bandwidth_hz),
        ("frequency", " MHz", first.spectrometer_frequency_mhz, other.spectrometer_frequency_mhz),
    ):
        agree = ours == theirs if ours is None or theirs is None else abs(ours - theirs) <= 1e-6 * abs(ours)
        if not agree:
            raise fault(
                other.path,
                other.line,
                f"all signals of a basis must be acquired alike. Expected a {what} of {ours}{unit}, as {first.name} in "
                f"'{first.path}' has. Received: {theirs}{unit} for {other.name}. Keep one acquisition per folder.",
            )


def _settled(signal: Signal, given: Acquisition | None) -> Acquisition:
    """Returns the acquisition of a signal, from its file and from what the caller knows."""
    points, path, line = len(signal.fid), signal.path, signal.line
    if not 2 <= points <= MAX_POINTS:
        raise fault(path, line, f"a FID must have from 2 to {MAX_POINTS} points. Received: {points}.")
    for what, value, (low, high), unit in (
        ("spectrometer frequency", signal.spectrometer_frequency_mhz, FREQUENCIES_MHZ, "MHz"),
        ("bandwidth", signal.bandwidth_hz, BANDWIDTHS_HZ, "Hz"),
    ):
        if value is not None and not low <= value <= high:
            raise fault(
                path,
                line,
                f"this is no {what} of a spectrum. Expected from {low:g} to {high:g} {unit}. Received: {value} {unit}. "
                "Check the unit.",
            )
        if value is None and given is None:
            raise fault(
                path,
                line,
                f"the file does not say its {what}. Give it to the reader, for example "
                "acquisition=Acquisition(spectrometer_frequency_mhz=123.2, bandwidth_hz=4000.0, "
                f"points={points}).",
            )
    if given is not None:
        _check_agrees(signal, given)
        return given
    frequency_mhz, bandwidth_hz = signal.spectrometer_frequency_mhz, signal.bandwidth_hz
    half_band_ppm = bandwidth_hz / 2 / frequency_mhz
    low, high = PPM_REFERENCE - half_band_ppm, PPM_REFERENCE + half_band_ppm
    try:
        window = (max(low, DEFAULT_PPM_WINDOW[0]), min(high, DEFAULT_PPM_WINDOW[1]))
        return Acquisition(frequency_mhz, bandwidth_hz, points, window)
    except ValueError:  # the band has no point there
        return Acquisition(frequency_mhz, bandwidth_hz, points, (low, high))


def _check_agrees(signal: Signal, given: Acquisition) -> None:
    """Raises `ValueError` if a file contradicts the acquisition that the caller gave."""
    for what, value, expected, tolerance in (
        ("points", len(signal.fid), given.points, 0.0),
        ("bandwidth_hz", signal.bandwidth_hz, given.bandwidth_hz, 1e-4),
        ("spectrometer_frequency_mhz", signal.spectrometer_frequency_mhz, given.spectrometer_frequency_mhz, 1e-3),
    ):
        if value is not None and abs(value - expected) > tolerance * expected:
            raise fault(
                signal.path,
                signal.line,
                f"the file contradicts the `acquisition` given. Expected: {what}={expected}. Received: {what}={value}. "
                "Leave `acquisition` out if the file knows better, or correct it.",
            )
