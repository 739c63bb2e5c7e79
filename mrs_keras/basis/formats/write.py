"""Writing a basis in the formats of other programs."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fsl_json import write_fsl_json
from mrs_keras.basis.formats.lcmodel import write_lcmodel_basis
from mrs_keras.basis.formats.lcmodel_raw import write_lcmodel_raw
from mrs_keras.basis.formats.npz import write_npz
from mrs_keras.basis.wording import argument, setting
from mrs_keras.checks import check_choice
from mrs_keras.files import replacing

WriteFormat = Literal["npz", "lcmodel_basis", "lcmodel_raw", "fsl_json"]

_WRITERS: dict[str, Callable[[BasisContents, Path], None]] = {
    "npz": write_npz,
    "lcmodel_basis": write_lcmodel_basis,
    "lcmodel_raw": write_lcmodel_raw,
    "fsl_json": write_fsl_json,
}
_FOLDERS = ("lcmodel_raw", "fsl_json")
_BY_SUFFIX = {".npz": "npz", ".basis": "lcmodel_basis"}


def write_basis(basis: BasisContents, path: str | os.PathLike, format: WriteFormat | None = None) -> None:
    """Writes a basis; see `Basis.save`."""
    path = Path(path)
    if format is None:
        format = _BY_SUFFIX.get(path.suffix.lower())
        if format is None:
            raise ValueError(
                "Cannot tell the format of the basis from its path. Expected the suffix .npz or .BASIS, or "
                f"`{argument('format')}`. Received: '{path}'. "
                f"Give for example {setting('format', 'fsl_json')} for a folder as FSL-MRS reads it."
            )
    check_choice(argument("format"), format, get_args(WriteFormat))
    if format in _FOLDERS:
        _check_folder(basis, path)
    with replacing(path) as partial:
        _WRITERS[format](basis, partial)


def _check_folder(basis: BasisContents, folder: Path) -> None:
    """Raises an error unless the folder is new or empty, and every metabolite's name is a valid file name."""
    if folder.exists() and not (folder.is_dir() and not any(folder.iterdir())):
        raise FileExistsError(f"Will not write a basis over files in '{folder}'. Give the path of a new folder.")
    for name in basis.names:
        if not name.strip() or not name.isprintable() or set(name) & set('/\\:*?"<>|') or name.startswith("."):
            raise ValueError(
                f"The name of a metabolite must be a valid file name. Received: {name!r}. "
                f"Write a single file: {setting('format', 'npz')} or {setting('format', 'lcmodel_basis')}."
            )
    if len({name.lower() for name in basis.names}) < len(basis.names):
        raise ValueError(
            f"Metabolites that differ only in case would share a file on some systems. Received: {basis.names}. "
            f"Write a single file: {setting('format', 'npz')} or {setting('format', 'lcmodel_basis')}."
        )
