"""Reading a basis of any format."""

import os
from collections.abc import Callable
from pathlib import Path

from mrs_keras.acquisition import Acquisition
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
from mrs_keras.basis.wording import argument
from mrs_keras.checks import check_choice

_READERS: dict[str, Callable[..., BasisContents]] = {
    "npz": read_npz,
    "lcmodel_basis": read_lcmodel_basis,
    "lcmodel_raw": read_lcmodel_raw,
    "fsl_json": read_fsl_json,
    "jmrui": read_jmrui,
    "text": read_text_basis,
}


def read_basis(
    path: str | os.PathLike,
    *,
    acquisition: Acquisition | None = None,
    format: Format | None = None,
    conjugated: bool | None = None,
) -> Basis:
    """Reads a basis set of any of these formats, and tells by itself which one it is.

    | `format` | what | acquisition | sign | scale |
    |---|---|---|---|---|
    | `"npz"` | file of `Basis.save` | in the file | ours | absolute |
    | `"lcmodel_basis"` | LCModel `.BASIS` file | in the file | conjugate | absolute, as LCModel defines it |
    | `"lcmodel_raw"` | LCModel `.RAW`, file or folder | to be given, unless the header has it | conjugate | absolute |
    | `"fsl_json"` | FSL-MRS JSON, file or folder | in the files | conjugate | as stored |
    | `"jmrui"` | jMRUI text, file or folder | in the files | ours | as stored |
    | `"text"` | two-column text, file or folder | to be given | conjugate, unless `conjugated=False` | as stored |

    A folder holds one file per metabolite; metabolites come in the order of the sorted file names. What one program has
    exported to several formats agrees here without any factor, if that program followed the formats: the five forms of
    the 2016 ISMRM fitting challenge agree to a relative L2 error of 2e-5.

    Args:
      path: a file or a folder.
      acquisition: how the signals were sampled, for formats that do not say so. Where the files do, it takes their
        place (for another `ppm_window`, or more exact numbers), but may not contradict them: equal points; bandwidth to
        1e-4 and frequency to 0.1 %, or to half a unit of the last digit that the file prints, whatever is more.
        Defaults to `None`: as the files say, with a `ppm_window` of 0.2 to 4.2 ppm; `describe_basis` says where they
        print too few digits.
      format: one of the above. Defaults to `None`: told by the content, and in a folder by the suffixes.
      conjugated: whether the files hold the complex conjugate of this package's convention (ppm = 4.65 + f / f0).
        Defaults to `None`: as the table says. `check_basis` tells if that was wrong.

    Returns:
      `Basis` with `fids` of shape (points, metabolites).

    Raises:
      FileNotFoundError: if there is nothing at `path`.
      ValueError: if it is no basis, incomplete, inconsistent, ambiguous, of another nucleus than hydrogen, or sampled
        over more than 200 ppm, which only a wrong unit explains; the message names file and line.

    Example:

    >>> basis = read_basis("press3T_30ms.BASIS")  # doctest: +SKIP
    >>> basis.acquisition.bandwidth_hz, basis.fids.shape  # doctest: +SKIP
    (4000.0, (2048, 21))
    """
    path = Path(path)
    if format is not None:
        check_choice(argument("format"), format, FORMATS)
    if path.is_dir():
        source, format = files_of_folder(path, format)
    else:
        format = format or format_of_file(path)
        source = path if format in SINGLE_FILES else [path]
    forced = {} if conjugated is None else {"conjugated": conjugated}
    contents = _READERS[format](source, acquisition, **forced)
    check_band(path, None, contents.acquisition.spectrometer_frequency_mhz, contents.acquisition.bandwidth_hz)
    return Basis(**vars(contents))
