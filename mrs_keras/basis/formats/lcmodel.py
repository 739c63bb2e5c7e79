"""LCModel `.BASIS` files: all metabolites in one file, in the frequency domain."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault, twice
from mrs_keras.basis.formats.namelist import (
    FORTRAN_FORMAT,
    Group,
    printed_hzpppm,
    read_groups,
    write_group,
    write_numbers,
)
from mrs_keras.basis.formats.printed import printed_bandwidth, single_precision
from mrs_keras.basis.formats.signals import MAX_POINTS, Signal, to_contents
from mrs_keras.basis.formats.source_text import read_lines

CONJUGATED = True
"""LCModel's frequency axis is the reverse of ours: a positive frequency is at a lower chemical shift."""

ZERO_FILLED_ENERGY = 1e-8
"""A second half with less than this fraction of the energy is zero filling. Rounding to 5 digits leaves 1e-10."""

SCRAMBLED_LOG_RATIO = 3.0
"""Median |log| of the ratio of neighbouring points: 5.9 in scrambled data, below 1 in spectra."""


def read_lcmodel_basis(
    path: Path, acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads an LCModel `.BASIS` file.

    The format is defined by LCModel 6.3 (Provencher 1993, doi 10.1002/mrm.1910300604; source code published in 2021,
    routines MYBASI and CFFTIN). A namelist $BASIS1 gives the dwell time `BADELT` in s and the points `NDATAB`, $SEQPAR
    the spectrometer frequency `HZPPPM` in MHz. Each namelist $BASIS is followed by the `NDATAB` complex points F_k of
    one spectrum, in the order of the FFT, and the FID is

        x_n = TRAMP / (VOLUME CONC) / sqrt(NDATAB) sum_k F_(k + ISHIFT) exp(2 pi i k n / NDATAB)

    in LCModel's sign convention, the conjugate of ours. The transform is unitary, so the scale is that of the `.RAW`
    files from which LCModel's makebasis created the file, per mM (other programs may use another scale, common to all
    metabolites). LCModel pads the FID with zeros to twice its length: a second half that is zero to the accuracy of the
    file is dropped. A negative `BADELT` marks the scrambled files that come with LCModel; they are unscrambled as in
    LCModel. LCModel computes in single precision; `BADELT` and `HZPPPM` are rounded back to the intended numbers.

    Args:
      path: the file.
      acquisition: replaces that of the file and must agree with it (see `read_basis`). Defaults to `None`: that of the
        file.
      conjugated: whether the file contains the complex conjugate of this package's convention. Defaults to `True`.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of the file.

    Raises:
      ValueError: if the file is not such a basis, or is incomplete.
    """
    lines = read_lines(path)
    groups = read_groups(path, lines)
    if not (headers := [group for group in groups if group.name == "BASIS1"]):
        raise fault(path, 1, "no namelist $BASIS1. Expected an LCModel .BASIS file.")
    if len(headers) > 1:
        raise twice(path, "$BASIS1", headers[0].line, headers[1].line)
    header = headers[0]
    dwell_s = header.number("BADELT")
    points = header.number("NDATAB")
    if not dwell_s:
        raise fault(path, header.line_of("BADELT"), f"`BADELT` must be the dwell time in s. Received: {dwell_s}.")
    if points is None or points != int(points) or not 2 <= points <= MAX_POINTS:
        raise fault(
            path,
            header.line_of("NDATAB"),
            f"`NDATAB` must be a whole number of points from 2 to {MAX_POINTS}. Received: {points}.",
        )
    points = int(points)
    sequence = next((group for group in groups if group.name == "SEQPAR"), None)
    frequency = sequence and printed_hzpppm(sequence)
    printed_dwell = header.text("BADELT").lstrip("+-")
    bandwidth = printed_bandwidth(f"BADELT = {printed_dwell} s", printed_dwell, single_precision(abs(dwell_s)))

    spectra = [group for group in groups if group.name == "BASIS"]
    if not spectra:
        raise fault(path, len(lines), "no namelist $BASIS, hence no metabolite. The file may be truncated.")
    with np.errstate(all="ignore"):  # `to_contents` reports overflows
        fids = _without_zero_filling(np.stack([_fid(group, lines, header, points) for group in spectra]))
    signals = [
        Signal(group.text("METABO"), fid, path, group.line, frequency, bandwidth)
        for group, fid in zip(spectra, fids, strict=True)
    ]
    description = " ".join(header.text("IDBASI", "").split()) or f"LCModel basis '{path.name}'"
    return to_contents(signals, acquisition, conjugated, description)


def write_lcmodel_basis(basis: BasisContents, path: Path) -> None:
    """Writes a basis as an LCModel `.BASIS` file; `read_lcmodel_basis` reads it back.

    Each FID is padded with zeros to twice its length, as LCModel requires, and written with 9 digits. `IDBASI` is the
    first 80 characters of the description. `ppm_window` is not kept.
    """
    acquisition = basis.acquisition
    points = 2 * acquisition.points
    spectra = np.fft.fft(basis.fids.conj(), points, axis=0, norm="ortho")
    blocks = [
        write_group("SEQPAR", FWHMBA=-1.0, HZPPPM=acquisition.spectrometer_frequency_mhz, ECHOT=-1.0, SEQ=" "),
        write_group(
            "BASIS1",
            IDBASI=" ".join(basis.description.split())[:80] or " ",
            FMTBAS=FORTRAN_FORMAT,
            BADELT=1 / acquisition.bandwidth_hz,
            NDATAB=points,
        ),
    ]
    for name, spectrum in zip(basis.names, spectra.T, strict=True):
        blocks += [
            write_group("NMUSED", FILRAW=f"{name}.RAW"),
            write_group("BASIS", ID=name, METABO=name, CONC=1.0, TRAMP=1.0, VOLUME=1.0, ISHIFT=0),
            write_numbers(spectrum),
        ]
    path.write_text("".join(blocks), encoding="utf-8")


def _fid(group: Group, lines: Sequence[str], header: Group, points: int) -> np.ndarray:
    """Returns the FID of one $BASIS group, complex (points,), in LCModel's sign convention."""
    spectrum = group.complex_numbers(lines, header.text("FMTBAS", ""), points)
    if header.number("BADELT") < 0:
        spectrum = _unscrambled(spectrum)
    shift = group.number("ISHIFT", 0.0)
    if shift != int(shift):
        raise fault(group.path, group.line_of("ISHIFT"), f"`ISHIFT` must be a whole number. Received: {shift}.")
    spectrum = np.roll(spectrum, -int(shift) % points)
    scale = group.positive("TRAMP") / (group.positive("VOLUME") * group.positive("CONC"))
    return np.fft.ifft(spectrum, norm="ortho") * scale


