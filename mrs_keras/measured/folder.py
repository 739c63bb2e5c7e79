"""Finds the scans of a folder, laid out as BIDS does or flat."""

import dataclasses
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from mrs_keras.measured.names import NIFTI_SUFFIXES, VENDOR_SUFFIXES, ScanName, parse_name
from mrs_keras.measured.references import fitting_references
from mrs_keras.measured.sites import sites_of

_IGNORED_FOLDERS = ("derivatives", "sourcedata", "code")
_LOOKED_FOR = (
    "`*_svs.nii.gz`, `*_mrsi.nii.gz`, `*_unloc.nii.gz` or `*_svs.RAW`, or files of vendors "
    f"({', '.join(f'`*{suffix}`' for suffix in VENDOR_SUFFIXES)})"
)


@dataclasses.dataclass(frozen=True)
class ScanFile:
    """A scan that was found in a folder. Nothing of it has been read.

    Args:
      path: of the scan.
      reference: path of its water reference. `None`: there is none.
      participant_id: such as `"sub-P1S01"`.
      session: such as `"1"`. `None`: the name has none.
      site: where it was scanned; `"unknown"` if nothing says it.
      name: of the file without suffixes, with acquisition and run: `"sub-P1S01_acq-press_run-1_svs"`.
      entry: index of the spectrum in a file of several generated ones. Defaults to `None`: the whole file.
    """

    path: Path
    reference: Path | None
    participant_id: str
    session: str | None
    site: str
    name: str
    entry: int | None = None


def find_scans(folder: str | Path, site: str | None = None) -> list[ScanFile]:
    """Finds the scans of a folder and its subfolders, each with its water reference.

    Names are those of BIDS (doi 10.1038/sdata.2016.44): `sub-*/[ses-*/]mrs/sub-*_svs.nii.gz`, the reference
    `*_mrsref.nii.gz`; the same names in one folder, or of LCModel's `.RAW` files; and files of vendors. The participant
    is the entity `sub-` of the name, else of a folder, else the name itself, with a warning. Hidden files and folders,
    and those called `derivatives`, `sourcedata` or `code`, are skipped. No scan is opened.

    Args:
      folder: to search.
      site: regular expression whose first group is the site, for folders whose `participants.tsv` has no column
        `site`. Defaults to `None`.

    Returns:
      A list of `ScanFile`, sorted by participant, session and name, whatever the order on disk.

    Raises:
      FileNotFoundError: if the folder does not exist, or has no scans.
      NotADirectoryError: if it is a file.
      ValueError: if two scans have the same participant, session and name, or the site of one is not known although
        `participants.tsv` or `site` should say it.

    Example:

    ```python
    for scan in find_scans("study", site="sub-(P[0-9]+)S"):
        print(scan.participant_id, scan.site, scan.path, scan.reference)
    ```
    """
    folder = Path(folder)
    if not folder.is_dir():
        if folder.exists():
            raise NotADirectoryError(f"'{folder}' is a file. Expected: a folder of scans. Read it with `read_scans`.")
        raise FileNotFoundError(f"There is no folder '{folder}'. Expected: a folder of scans.")
    sessions: dict[tuple[str, str], dict[str, list[tuple[Path, ScanName]]]] = {}
    others: Counter[str] = Counter()
    unnamed = []
    for path in _files(folder):
        name = parse_name(path.relative_to(folder))
        if name is None:
            others[_suffix(path)] += 1
            continue
        # Without a participant, only the name itself connects a scan and its reference.
        owner = name.participant_id if name.has_participant else f"{path.parent}/{name.key}"
        session = sessions.setdefault((owner, name.session or ""), {"scan": [], "reference": []})
        session[name.kind].append((path, name))
        if not name.has_participant and name.kind == "scan":
            unnamed.append((path, name.participant_id))
    scans = [scan for session in sessions.values() for scan in session["scan"]]
    if not scans:
        raise FileNotFoundError(_nothing_found(folder, others, bool(sessions)))
    _check_different(scans)
    if unnamed:
        path, participant = min(unnamed)
        warnings.warn(
            f"{len(unnamed)} scan(s) in '{folder}' have no entity sub- in their names, so each counts as a participant "
            f"of its own: '{path}' as {participant!r}. If a participant has several scans, name them sub-NAME_....",
            stacklevel=2,
        )
    references = _references(folder, sessions.values())
    scans.sort(key=lambda scan: (scan[1].participant_id, scan[1].session or "", scan[1].name, scan[0]))
    sites = sites_of(folder, [(path, name.participant_id) for path, name in scans], site)
    return [
        ScanFile(path, references[path], name.participant_id, name.session, where, name.name)
        for (path, name), where in zip(scans, sites, strict=True)
    ]


