"""A digest of the files of a measured dataset, to tell whether they have changed since it was built."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.read_lcmodel import CONTROL_SUFFIXES

PARTICIPANTS = "participants.tsv"

SAMPLE_BYTES = 1 << 16
"""Bytes at either end of a scan that are read; all of a smaller file."""


def digest_of(
    files: Iterable[ScanFile], folder: str | Path, labels: str | Path | None = None, mask: str | Path | None = None
) -> str:
    """Returns a digest of scans and of what belongs to them; it does not depend on where the folder is.

    Of scans, water references and masks, it has the name, the size and the bytes at both ends; of label tables,
    `participants.tsv` and sidecars, all bytes.

    Args:
      files: the scans.
      folder: that they were found in.
      labels: table of labels, or a folder of tables. Defaults to `None`.
      mask: Defaults to `None`.
    """
    folder = Path(folder)
    if folder.is_file():
        folder = folder.parent
    scans = {path for file in files for path in (file.path, file.reference) if path is not None}
    sidecars = {sidecar for path in scans for sidecar in _sidecars(path)}
    parts = [(path, path.relative_to(folder).as_posix(), path in scans) for path in sorted(scans | sidecars)]
    parts.append((folder / PARTICIPANTS, PARTICIPANTS, False))
    parts += [(path, path.name, False) for path in _files_of(labels)]
    parts += [(path, path.name, True) for path in _files_of(mask)]
    digest = hashlib.sha256()
    for path, name, is_scan in parts:
        if path.is_file():
            digest.update(f"{name}\x1f{path.stat().st_size}\x1f".encode())
            digest.update(_ends(path) if is_scan else path.read_bytes())
    return digest.hexdigest()[:16]


def _files_of(given: str | Path | None) -> list[Path]:
    """Returns a file, or the files in a folder, sorted."""
    if given is None:
        return []
    root = Path(given).expanduser()
    return sorted(root.rglob("*")) if root.is_dir() else [root]


def _sidecars(path: Path) -> list[Path]:
    stem = path.name.split(".")[0]
    return [path.with_name(stem + suffix) for suffix in (".json", ".SPAR", ".spar", *CONTROL_SUFFIXES)]


def _ends(path: Path) -> bytes:
    """Returns the first and the last bytes of a file; all of a small one."""
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
        file.seek(max(path.stat().st_size - SAMPLE_BYTES, len(start)))
        return start + file.read()
