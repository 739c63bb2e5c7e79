"""Which format a file or folder has."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal, get_args

from mrs_keras.basis.formats.jmrui import SUMMARY_FILE, is_jmrui
from mrs_keras.basis.formats.signals import MAX_METABOLITES
from mrs_keras.basis.formats.source_text import check_plain_file, fault, parse_number, quoted
from mrs_keras.basis.formats.text import COMMENT_MARKS

Format = Literal["npz", "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text"]
FORMATS = get_args(Format)

SINGLE_FILES = ("npz", "lcmodel_basis")
"""Formats of which one file holds all metabolites; the others may have a file per metabolite."""

# Of a file per metabolite. jMRUI's and two-column text share a suffix, and are told apart by content.
_SUFFIXES = {"lcmodel_raw": (".raw",), "fsl_json": (".json",), "text": (".txt", ".csv", ".dat", ".asc")}
_NO_SIGNALS = ("readme", "license", "licence", "citation", Path(SUMMARY_FILE).stem)
_HEAD_BYTES = 2**16
_NAMELIST = re.compile(r"[$&](BASIS1|NMID)\b", re.IGNORECASE)


def files_of_folder(folder: Path, format: str | None) -> tuple[Sequence[Path], str]:
    """Returns the signal files of a folder, sorted, and their format."""
    files: dict[str, list[Path]] = {}
    for path in sorted(folder.iterdir()):
        kind = next((kind for kind, suffixes in _SUFFIXES.items() if path.suffix.lower() in suffixes), None)
        if kind and not path.name.startswith(".") and path.stem.lower() not in _NO_SIGNALS and path.is_file():
            files.setdefault(kind, []).append(path)
    if format in SINGLE_FILES:
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
        kinds = {format_of_file(path): path for path in found}
        if len(kinds) > 1:
            paths = ", ".join(f"'{path.name}' is {kind}" for kind, path in kinds.items())
            raise fault(folder, None, f"the folder mixes formats: {paths}. Keep one format per folder.")
        return found, next(iter(kinds))
    return found, format or kind


def format_of_file(path: Path) -> str:
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