def _files(folder: Path) -> Iterator[Path]:
    """Yields the files below a folder, sorted. Links to folders are followed, but never in circles."""
    seen = set()
    for parent, folders, files in os.walk(folder, followlinks=True):
        status = os.stat(parent)
        if (status.st_dev, status.st_ino) in seen:
            folders.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if name[0] != "." and name.lower() not in _IGNORED_FOLDERS)
        yield from (Path(parent, name) for name in sorted(files) if name[0] != ".")


def _references(folder: Path, sessions: Iterable[dict[str, list[tuple[Path, ScanName]]]]) -> dict[Path, Path | None]:
    """Returns the reference of each scan, and warns of scans and references that nothing connects."""
    found: dict[Path, Path | None] = {}
    unused: list[Path] = []
    unclear: list[Path] = []
    for session in sessions:
        fitting = {path: fitting_references(name, session["reference"]) for path, name in session["scan"]}
        found |= {path: paths[0] if len(paths) == 1 else None for path, paths in fitting.items()}
        unclear += [path for path, paths in fitting.items() if len(paths) > 1]
        candidates = {reference for paths in fitting.values() for reference in paths}
        unused += [path for path, _ in session["reference"] if path not in candidates]
    for paths, problem in (
        (unused, "water reference(s) that belong to no scan, and are not used"),
        (unclear, "scan(s) with several water references that fit equally well, so that none is used"),
    ):
        if paths:
            warnings.warn(
                f"'{folder}' has {len(paths)} {problem}, such as '{min(paths)}'. Give a reference the entities of its "
                "scan, such as sub-, ses-, acq- and run-.",
                stacklevel=3,
            )
    return found


def _check_different(scans: list[tuple[Path, ScanName]]) -> None:
    first: dict[tuple[str, str | None, str], Path] = {}
    for path, name in scans:
        key = name.participant_id, name.session, name.name.lower()
        if key in first:
            raise ValueError(
                f"Two scans have the same participant, session and name: '{first[key]}' and '{path}'. "
                "Remove one of them, or tell them apart by sub-, ses-, acq- or run- in their names."
            )
        first[key] = path


def _suffix(path: Path) -> str:
    lower = path.name.lower()
    return next((suffix for suffix in NIFTI_SUFFIXES if lower.endswith(suffix)), path.suffix.lower())


def _nothing_found(folder: Path, others: Counter[str], references: bool) -> str:
    there = [f"{count} {suffix or 'without suffix'}" for suffix, count in others.most_common(5)]
    if references:
        there.append("water references (`*_mrsref`), without the scans")
    remedy = "Name scans as BIDS does, `sub-NAME_svs.nii.gz`, or give the folder that holds them."
    if others.keys() & {".dcm", ".ima"}:
        remedy = "Convert the DICOM files first: `spec2nii dicom -f sub-NAME_svs FOLDER`."
    return (
        f"There are no scans in '{folder}' and its subfolders. Expected: {_LOOKED_FOR}. "
        f"Received: {', '.join(there) or 'no files'}. {remedy}"
    )
