"""Detects the format of a file or folder."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from mrs_keras.basis.formats.fault import fault, quoted
from mrs_keras.basis.formats.foreign import HEAD_BYTES, check_not_foreign, check_zip
from mrs_keras.basis.formats.jmrui import SUMMARY_FILE, is_jmrui
from mrs_keras.basis.formats.signals import MAX_METABOLITES
from mrs_keras.basis.formats.source_text import check_plain_file, parse_number
from mrs_keras.basis.formats.text import COMMENT_MARKS
from mrs_keras.basis.wording import setting

Format = Literal["npz", "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text"]
FORMATS = get_args(Format)

SINGLE_FILES = ("npz", "lcmodel_basis")
"""Formats with all metabolites in one file; the others may have a file per metabolite."""

# Formats with a file per metabolite. jMRUI and two-column text share a suffix; the content decides.
_SUFFIXES = {"lcmodel_raw": (".raw",), "fsl_json": (".json",), "text": (".txt", ".csv", ".dat", ".asc")}
_NO_SIGNALS = ("readme", "license", "licence", "citation", Path(SUMMARY_FILE).stem)
_COMPRESSED = {".gz", ".bz2", ".xz", ".zip", ".7z"}
_START_BYTES = 2**16
_NAMELIST = re.compile(r"[$&](BASIS1|NMID)\b", re.IGNORECASE)
_CONTROL = re.compile(r"[$&](LCMODL|NMALL|NMEACH)\b", re.IGNORECASE)


def files_of_folder(folder: Path, format: str | None) -> tuple[Sequence[Path], str]:
    """Returns the signal files of a folder, sorted, and their format.

    Args:
      folder: the folder.
      format: given by the caller, or `None`.

    Raises:
      ValueError: if the folder contains no files of that format, or files of several formats.
    """
    if format in SINGLE_FILES:
        raise fault(
            folder, None, f"{setting('format', format)} is a single file. Received a folder. Give the path of the file."
        )
    files: dict[str, list[Path]] = {}
    others: Counter[str] = Counter()
    for path in sorted(folder.iterdir()):
        kind = next((kind for kind, suffixes in _SUFFIXES.items() if path.suffix.lower() in suffixes), None)
        if path.name.startswith(".") or path.stem.lower() in _NO_SIGNALS or not path.is_file():
            continue
        if kind and (format is None or kind == ("text" if format == "jmrui" else format)):
            files.setdefault(kind, []).append(path)
        else:
            others[path.suffix or "without suffix"] += 1
    if len(files) != 1:
        raise fault(folder, None, _choice_of_files(folder, files, others))
    ((kind, found),) = files.items()
    if len(found) > MAX_METABOLITES:
        raise fault(folder, None, f"more than {MAX_METABOLITES} files. Is this the right folder?")
    if kind == "text" and format is None:
        kinds = {format_of_file(path): path for path in found}
        if len(kinds) > 1:
            paths = ", ".join(f"'{path.name}' is {kind}" for kind, path in kinds.items())
            raise fault(folder, None, f"the folder mixes formats: {paths}. Keep one format per folder.")
        return found, next(iter(kinds))
    return found, format or kind


def _choice_of_files(folder: Path, files: dict[str, list[Path]], others: Counter[str]) -> str:
    """Returns the message for a folder without files of a known format, or with files of several formats."""
    received = ", ".join(f"{len(found)} {found[0].suffix}" for found in files.values())
    if not received:
        beside = ", ".join(f"{number} {suffix}" for suffix, number in others.most_common(3))
        received = "none of these" + (f", but {beside}" if beside else "")
    alone = [path.name for path in sorted(folder.glob("*")) if path.suffix.lower() in (".basis", ".npz")][:3]
    return (
        "the folder must contain the files of one format, one per metabolite. "
        f"Expected: {' or '.join(suffix for suffixes in _SUFFIXES.values() for suffix in suffixes)}. "
        f"Received: {received}."
        + (f" Give the path of the file: {', '.join(alone)}." if alone else "")
        + (f" Choose one: {' or '.join(setting('format', kind) for kind in files)}." if files else "")
        + (" Unpack them first." if not files and set(others) & _COMPRESSED else "")
    )


def format_of_file(path: Path) -> str:
    """Returns the format of a file, by its beginning; raises `ValueError` if it is unknown."""
    check_plain_file(path)
    with path.open("rb") as file:
        head = file.read(_START_BYTES)
    check_not_foreign(path, head[:HEAD_BYTES], zip_is_right=True)
    if head.startswith(b"PK\x03\x04"):
        check_zip(path)
        return "npz"
    text = head.decode("latin-1").removeprefix("\xef\xbb\xbf").lstrip()
    if text.startswith("{"):
        return "fsl_json"
    if is_jmrui(text):
        return "jmrui"
    if match := _NAMELIST.search(text):
        return "lcmodel_basis" if match[1].upper() == "BASIS1" else "lcmodel_raw"
    if _CONTROL.search(text):
        raise fault(
            path,
            None,
            "not a basis but a control file of LCModel. Give the file named by FILBAS, or a folder of .RAW files.",
        )
    if not text:
        raise fault(path, None, "the file is empty. Is it the right one, and was it downloaded completely?")
    rows = (line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(COMMENT_MARKS))
    first = next(rows, "")
    if first.strip() and all(parse_number(token) is not None for token in first.replace(",", " ").split()):
        return "text"
    raise fault(
        path,
        1,
        f"not a basis of a known format. Expected one of: {', '.join(FORMATS)}. "
        f"Received a file that starts with {quoted(text[:40])}. If it still is one of these, name it, for "
        f"example {setting('format', 'text')}.",
    )
