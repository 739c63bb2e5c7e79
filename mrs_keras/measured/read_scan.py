"""Reads the scans of a file, in whatever format it is."""

import dataclasses
from pathlib import Path

from mrs_keras.measured import read_nifti_mrs as nifti
from mrs_keras.measured import vendors
from mrs_keras.measured.dimensions import ENTRY_KEY
from mrs_keras.measured.file_kinds import fault, looks_like, read_head
from mrs_keras.measured.names import NIFTI_SUFFIXES, RAW_SUFFIX
from mrs_keras.measured.read_lcmodel import read_lcmodel
from mrs_keras.measured.scan import Scan


def read_scans(path: str | Path, reference: str | Path | None = None, mask: str | Path | None = None) -> list[Scan]:
    """Reads all scans of a file: one for a single voxel, else one for each voxel.

    The format is told by the suffix: NIfTI-MRS (`.nii.gz`, `.nii`) by nifti-mrs; Philips `.SDAT`/`.SPAR`, Siemens
    `.RDA` and twix `.dat`, GE `.7`, DICOM and jMRUI by spec2nii; LCModel's `.RAW` by `read_lcmodel`. Values are those
    of the file; nothing is scaled, shifted or averaged. The sign convention is that of the package:
    ppm = 4.65 + f / f0.

    Args:
      path: of the scan.
      reference: file of the water reference of the same voxel or voxels, which becomes `Scan.reference`. Defaults to
        `None`: there is none.
      mask: NIfTI image with the voxels of a spectroscopic image, not zero where a voxel is to be read. Defaults to
        `None`: all voxels whose FIDs are not zero.

    Returns:
      A list of `Scan`, in the order of the voxels. `check_scan` checks each.

    Raises:
      FileNotFoundError: if a file, or the partner of a Philips file, does not exist.
      ModuleNotFoundError: if nifti-mrs or spec2nii is needed and not installed.
      ValueError: if a file is not a scan that can be used. The error names the file and what to do.

    Example:

    ```python
    (scan,) = read_scans("sub-01_svs.nii.gz", reference="sub-01_mrsref.nii.gz")
    scan.fids.shape  # (coils, transients, points)
    ```
    """
    path, mask = Path(path), None if mask is None else Path(mask)
    scans = _read(path, mask)
    if reference is None:
        return scans
    return _with_references(scans, _read(Path(reference), mask), Path(reference))


def _read(path: Path, mask: Path | None) -> list[Scan]:
    name = path.name.lower()
    if name.endswith(NIFTI_SUFFIXES):
        return nifti.read_nifti_mrs(path, mask)
    if name.endswith(RAW_SUFFIX):
        return [read_lcmodel(path)]
    if name.endswith(vendors.SUFFIXES):
        return vendors.read_vendor(path, mask)
    what, remedy = looks_like(read_head(path))
    raise fault(
        path,
        f"its name ends in none of {', '.join((*NIFTI_SUFFIXES, *vendors.SUFFIXES, RAW_SUFFIX))}. "
        f"It looks like {what}.",
        remedy,
    )


def _with_references(scans: list[Scan], references: list[Scan], path: Path) -> list[Scan]:
    """Returns the scans, each with the reference of its voxel, or with the only one."""
    by_place = {_place(reference): reference for reference in references}
    if len(references) == 1 and references[0].voxel is None and all(scan.voxel is None for scan in scans):
        by_place = {_place(scan): references[0] for scan in scans}
    missing = [scan.name for scan in scans if _place(scan) not in by_place]
    if missing:
        raise fault(
            path,
            f"as the water reference, it has no signal for {len(missing)} of {len(scans)} scans, such as {missing[0]}.",
            "Give a reference of the same voxels, or a mask of the voxels that both have.",
        )
    return [dataclasses.replace(scan, reference=by_place[_place(scan)]) for scan in scans]


def _place(scan: Scan) -> tuple:
    return scan.voxel, scan.header.get(ENTRY_KEY)
