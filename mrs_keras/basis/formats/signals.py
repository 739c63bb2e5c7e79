"""Signals read from files, and their assembly to a basis."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.acquired import settle
from mrs_keras.basis.formats.contents import BasisContents, Reading
from mrs_keras.basis.formats.fault import fault, quoted
from mrs_keras.basis.formats.printed import Printed, finest

MAX_POINTS = 2**20
MAX_METABOLITES = 1024


@dataclasses.dataclass
class Signal:
    """One metabolite as stored in a file.

    Attributes:
      name: metabolite name.
      fid: complex (points,), in the sign convention of the file.
      path: the file.
      line: line number where the signal starts, from 1, or `None`.
      frequency: spectrometer frequency as printed in the file, MHz, or `None` if it is missing.
      bandwidth: as printed in the file, Hz, or `None` if it is missing.
    """

    name: str
    fid: np.ndarray
    path: Path
    line: int | None = None
    frequency: Printed | None = None
    bandwidth: Printed | None = None

    @property
    def place(self) -> str:
        """str: file and line, for messages."""
        return f"'{self.path}'" + ("" if self.line is None else f", line {self.line}")


def to_contents(
    signals: Sequence[Signal], acquisition: Acquisition | None, conjugated: bool, description: str
) -> BasisContents:
    """Returns the contents of a basis of these signals, in the sign convention of this package.

    Args:
      signals: at least one.
      acquisition: how the signals were sampled, or `None` for that of the files. The window of the result is then 0.2
        to 4.2 ppm, cut to the band.
      conjugated: whether the FIDs are the complex conjugate of this package's convention.
      description: one line on the origin of the signals.

    Raises:
      ValueError: if the signals disagree in acquisition or share a name, if neither the files nor `acquisition` define
        the sampling, or if they contradict each other.
    """
    if len(signals) > MAX_METABOLITES:
        raise fault(signals[0].path.parent, None, f"more than {MAX_METABOLITES} signals. Is this the right folder?")
    seen: dict[str, Signal] = {}
    for signal in signals:
        if not signal.name.strip():
            raise fault(signal.path, signal.line, "a metabolite needs a name. Received an empty one.")
        if signal.name in seen:
            raise fault(
                signal.path,
                signal.line,
                f"the metabolite {quoted(signal.name)} occurs twice, first in {seen[signal.name].place}. "
                "Rename or remove one of them.",
            )
        if not np.isfinite(signal.fid).all():
            raise fault(signal.path, signal.line, "the numbers are too large for a FID. Is this the right file?")
        seen[signal.name] = signal
    first, frequency, bandwidth = _common(signals)
    points = len(first.fid)
    if not 2 <= points <= MAX_POINTS:
        raise fault(first.path, first.line, f"a FID must have from 2 to {MAX_POINTS} points. Received: {points}.")
    settled = settle(first.path, first.line, points, frequency, bandwidth, acquisition)
    printed = {} if acquisition else {"spectrometer frequency": frequency, "bandwidth": bandwidth}
    coarse = {what: number for what, number in printed.items() if number.coarse}
    fids = np.stack([signal.fid for signal in signals], axis=1)
    return BasisContents(
        tuple(seen), fids.conj() if conjugated else fids, settled, description, Reading(conjugated, coarse=coarse)
    )


def _common(signals: Sequence[Signal]) -> tuple[Signal, Printed | None, Printed | None]:
    """Returns the first signal, and the frequency and bandwidth of all, as the most exact file prints them.

    Raises `ValueError` if two signals were sampled differently.
    """
    first = signals[0]
    for other in signals[1:]:
        if len(other.fid) != len(first.fid):
            raise _unlike("points", first, len(first.fid), other, len(other.fid))
    settings = []
    for what, key, unit in (("bandwidth", "bandwidth", "Hz"), ("frequency", "frequency", "MHz")):
        numbers = [getattr(signal, key) for signal in signals]
        exact = finest([number for number in numbers if number is not None]) if any(numbers) else None
        one = signals[numbers.index(exact)]
        for other, number in zip(signals, numbers, strict=True):
            alike = number is exact if number is None or exact is None else number.overlaps(exact)
            if not alike:
                values = ("nothing" if value is None else f"{value.value} {unit}" for value in (exact, number))
                raise _unlike(what, one, next(values), other, next(values))
        settings.append(exact)
    bandwidth, frequency = settings
    return first, frequency, bandwidth


def _unlike(what: str, one: Signal, expected: object, other: Signal, received: object) -> ValueError:
    return fault(
        other.path,
        other.line,
        f"all signals of a basis must have the same acquisition. Expected a {what} of {expected}, as {one.name} in "
        f"'{one.path}' has. Received: {received} for {other.name}. Keep one acquisition per folder.",
    )
