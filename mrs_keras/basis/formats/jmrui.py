"""jMRUI text: a header, then the FID and its spectrum in columns."""

from collections.abc import Sequence
from pathlib import Path

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault, quoted, twice
from mrs_keras.basis.formats.nucleus import check_proton, field_of, isotope
from mrs_keras.basis.formats.printed import printed_bandwidth, printed_frequency
from mrs_keras.basis.formats.signals import MAX_METABOLITES, MAX_POINTS, Signal, to_contents
from mrs_keras.basis.formats.source_text import parse_columns, parse_number, read_lines

CONJUGATED = False
"""jMRUI has the sign convention of this package: the challenge's jMRUI files are the conjugate of its LCModel files."""

TITLE = "jmrui data textfile"
KEYS = (
    "PointsInDataset",
    "DatasetsInFile",
    "SamplingInterval",
    "BeginTime",
    "TransmitterFrequency",
    "MagneticField",
    "TypeOfNucleus",
    "SignalNames",
)
"""The header entries that are read."""

SUMMARY_FILE = "jmrui-text_output_summary.txt"
"""A file that Vespa-Simulation writes beside its jMRUI exports; it contains no signal."""


def read_jmrui(
    files: Sequence[Path], acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads a basis from jMRUI text files.

    The format (jMRUI manual; http://www.jmrui.eu) names `SamplingInterval` in ms, `TransmitterFrequency` in Hz,
    `PointsInDataset` and `DatasetsInFile`. After a line `Signal 1 out of 1 in file` come the points: real and imaginary
    part of the FID, and, ignored here, of its spectrum. `ZeroOrderPhase`, which is for display, is also ignored. The
    name of a metabolite is that of its file, or, in a file with several datasets, that in `SignalNames`. The numbers
    have arbitrary units and are not rescaled. A file of a nucleus other than hydrogen is refused: by `TypeOfNucleus`,
    or, if that is a number code, by `TransmitterFrequency` over `MagneticField`.

    Args:
      files: one per metabolite, or one with all.
      acquisition: replaces that of the files and must agree with it (see `read_basis`). Defaults to `None`: that of
        the files.
      conjugated: whether the files contain the complex conjugate of this package's convention. Defaults to `False`.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of `files`.

    Raises:
      ValueError: if a file is not jMRUI text or incomplete, if its nucleus is not hydrogen, or if the files disagree in
        acquisition.
    """
    signals = [signal for path in files for signal in _read(path)]
    return to_contents(signals, acquisition, conjugated, f"jMRUI files in '{files[0].parent.name}'")


def is_jmrui(text: str) -> bool:
    """Returns whether a text starts like a jMRUI file."""
    return text.lstrip()[: len(TITLE)].lower() == TITLE


def _read(path: Path) -> list[Signal]:
    """Reads all signals of one file."""
    lines = read_lines(path)
    header, first = _header(path, lines)
    points = _count(path, header, "PointsInDataset", MAX_POINTS)
    datasets = _count(path, header, "DatasetsInFile", MAX_METABOLITES)
    interval_ms, transmitter_hz = (_positive(path, header, key) for key in ("SamplingInterval", "TransmitterFrequency"))
    token = header["SamplingInterval"][0]
    bandwidth = printed_bandwidth(f"SamplingInterval: {token} ms", token, interval_ms / 1e3, 1e-3)
    token = header["TransmitterFrequency"][0]
    frequency = printed_frequency(f"TransmitterFrequency: {token} Hz", token, transmitter_hz / 1e6, 1e-6)
    nucleus, line = header.get("TypeOfNucleus", ("", None))
    field, field_line = header.get("MagneticField", ("", None))
    check_proton(path, line if isotope(nucleus) else field_line, nucleus, frequency.value, field_of(field))
    begin, line = header.get("BeginTime", ("0", None))
    if parse_number(begin) != 0:
        raise fault(path, line, f"`BeginTime` must be 0: a basis starts at the echo. Received: {quoted(begin)}.")

    signals = []
    for index in range(datasets):
        start, stop = first, first + points
        block = lines[start:stop]
        if len(block) < points or any(not row.strip() or row.startswith("Signal") for row in block):
            found = next((k for k, row in enumerate(block) if not row.strip() or row.startswith("Signal")), len(block))
            raise fault(
                path,
                start + found,
                f"the file ends too early. Expected: {points} points (`PointsInDataset`) in signal {index + 1} of "
                f"{datasets}. Received: {found}. Export it again.",
            )
        fid = parse_columns(path, start + 1, block, columns=[2, 4])
        signals.append(Signal("", fid, path, start + 1, frequency, bandwidth))
        first = _next_signal(path, lines, stop, last=index + 1 == datasets)
    for signal, name in zip(signals, _names(path, header, datasets), strict=True):
        signal.name = name
    return signals


def _header(path: Path, lines: Sequence[str]) -> tuple[dict[str, tuple[str, int]], int]:
    """Returns the header as name -> (value, line number), and the index of the first line of numbers."""
    header = {}
    for index, line in enumerate(lines):
        if line.startswith("Signal ") and " out of " in line:
            return header, index + 1
        name, colon, value = line.partition(":")
        entry = (value.strip(), index + 1)
        if colon and header.setdefault(name.strip(), entry)[0] != entry[0] and name.strip() in KEYS:
            raise twice(path, name.strip(), header[name.strip()][1], index + 1)
    raise fault(
        path,
        len(lines),
        "no line 'Signal 1 out of 1 in file'. Expected a jMRUI text file with header and points. Export it again.",
    )


def _next_signal(path: Path, lines: Sequence[str], index: int, last: bool) -> int:
    """Returns the index of the first line of the next signal's numbers, after empty lines and its title."""
    while index < len(lines) and not lines[index].strip():
        index += 1
    if not last and index < len(lines) and lines[index].startswith("Signal"):
        return index + 1
    if last and index == len(lines):
        return index
    expected = "the end of the file" if last else "a line 'Signal ... out of ... in file'"
    received = quoted(lines[index].strip()) if index < len(lines) else "the end of the file"
    raise fault(
        path,
        min(index + 1, len(lines)),
        f"`PointsInDataset` or `DatasetsInFile` is wrong. Expected here: {expected}. Received: {received}.",
    )


def _positive(path: Path, header: dict, name: str) -> float:
    """Returns a positive number of the header."""
    text, line = header.get(name, (None, None))
    value = None if text is None else parse_number(text)
    if value is None or value <= 0:
        received = "nothing" if text is None else quoted(text)
        raise fault(path, line, f"`{name}` must be a positive number. Received: {received}. Export the file again.")
    return value


def _count(path: Path, header: dict, name: str, most: int) -> int:
    """Returns a whole number of the header, from 1 to `most`."""
    value = _positive(path, header, name)
    if value > most or value != int(value):
        raise fault(path, header[name][1], f"`{name}` must be a whole number up to {most}. Received: {value:g}.")
    return int(value)


def _names(path: Path, header: dict, datasets: int) -> list[str]:
    """Returns the metabolite names of the signals in a file."""
    if datasets == 1:
        return [path.stem]
    text, line = header.get("SignalNames", ("", None))
    names = [name.strip().removesuffix(".txt") for name in text.rstrip("; ").split(";")]
    if len(names) != datasets:
        raise fault(
            path,
            line,
            f"`SignalNames` must name every signal, separated by ';'. Expected: {datasets} names (`DatasetsInFile`). "
            f"Received: {len(names) if text else 0}.",
        )
    return names
