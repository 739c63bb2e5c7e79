"""Reading a basis of any format."""

import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis
from mrs_keras.basis.formats.fsl_json import read_fsl_json
from mrs_keras.basis.formats.jmrui import SUMMARY_FILE, is_jmrui, read_jmrui
from mrs_keras.basis.formats.lcmodel import read_lcmodel_basis
from mrs_keras.basis.formats.lcmodel_raw import read_lcmodel_raw
from mrs_keras.basis.formats.npz import read_npz
from mrs_keras.basis.formats.signals import MAX_METABOLITES
from mrs_keras.basis.formats.source_text import check_plain_file, fault, parse_number, quoted
from mrs_keras.basis.formats.text import COMMENT_MARKS, read_text_basis
from mrs_keras.checks import check_choice

Format = Literal["npz", "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text"]
FORMATS = get_args(Format)

_FILE_READERS: dict[str, Callable[..., Basis]] = {"npz": read_npz, "lcmodel_basis": read_lcmodel_basis}
_FOLDER_READERS: dict[str, Callable[..., Basis]] = {
    "lcmodel_raw": read_lcmodel_raw,
    "fsl_json": read_fsl_json,
    "jmrui": read_jmrui,
    "text": read_text_basis,
}
# Of a file per metabolite. jMRUI's and two-column text share a suffix, and are told apart by content.
_SUFFIXES = {"lcmodel_raw": (".raw",), "fsl_json": (".json",), "text": (".txt", ".csv", ".dat", ".asc")}
_NO_SIGNALS = ("readme", "license", "licence", "citation", Path(SUMMARY_FILE).stem)
_HEAD_BYTES = 2**16
_NAMELIST = re.compile(r"[$&](BASIS1|NMID)\b", re.IGNORECASE)


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
    | `"lcmodel_raw"` | LCModel `.RAW`, file or folder | to be given | conjugate | absolute |
    | `"fsl_json"` | FSL-MRS JSON, file or folder | in the files | conjugate | as stored |
    | `"jmrui"` | jMRUI text, file or folder | in the files | ours | as stored |
    | `"text"` | two-column text, file or folder | to be given | conjugate, unless `conjugated=False` | as stored |

    A folder holds one file per metabolite; metabolites come in the order of the sorted file names. What one program has
    exported to several formats agrees here without any factor, if that program followed the formats: the five forms of
    the 2016 ISMRM fitting challenge agree to a relative L2 error of 2e-5.

    Args:
      path: a file or a folder.
      acquisition: how the signals were sampled, for formats that do not say so. Where the files do, it takes their
        place (for another `ppm_window`, or a more exact frequency), but may not contradict them: equal points,
        bandwidth to 1e-4, frequency to 0.1 %. Defaults to `None`: as the files say, with a `ppm_window` of 0.2 to 4.2
        ppm.
      format: one of the above. Defaults to `None`: told by the content, and in a folder by the suffixes.
      conjugated: whether the files hold the complex conjugate of this package's convention (ppm = 4.65 + f / f0).
        Defaults to `None`: as the table says. `check_basis` tells if that was wrong.

    Returns:
      `Basis` with `fids` of shape (points, metabolites).

    Raises:
      FileNotFoundError: if there is nothing at `path`.
      ValueError: if it is no basis, incomplete, inconsistent, or ambiguous; the message names file and line.

    Example:

    >>> basis = read_basis("press3T_30ms.BASIS")  # doctest: +SKIP
    >>> basis.acquisition.bandwidth_hz, basis.fids.shape  # doctest: +SKIP
    (4000.0, (2048, 21))
    """
    path = Path(path)
    if format is not None:
        check_choice("format", format, FORMATS)
    if path.is_dir():
        files, format = _files_of_folder(path, format)
        reader, source = _FOLDER_READERS[format], files
    else:
        format = format or _format_of_file(path)
        reader, source = (_FILE_READERS[format], path) if format in _FILE_READERS else (_FOLDER_READERS[format], [path])
    return reader(source, acquisition) if conjugated is None else reader(source, acquisition, conjugated=conjugated)


def _files_of_folder(folder: Path, format: str | None) -> tuple[Sequence[Path], str]:
    """Returns the signal files of a folder, sorted, and their format."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        kind = next((kind for kind, suffixes in _SUFFIXES.items() if path.suffix.lower() in suffixes), None)
        if kind and not path.name.startswith(".") and path.stem.lower() not in _NO_SIGNALS and path.is_file():
            files.setdefault(kind, []).append(path)
    if format in _FILE_READERS:
        raise fault(folder, None, f"format='{format}' is a single file. Received a folder. Give the path of the file.")
    if format is not None:
        files = {kind: files[kind] for kind in files if kind == ("text" if format == "jmrui" else format)}
    if len(files) != 1:
        alone = [path.name for path in sorted(folder.glob("*")) if path.suffix.lower() in (".basis", ".npz")][:3]
        raise fault(
            folder,
            None,
            "the folder must hold the files of one format, one per metabolite. "
            f"Expected: {' or '.join(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)}. Received: "
            f"{', '.join(f'{len(found)} {found[0].suffix}' for found in files.values()) or 'none of these'}. "
            + (f"Give the path of the file: {', '.join(alone)}." if alone else "")
            + (f"Choose by `format`: {', '.join(files)}." if files else ""),
        )
    ((kind, found),) = files.items()
    if len(found) > MAX_METABOLITES:
        raise fault(folder, None, f"more than {MAX_METABOLITES} files. Is this the right folder?")
    if kind == "text" and format is None:
        kinds = {_format_of_file(path): path for path in found}
        if len(kinds) > 1:
            paths = ", ".join(f"'{path.name}' is {kind}" for kind, path in kinds.items())
            raise fault(folder, None, f"the folder mixes formats: {paths}. Keep one format per folder.")
        return found, next(iter(kinds))
    return found, format or kind


def _format_of_file(path: Path) -> str:
    """Returns the format that a file starts like."""
    check_plain_file(path)
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if head.startswith(b"PK\x03\x04"):
        return "npz"
    text = head.decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip()
    if text.startswith("{"):
        return "fsl_json"
    if is_jmrui(text):
        return "jmrui"
    if match := _NAMELIST.search(text):
        return "lcmodel_basis" if match[1].upper() == "BASIS1" else "lcmodel_raw"
    rows = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(COMMENT_MARKS))
    first = next(rows, "")
    if first.strip() and all(parse_number(token) is not None for token in first.replace(",", " ").split()):
        return "text"
    raise fault(
        path,
        1,
        f"this is no basis of a known format. Expected one of: {', '.join(FORMATS)}. "
        f"Received a file that starts with {quoted(text[:40])}. Give its `format` if it is one of these.",
    )
