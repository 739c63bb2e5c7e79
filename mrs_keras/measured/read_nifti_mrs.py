"""Reads NIfTI-MRS files."""

import gzip
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mrs_keras.measured import header as headers
from mrs_keras.measured.dimensions import entries_of
from mrs_keras.measured.file_kinds import HEAD_BYTES, fault, is_nifti, looks_like, read_head, shell_quoted
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.voxels import chosen_voxels
from mrs_keras.optional import check_nifti_mrs_installed

if TYPE_CHECKING:
    from nifti_mrs.nifti_mrs import NIFTI_MRS

_EXTENSION_CODE = 44
_LONGEST_DWELL_TIME_S = 0.01
_AGAIN = "Copy, download or convert it again."


def read_nifti_mrs(path: Path, mask: Path | None = None) -> list[Scan]:
    """Reads all scans of a NIfTI-MRS file (Clarke et al. 2022, doi 10.1002/mrm.29418).

    nifti-mrs conjugates on load, so that in memory ppm = 4.65 + f / f0. What the header leaves out is taken from the
    BIDS sidecar of the same name, if there is one.

    Args:
      path: `.nii.gz` or `.nii`.
      mask: NIfTI image of the voxels to read, those that are not zero. Defaults to `None`: all voxels with a signal.

    Returns:
      A list of `Scan`: one for a single voxel, else one for each voxel, in the order of their indices.

    Raises:
      FileNotFoundError: if there is no such file.
      ModuleNotFoundError: if nifti-mrs is not installed.
      ValueError: if the file is not a NIfTI-MRS file that can be used.
    """
    check_nifti_mrs_installed()
    path = Path(path)
    nifti, header = open_nifti_mrs(path)
    return scans_of(nifti, {**headers.read_sidecar(path), **header}, path, mask)


def scans_of(nifti: "NIFTI_MRS", header: Mapping[str, Any], path: Path, mask: Path | None = None) -> list[Scan]:
    """Returns the scans of a NIfTI-MRS image in memory, as `read_nifti_mrs` does.

    Args:
      nifti: the image.
      header: its header extension, with what the sidecar adds.
      path: of the file, for the scans and for errors.
      mask: NIfTI image of the voxels to read.
    """
    facts = {
        "spectrometer_frequency_mhz": headers.spectrometer_frequency_mhz(path, header),
        "bandwidth_hz": _bandwidth_hz(path, nifti),
        "echo_time_ms": headers.echo_time_ms(path, header),
        "repetition_time_ms": headers.repetition_time_ms(path, header),
        "nucleus": headers.nucleus(path, header),
        "sequence": headers.sequence(header),
        "path": path,
    }
    fids = _data(path, nifti)
    single = fids.shape[:3] == (1, 1, 1)
    scans = []
    for entry, entry_header in entries_of(path, fids, nifti.dim_tags, headers.without_personal_fields(header)):
        for voxel in chosen_voxels(path, entry, mask):
            scans.append(Scan(entry[voxel], **facts, voxel=None if single else voxel, header=entry_header))
    return scans


def _data(path: Path, nifti: "NIFTI_MRS") -> np.ndarray:
    """Returns the data in the byte order of this machine, with at least the four dimensions x, y, z, points."""
    try:
        data = nifti[:]
    except Exception as error:  # nibabel raises whatever a damaged header leads to
        raise fault(path, f"its data cannot be read ({error}).", _AGAIN) from error
    # The package fslpy, under nifti-mrs, drops trailing dimensions of size 1.
    data = data.reshape(data.shape + (1,) * (4 - data.ndim))
    return data.astype(data.dtype.newbyteorder("="), copy=False)


def open_nifti_mrs(path: Path) -> tuple["NIFTI_MRS", dict[str, Any]]:
    """Opens a NIfTI-MRS file, and returns the image and its header extension as plain JSON data.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is not a NIfTI-MRS file.
    """
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    image = _nifti_image(path, _uncompressed(path))
    header = _header_extension(path, image)
    # nifti-mrs accepts a plain number, which the standard does not.
    headers.spectrometer_frequency_mhz(path, header)
    try:
        return NIFTI_MRS(image), header
    except Exception as error:  # nifti-mrs raises whatever its checks of a damaged header run into
        raise fault(
            path,
            f"it does not follow the NIfTI-MRS standard: {error or type(error).__name__}",
            "Convert the scan again, or correct its header with `spec2nii extract` and `spec2nii insert`.",
        ) from error


