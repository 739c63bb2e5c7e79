"""What a file that is not a readable scan looks like, told by its first bytes, and what to do with it."""

import shlex
import struct
from pathlib import Path

HEAD_BYTES = 4096

_LFS = b"version https://git-lfs"
_EXPORT = "Give the scan itself, or export it as NIfTI-MRS."
_UNPACK = "Unpack it first."
_BY_FIRST_BYTES: tuple[tuple[bytes, str, str], ...] = (
    (_LFS, "a Git LFS pointer instead of the file itself", "Run `git lfs pull` in its repository."),
    (b"/annex/objects/", "a git-annex pointer instead of the file itself", "Run `git annex get` or `datalad get`."),
    (b"\x1f\x8b", "compressed by gzip", "If it is a NIfTI-MRS file, give it a name that ends in `.nii.gz`."),
    (b"PK\x03\x04", "a ZIP archive", _UNPACK),
    (b"BZh", "compressed by bzip2", _UNPACK),
    (b"\xfd7zXZ\0", "compressed by xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", _EXPORT),
    (b"MATLAB 7.3 MAT-file", "a MATLAB file", _EXPORT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "an array of NumPy", _EXPORT),
    (b"%PDF", "a PDF file", _EXPORT),
    (b"\x89PNG", "a PNG image", _EXPORT),
    (b">>> Begin of header <<<", "a Siemens .rda file", "Give it a name that ends in `.rda`."),
)
_TEXTS = (
    (b"jMRUI", "a text file of jMRUI", "Give it a name that ends in `.txt`."),
    (b"$NMID", "an LCModel .RAW file", "Give it a name that ends in `.RAW`."),
    (b"$SEQPAR", "an LCModel .RAW file", "Give it a name that ends in `.RAW`."),
    (b"examination_name", "a Philips .SPAR header", "Give the .SDAT file of the same name."),
    (b"<html", "a web page", "Download the file itself: a page of the server was saved in its place."),
    (b"<!doctype html", "a web page", "Download the file itself: a page of the server was saved in its place."),
)
_UNKNOWN = "Give a scan in NIfTI-MRS (`.nii.gz`), or convert it with spec2nii."


def fault(path: Path, problem: str, remedy: str) -> ValueError:
    """Returns the error for a scan that cannot be used: the file, what is wrong with it, what to do."""
    # Messages of other packages may have several lines.
    problem = " ".join(problem.split())
    return ValueError(f"'{path}' cannot be used as a scan: {problem} {remedy}")


def shell_quoted(path: Path) -> str:
    """Returns a path as it must stand in a shell command."""
    return shlex.quote(str(path))


def read_head(path: Path) -> bytes:
    """Returns the first bytes of a file that must exist.

    Raises:
      FileNotFoundError: if there is no such file, or it is a link to a file that is not there.
      ValueError: if it is a folder, or empty.
    """
    if path.is_dir():
        raise fault(path, "it is a folder.", "Give a file, or use `find_scans` to list the scans of a folder.")
    if not path.exists():
        if path.is_symlink():
            raise FileNotFoundError(
                f"'{path}' is a link to a file that does not exist: '{path.readlink()}'. In a DataLad or git-annex "
                f"dataset, run `datalad get {shell_quoted(path)}` first."
            )
        raise FileNotFoundError(f"There is no file '{path}'. Expected: a scan, such as `sub-01_svs.nii.gz`.")
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        raise fault(path, "the file is empty (0 bytes).", "Copy or download it again.")
    return head


def looks_like(head: bytes) -> tuple[str, str]:
    """Returns what a file looks like, such as `"a DICOM file"`, and what to do with it.

    Args:
      head: the first bytes of the file, at least 132 where it has as many.
    """
    for start, what, remedy in _BY_FIRST_BYTES:
        if head.startswith(start):
            return what, remedy
    if head[128:132] == b"DICM":
        return "a DICOM file", "Give it a name that ends in `.dcm` or `.ima`, or convert it with `spec2nii dicom`."
    if is_nifti(head):
        return "an uncompressed NIfTI file", "Give it a name that ends in `.nii`."
    if len(head) >= 348 and 348 in struct.unpack("<i", head[:4]) + struct.unpack(">i", head[:4]):
        return "an ANALYZE image, such as older versions of SPM wrote", "Give the spectra, not an image."
    if _is_twix(head):
        return "Siemens raw data (twix)", "Give it a name that ends in `.dat`, or convert it with `spec2nii twix`."
    if _is_text(head):
        lower = head.lower()
        for mark, what, remedy in _TEXTS:
            if mark.lower() in lower:
                return what, remedy
        return "a text file", _UNKNOWN
    return "binary data of an unknown kind", _UNKNOWN


def is_nifti(head: bytes) -> bool:
    """Whether bytes, uncompressed, are the start of a single-file NIfTI-1 or NIfTI-2 image."""
    return head[344:348] == b"n+1\0" or head[4:8] == b"n+2\0"


def _is_twix(head: bytes) -> bool:
    """Whether bytes are the start of a multi-raid file of Siemens (VD and later): 0, then the number of scans."""
    if len(head) < 1024:
        return False
    zero, scans = struct.unpack("<II", head[:8])
    return zero < 10_000 and 1 <= scans <= 64


def _is_text(head: bytes) -> bool:
    """Whether bytes are text: no control characters but white space."""
    return not any(byte < 32 and byte not in b"\t\n\r\f\x1b" for byte in head)
