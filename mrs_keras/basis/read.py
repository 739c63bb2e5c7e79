"""Reading a basis of any format."""

import dataclasses
import numbers
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.formats.acquired import check_band
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.detect import FORMATS, SINGLE_FILES, Format, files_of_folder, format_of_file
from mrs_keras.basis.formats.fsl_json import read_fsl_json
from mrs_keras.basis.formats.jmrui import read_jmrui
from mrs_keras.basis.formats.lcmodel import read_lcmodel_basis
from mrs_keras.basis.formats.lcmodel_raw import read_lcmodel_raw
from mrs_keras.basis.formats.npz import read_npz
from mrs_keras.basis.formats.text import read_text_basis
from mrs_keras.basis.wording import argument, setting
from mrs_keras.checks import check_choice

_READERS: dict[str, Callable[..., BasisContents]] = {
    "npz": read_npz,
    "lcmodel_basis": read_lcmodel_basis,
    "lcmodel_raw": read_lcmodel_raw,
    "fsl_json": read_fsl_json,
    "jmrui": read_jmrui,
    "text": read_text_basis,
}

HIGHEST_REFERENCE_PPM = 10.0


def read_basis(
    path: str | os.PathLike,
    *,
    acquisition: Acquisition | None = None,
    format: Format | None = None,
    conjugated: bool | None = None,
    reference_ppm: float = PPM_REFERENCE,
) -> Basis:
    """Reads a basis set in any of these formats, with automatic detection of the format.

    | `format` | files | acquisition | sign | scale |
    |---|---|---|---|---|
    | `"npz"` | file of `Basis.save` | in the file | ours | absolute |
    | `"lcmodel_basis"` | LCModel `.BASIS` file | in the file | conjugate | absolute, as LCModel defines it |
    | `"lcmodel_raw"` | LCModel `.RAW`, file or folder | to be given, unless the header has it | conjugate | absolute |
    | `"fsl_json"` | FSL-MRS JSON, file or folder | in the files | conjugate | as stored |
    | `"jmrui"` | jMRUI text, file or folder | in the files | ours | as stored |
    | `"text"` | two-column text, file or folder | to be given | conjugate, unless `conjugated=False` | as stored |

    A folder contains one file per metabolite; metabolites are in the order of the sorted file names. A basis exported
    to several formats gives the same numbers without any factor, if the exporting program followed the formats: the
    five forms of the 2016 ISMRM fitting challenge agree to a relative L2 error of 2e-5.

    Args:
      path: a file or a folder.
      acquisition: how the signals were sampled, for formats that do not store it. For other formats it replaces that of
        the files (for another `ppm_window`, or more exact numbers) but must not contradict it: equal points; bandwidth
        within 1e-4 and frequency within 0.1 %, or half a unit of the last printed digit, whichever is larger. Defaults
        to `None`: that of the files, with a `ppm_window` of 0.2 to 4.2 ppm; `describe_basis` reports numbers that are
        printed with too few digits.
      format: one of the above. Defaults to `None`: detected from the content, and in a folder from the suffixes.
      conjugated: whether the files contain the complex conjugate of this package's convention (ppm = 4.65 + f / f0).
        Defaults to `None`: as in the table. `check_basis` shows if that was wrong.
      reference_ppm: chemical shift at the spectrometer frequency that the files were written for, ppm, such as `4.68`.
        The FIDs are shifted by its distance from 4.65 ppm, which puts the peaks at the right place on the axis of this
        package. Defaults to `4.65`. `check_basis` shows if that was wrong.

    Returns:
      `Basis` with `fids` of shape (points, metabolites).

    Raises:
      FileNotFoundError: if `path` does not exist.
      ValueError: if it is not a basis, incomplete, inconsistent, ambiguous, of a nucleus other than hydrogen, or
        sampled over more than 200 ppm, which only a wrong unit can explain; the message names file and line.

    Example:

    >>> basis = read_basis("press3T_30ms.BASIS")  # doctest: +SKIP
    >>> basis.acquisition.bandwidth_hz, basis.fids.shape  # doctest: +SKIP
    (4000.0, (2048, 21))
    """
    path = Path(path)
    if format is not None:
        check_choice(argument("format"), format, FORMATS)
    if not (isinstance(reference_ppm, numbers.Real) and 0 <= reference_ppm <= HIGHEST_REFERENCE_PPM):
        raise ValueError(
            f"`{argument('reference_ppm')}` must be a chemical shift from 0 to {HIGHEST_REFERENCE_PPM:g} ppm. "
            f"Received: {setting('reference_ppm', reference_ppm)}. Give for example {setting('reference_ppm', 4.68)}."
        )
    if path.is_dir():
        source, format = files_of_folder(path, format)
    else:
        format = format or format_of_file(path)
        source = path if format in SINGLE_FILES else [path]
    forced = {} if conjugated is None else {"conjugated": conjugated}
    contents = _READERS[format](source, acquisition, **forced)
    check_band(path, None, contents.acquisition.spectrometer_frequency_mhz, contents.acquisition.bandwidth_hz)
    return Basis(**vars(_referenced(contents, float(reference_ppm))))


def _referenced(contents: BasisContents, reference_ppm: float) -> BasisContents:
    """Converts signals written for a spectrometer frequency at `reference_ppm` to one at 4.65 ppm."""
    if reference_ppm == PPM_REFERENCE:
        return contents
    acquisition = contents.acquisition
    shift_hz = (reference_ppm - PPM_REFERENCE) * acquisition.spectrometer_frequency_mhz
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    return dataclasses.replace(
        contents,
        fids=contents.fids * np.exp(2j * np.pi * shift_hz * times_s)[:, None],
        description=f"{contents.description}; moved from {reference_ppm:g} to {PPM_REFERENCE} ppm",
        reading=dataclasses.replace(contents.reading, reference_ppm=reference_ppm),
    )