def _uncompressed(path: Path) -> bytes:
    """Returns the bytes of a file, uncompressed."""
    head = read_head(path)
    if not head.startswith(b"\x1f\x8b"):
        if not is_nifti(head):
            what, remedy = looks_like(head)
            raise fault(path, f"it is not a NIfTI file, but looks like {what}.", remedy)
        return path.read_bytes()
    try:
        with gzip.open(path) as file:
            contents = file.read()
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise fault(path, f"its gzip compression is damaged or cut off ({error}).", _AGAIN) from None
    if not is_nifti(contents):
        what, remedy = looks_like(contents[:HEAD_BYTES])
        raise fault(path, f"it is not a NIfTI file, but looks like {what}, compressed by gzip.", remedy)
    return contents


def _nifti_image(path: Path, contents: bytes):
    """Returns the image of nibabel, whose shape fits the contents of the file."""
    from nibabel import Nifti1Image, Nifti2Image

    try:
        image = (Nifti2Image if contents[4:8] == b"n+2\0" else Nifti1Image).from_bytes(contents)
        header = image.header
        intent, description = header.get_intent()[2], header["descrip"].item().decode("latin-1")
        # nibabel sets `vox_offset` of the header in memory to 0.
        start, shape, dtype = int(image.dataobj.offset), image.shape, header.get_data_dtype()
    except Exception as error:  # nibabel raises whatever a damaged header leads to
        raise fault(path, f"its NIfTI header is damaged ({error}).", _AGAIN) from error
    if not intent.startswith("mrs_v"):
        writer = ", written by SPM" if description.startswith("SPM") else ""
        raise fault(
            path,
            f"it is an ordinary NIfTI image{writer}, not a NIfTI-MRS file (shape {shape}, intent name {intent!r}; "
            "expected: an intent name such as 'mrs_v0_9').",
            "Give the spectra, such as `sub-01_svs.nii.gz`. An image can be the `mask`.",
        )
    if dtype.kind != "c" or not 4 <= len(shape) <= 7 or min(shape) < 1:
        raise fault(
            path,
            "its data must be complex, with 4 to 7 dimensions (x, y, z, points, ...). "
            f"Received: {dtype.name}, shape {shape}.",
            "Convert the scan again.",
        )
    expected = start + int(np.prod([int(size) for size in shape], dtype=object)) * dtype.itemsize
    if expected > len(contents):
        raise fault(
            path,
            f"it is cut off: its header announces {expected} bytes, and it has {len(contents)} (uncompressed).",
            _AGAIN,
        )
    return image


def _header_extension(path: Path, image) -> dict[str, Any]:
    """Returns the JSON of the header extension."""
    for extension in image.header.extensions:
        if extension.get_code() == _EXTENSION_CODE:
            content = extension.get_content()
            if isinstance(content, dict):  # newer versions of nibabel may parse it
                return content
            return headers.parse_json(path, content, "the header extension")
    raise fault(
        path,
        "it has no NIfTI-MRS header extension, which says its frequency and nucleus. Programs for images drop it.",
        f"Convert the scan again, or write the header to a JSON file, and run `spec2nii insert {shell_quoted(path)} "
        "header.json`.",
    )


def _bandwidth_hz(path: Path, nifti: "NIFTI_MRS") -> float:
    """Returns 1 / dwell time, as the shortest decimal number that has the same dwell time in float32.

    NIfTI stores the dwell time in float32: 1 / float32(5e-4 s) is 1999.99994 Hz.
    """
    dwell_time_s = float(nifti.dwelltime)
    if not 0 < dwell_time_s <= _LONGEST_DWELL_TIME_S:
        raise fault(
            path,
            "its dwell time (`pixdim[4]`) must be above 0 and at most 0.01 s, a bandwidth of 100 Hz. "
            f"Received: {dwell_time_s:g} s.",
            "Convert the scan again; a dwell time in ms needs that unit in the NIfTI header.",
        )
    exact = 1 / dwell_time_s
    rounded = (round(exact, digits) for digits in range(6))
    return next((value for value in rounded if np.float32(1 / value) == np.float32(dwell_time_s)), exact)
