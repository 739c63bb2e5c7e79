"""LCModel `.RAW` files: one file per metabolite, in the time domain."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.formats.namelist import (
    FORTRAN_FORMAT,
    Group,
    printed_hzpppm,
    read_groups,
    write_group,
    write_numbers,
)
from mrs_keras.basis.formats.printed import Printed, finest, printed_bandwidth
from mrs_keras.basis.formats.signals import Signal, to_contents
from mrs_keras.basis.formats.source_text import read_lines

CONJUGATED = True
"""As in `.BASIS` files: a positive frequency is at a lower chemical shift."""

DWELL_TIME_KEYS = ("DELTAT", "DWELLTIME")
POINTS_KEYS = ("NUNFIL", "NUMBEROFPOINTS")
"""Keys that some programs write into the header: those of LCModel's control files, and those of FID-A and FSL-MRS."""


def read_lcmodel_raw(
    files: Sequence[Path], acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads a basis from LCModel `.RAW` files.

    A namelist $NMID is followed by the real and imaginary parts of the FID (LCModel 6.3, routine MYDATA), to be
    multiplied by `TRAMP / VOLUME`, and conjugated if `BRUKER` is true. The name of a metabolite is that of its file,
    since the `ID` is free text. The files contain no bandwidth and mostly no frequency. If a header has them, in any
    namelist, they are used: `HZPPPM` in MHz, `DELTAT` or `dwellTime` in s, `NUNFIL` or `NumberOfPoints`.

    Args:
      files: one per metabolite.
      acquisition: frequency, bandwidth and points of the files. Defaults to `None`: those in the files.
      conjugated: whether the files contain the complex conjugate of this package's convention. Defaults to `True`.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of `files`.

    Raises:
      ValueError: if a file is not such a file or incomplete, if the files disagree, or if neither they nor
        `acquisition` define the sampling.
    """
    return to_contents(
        [read_raw_signal(path) for path in files],
        acquisition,
        conjugated,
        f"LCModel .RAW files in '{files[0].parent.name}'",
    )


def write_lcmodel_raw(basis: BasisContents, folder: Path) -> None:
    """Writes a basis to a folder of LCModel `.RAW` files, with 9 digits.

    LCModel's format has no place for the bandwidth: `read_lcmodel_raw` needs `acquisition` to read them back.
    """
    folder.mkdir(parents=True)
    frequency_mhz = basis.acquisition.spectrometer_frequency_mhz
    for name, fid in zip(basis.names, basis.fids.T, strict=True):
        text = "".join(
            [
                write_group("SEQPAR", HZPPPM=frequency_mhz, ECHOT=-1.0, SEQ=" "),
                write_group("NMID", ID=name, FMTDAT=FORTRAN_FORMAT, TRAMP=1.0, VOLUME=1.0),
                write_numbers(fid.conj()),
            ]
        )
        (folder / f"{name}.RAW").write_text(text, encoding="utf-8")


def read_raw_signal(path: Path) -> Signal:
    """Reads the FID of one .RAW file, in LCModel's sign convention, and what its header says of the sampling.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is not such a file, or incomplete.
    """
    lines = read_lines(path)
    groups = read_groups(path, lines)
    header = next((group for group in groups if group.name == "NMID"), None)
    if header is None:
        raise fault(path, 1, "no namelist $NMID. Expected an LCModel .RAW file.")
    if header.flag("SEQACQ"):
        raise fault(path, header.line_of("SEQACQ"), "`SEQACQ` (sequential sampling) is not supported.")
    fid = header.complex_numbers(lines, header.text("FMTDAT", ""))
    with np.errstate(all="ignore"):  # `to_contents` reports overflows
        fid = fid * (header.positive("TRAMP") / header.positive("VOLUME"))
    if header.flag("BRUKER"):
        fid = fid.conj()
    points, line = _first(groups, POINTS_KEYS)
    if points is not None and points != len(fid):
        raise fault(
            path,
            line,
            f"the header says {points:g} points, but {len(fid)} follow. The file may be truncated: export it again.",
        )
    frequencies = [(printed, group.line_of("HZPPPM")) for group in groups if (printed := printed_hzpppm(group))]
    bandwidths = [
        (printed_bandwidth(f"{key} = {group.text(key)} s", group.text(key), group.positive(key)), group.line_of(key))
        for group in groups
        for key in DWELL_TIME_KEYS
        if key in group.values
    ]
    return Signal(path.stem, fid, path, header.data[0] + 1, _agreed(path, frequencies), _agreed(path, bandwidths))


def _agreed(path: Path, found: Sequence[tuple[Printed, int]]) -> Printed | None:
    """Returns the most exact of the numbers that a header has for a quantity, or `None` if there is none."""
    for printed, line in found:
        if not printed.overlaps(found[0][0]):
            raise fault(
                path,
                line,
                f"the header contradicts itself. Expected as above: {found[0][0].text}. Received: {printed.text}. "
                "Correct one of them.",
            )
    return finest(printed for printed, _ in found) if found else None


def _first(groups: Sequence[Group], keys: Sequence[str]) -> tuple[float | None, int | None]:
    """Returns the first number in a header under one of several keys, and its line."""
    for group in groups:
        for key in keys:
            if key in group.values:
                return group.number(key), group.line_of(key)
    return None, None