def _unscrambled(spectrum: np.ndarray) -> np.ndarray:
    """Returns a scrambled spectrum as LCModel 6.3 unscrambles it (routine MYBASI).

    It multiplies point j by -exp(10 - 20 u_j), where the u_j come from the generator of Schrage (1979, doi
    10.1145/355826.355828), x -> 16807 x mod (2^31 - 1), from x = 1499. A spectrum with similar neighbouring points is
    not scrambled, whatever the sign of `BADELT`, and is returned unchanged.
    """
    magnitudes = np.abs(spectrum) + 1e-300
    if np.median(np.abs(np.diff(np.log(magnitudes)))) < SCRAMBLED_LOG_RATIO:
        return spectrum
    return -spectrum * np.exp(10 - 20 * _uniform(len(spectrum)))


@functools.lru_cache(maxsize=4)
def _uniform(count: int) -> np.ndarray:
    """Returns the first numbers of LCModel's generator: float64 (count,), between 0 and 1."""
    states, state = [], 1499
    for _ in range(count):
        state = 16807 * state % (2**31 - 1)
        states.append(state)
    return np.array(states) / (2**31 - 1)


def _without_zero_filling(fids: np.ndarray) -> np.ndarray:
    """Returns FIDs (metabolites, points) without their second half if it is empty."""
    points = fids.shape[1]
    largest = np.abs(fids).max(axis=1, keepdims=True)
    energies = np.abs(fids / np.where(largest, largest, 1)) ** 2
    empty = energies[:, points // 2 :].sum(axis=1) <= ZERO_FILLED_ENERGY * energies.sum(axis=1)
    return fids[:, : points // 2] if points % 4 == 0 and empty.all() else fids
