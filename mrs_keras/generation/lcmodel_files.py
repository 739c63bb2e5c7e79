"""The files of a spectrum for LCModel: `.RAW`, control file, and a basis that it can hold."""

import math

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import BROAD_SIGNALS, Basis
from mrs_keras.basis.formats.namelist import FORTRAN_FORMAT, write_group, write_numbers

BASIS_FILE = "basis.BASIS"

LONGEST_NAME = 6
"""Characters of a metabolite's name in LCModel (MCHMET)."""

MOST_POINTS, MOST_METABOLITES = 65_536, 100
"""Limits of LCModel 6.3 as published (MUNFIL, MMETAB)."""

KEY = 210387309
"""The licence key that comes with LCModel since its author made it free for all."""

ANALYSIS_PPM = (0.2, 4.0)
"""Range in ppm that LCModel fits by default."""


def check_lcmodel(names: tuple[str, ...], points: int) -> None:
    """Raises `ValueError` if LCModel cannot hold a basis of these names, or this number of points."""
    long = [name for name in names if len(name) > LONGEST_NAME or not name.isascii() or "'" in name]
    if long:
        raise ValueError(
            f"LCModel has room for {LONGEST_NAME} plain characters in the name of a metabolite. "
            f"Received: {', '.join(long)}. Rename them in the basis, and give its file."
        )
    if points > MOST_POINTS or len(names) > MOST_METABOLITES:
        raise ValueError(
            f"LCModel holds at most {MOST_POINTS} points and {MOST_METABOLITES} metabolites. "
            f"Received: {points} points, {len(names)} metabolites. Choose another format."
        )


def without_broad_signals(basis: Basis) -> Basis:
    """Returns the basis without macromolecules and lipids, since LCModel simulates its own beside it."""
    metabolites = [name for name in basis.names if name not in BROAD_SIGNALS]
    return basis.select(metabolites) if metabolites else basis


def raw_text(name: str, fid: np.ndarray, acquisition: Acquisition, echo_time_ms: float | None) -> str:
    """Returns the namelists and numbers of a .RAW file; LCModel's sign convention is the conjugate of ours."""
    groups = [
        write_group(
            "SEQPAR",
            HZPPPM=acquisition.spectrometer_frequency_mhz,
            ECHOT=float(echo_time_ms or -1.0),
            SEQ=" ",
        ),
        write_group("NMID", ID=name, FMTDAT=FORTRAN_FORMAT, TRAMP=1.0, VOLUME=1.0),
    ]
    return "".join([*groups, write_numbers(fid.astype(np.complex128).conj())])


def settings_of(acquisition: Acquisition, names: tuple[str, ...]) -> dict[str, str | float | int]:
    """Returns what the control files of spectra of an acquisition have in common, with a basis of these names."""
    low, high = acquisition.ppm_window
    reference = "Cr+PCr" if {"Cr", "PCr"} <= set(names) else next((n for n in ("Cr", "PCr") if n in names), names[0])
    return {
        "HZPPPM": acquisition.spectrometer_frequency_mhz,
        "DELTAT": 1 / acquisition.bandwidth_hz,
        "NUNFIL": acquisition.points,
        "PPMST": min(ANALYSIS_PPM[1], math.floor(1000 * high) / 1000),
        "PPMEND": max(ANALYSIS_PPM[0], math.ceil(1000 * low) / 1000),
        "NAMREL": reference,
    }


def control_text(name: str, title: str, settings: dict[str, str | float | int]) -> str:
    """Returns the control file of a spectrum. Without a water reference, LCModel corrects and scales nothing by it."""
    files = {
        "FILRAW": f"{name}.RAW",
        "FILBAS": BASIS_FILE,
        "FILTAB": f"{name}.table",
        "LTABLE": 7,
        "FILCOO": f"{name}.coord",
        "LCOORD": 9,
        "FILPS": f"{name}.ps",
        "LPS": 8,
    }
    return write_group("LCMODL", KEY=KEY, TITLE=title, **files, **settings)
