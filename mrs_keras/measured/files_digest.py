"""A digest of the files of a measured dataset, to tell whether they have changed since it was built."""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mrs_keras.measured.folder import ScanFile

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
    digest = hashlib.sha256()
    scans = {path for file in files for path in (file.path, file.reference) if path is not None}
    others = {folder / "participants.tsv"} | {sidecar for path in scans for sidecar in _sidecars(path)}
    for path in sorted(scans | others):
        if path.is_file():
            digest.update(f"{path.relative_to(folder).as_posix()}\x1f".encode())
            digest.update(_sample(path))
    for given in (labels, mask):
        root = None if given is None else Path(given).expanduser()
        for path in [] if root is None else sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.is_file():
                digest.update(f"{path.name}\x1f".encode())
                digest.update(_sample(path))
    return digest.hexdigest()[:16]


def _sidecars(path: Path) -> list[Path]:
    stem = path.name.split(".")[0]
    return [path.with_name(stem + suffix) for suffix in (".json", ".SPAR", ".spar")]


def _sample(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(SAMPLE_BYTES)
        file.seek(max(size - SAMPLE_BYTES, 0))
        return f"{size}\x1f".encode() + start + file.read()
