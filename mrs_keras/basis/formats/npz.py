"""This package's own basis file: `.npz`."""

import dataclasses
import io
import math
import warnings
import zipfile
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.acquired import check_agrees
from mrs_keras.basis.formats.contents import BasisContents, Reading
from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.formats.foreign import HEAD_BYTES, check_not_foreign
from mrs_keras.basis.formats.printed import exactly
from mrs_keras.basis.formats.source_text import MAX_BYTES, read_bytes

SETTINGS = tuple(field.name for field in dataclasses.fields(Acquisition))
KEYS = ("names", "fids", "description", *SETTINGS)


def write_npz(basis: BasisContents, path: Path) -> None:
    """Writes a basis as `.npz`; `read_npz` reads it back. Output is deterministic."""
    with path.open("wb") as file:
        np.savez(
            file,
            names=np.array(basis.names),
            fids=basis.fids,
            description=np.array(basis.description),
            **{key: np.array(value) for key, value in basis.acquisition.to_dict().items()},
        )


def read_npz(path: Path, acquisition: Acquisition | None = None, conjugated: bool = False) -> BasisContents:
    """Reads a basis that `write_npz` wrote.

    The file contains `fids`, complex (points, metabolites), in the sign convention and scale of this package, `names`,
    `description`, and the fields of `Acquisition`.

    Args:
      path: the file.
      acquisition: replaces that of the file and must agree with it (see `read_basis`). Defaults to
        `None`.
      conjugated: whether the FIDs are the complex conjugate of this package's convention. Defaults to `False`.

    Raises:
      ValueError: if the file is not such a basis, or is incomplete.
      FileNotFoundError: if there is no such file.
    """
    data = read_bytes(path)
    check_not_foreign(path, data[:HEAD_BYTES], zip_is_right=True)
    try:
        content = _arrays(data)
        names, fids, description = (content[key] for key in ("names", "fids", "description"))
        if names.dtype.kind != "U" or names.ndim != 1 or fids.dtype.kind not in "fc" or fids.ndim != 2:
            raise ValueError(f"names of {names.dtype} {names.shape} and fids of {fids.dtype} {fids.shape}")
        settings = {key: content[key].tolist() for key in SETTINGS}
        if settings["points"] != len(fids):  # before `Acquisition` creates axes of that length
            raise ValueError(f"points={settings['points']} and fids of {fids.shape}")
        with np.errstate(all="ignore"):
            said = Acquisition(**settings)
        contents = BasisContents(
            tuple(names.tolist()), fids.conj() if conjugated else fids, said, str(description), Reading(conjugated)
        )
    except Exception as error:  # zipfile, zlib, struct and numpy raise different errors
        raise fault(
            path,
            None,
            f"cannot read a basis from this file. Expected an .npz file written by `Basis.save`. "
            f"Received: {type(error).__name__}: {error}. The file may be truncated: save it again.",
        ) from error
    if acquisition is None:
        return contents
    saved = (exactly(value, "as saved") for value in (said.spectrometer_frequency_mhz, said.bandwidth_hz))
    check_agrees(path, None, said.points, *saved, acquisition)
    return dataclasses.replace(contents, acquisition=acquisition)


def _arrays(data: bytes) -> dict[str, np.ndarray]:
    """Returns the arrays of a basis in an .npz archive, limited in size."""
    arrays = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for key in KEYS:
            entry = archive.getinfo(f"{key}.npy")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"'{key}' has a compression that numpy does not use")
            with archive.open(entry) as member:
                packed = member.read(MAX_BYTES + 1)
            if len(packed) > MAX_BYTES:
                raise ValueError(f"'{key}' is larger than {MAX_BYTES} bytes")
            arrays[key] = _array(key, packed)
    return arrays


def _array(key: str, packed: bytes) -> np.ndarray:
    """Returns the array of an .npy file if its header matches its size: numpy would allocate what the header says."""
    stream = io.BytesIO(packed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # headers of Python 2
        version = np.lib.format.read_magic(stream)
        if version != (1, 0):
            raise ValueError(f"'{key}' is an .npy file of version {version}, not (1, 0)")
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(stream)
    expected = math.prod(shape) * dtype.itemsize
    if dtype.hasobject or min(shape, default=1) < 0 or len(packed) - stream.tell() != expected:
        raise ValueError(f"'{key}' has {len(packed) - stream.tell()} bytes instead of {expected} for {dtype} {shape}")
    array = np.frombuffer(packed, dtype, offset=stream.tell())
    return array.reshape(shape, order="F" if fortran_order else "C")
