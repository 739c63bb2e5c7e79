"""Files passed to a reader by mistake, recognised by their first bytes."""

import shlex
import struct
import zipfile
from collections.abc import Iterator
from pathlib import Path

from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.wording import setting

HEAD_BYTES = 4096

_UNPACK = "Unpack it first: {}."
_SCAN = "That is a scan. Give the basis: LCModel, jMRUI, FSL-MRS JSON, two-column text or .npz."
_EXPORT = "Export the basis from there as text: LCModel .BASIS or .RAW, jMRUI, or two columns."
_UTF8 = "Save it as UTF-8, for example `iconv -f {} -t UTF-8 {{path}} > new`."

_BY_FIRST_BYTES: tuple[tuple[bytes, str, str], ...] = (
    (
        b"version https://git-lfs",
        "a Git LFS pointer instead of the file itself, which was not downloaded",
        "Run `git lfs pull` in its repository.",
    ),
    (b"\x1f\x8b", "compressed by gzip", _UNPACK.format("`gunzip {path}`")),
    (b"BZh", "compressed by bzip2", _UNPACK.format("`bunzip2 {path}`")),
    (b"\xfd7zXZ\0", "compressed by xz", _UNPACK.format("`unxz {path}`")),
    (b"\x28\xb5\x2f\xfd", "compressed by Zstandard", _UNPACK.format("`unzstd {path}`")),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", _UNPACK.format("`7z x {path}`")),
    (b"Rar!", "a RAR archive", _UNPACK.format("`unrar x {path}`")),
    (b"\xff\xfe\0\0", "text in UTF-32", _UTF8.format("UTF-32")),
    (b"\0\0\xfe\xff", "text in UTF-32", _UTF8.format("UTF-32")),
    (b"\xff\xfe", "text in UTF-16", _UTF8.format("UTF-16")),
    (b"\xfe\xff", "text in UTF-16", _UTF8.format("UTF-16")),
    (b"MATLAB 5.0 MAT-file", "a MATLAB file", _EXPORT),
    (b"MATLAB 7.3 MAT-file", "a MATLAB file", _EXPORT),
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file", _EXPORT),
    (b"\x93NUMPY", "a single array of NumPy", "Create a `Basis` from it in Python, and save that."),
    (b"SQLite format 3\0", "an SQLite database", _EXPORT),
    (b">>> Begin of header <<<", "a Siemens .rda file", _SCAN),
    (b"%PDF", "a PDF document", "Check the path."),
    (b"\x89PNG", "an image", "Check the path."),
    (b"\xff\xd8\xff", "an image", "Check the path."),
    (b"GIF8", "an image", "Check the path."),
)
_WEB_PAGES = (b"<!doctype html", b"<html")


def check_not_foreign(path: Path, head: bytes, *, zip_is_right: bool = False) -> None:
    """Raises `ValueError` if no reader accepts a file of this kind; the message names the kind, and what to do.

    Args:
      path: the file.
      head: its first bytes, up to `HEAD_BYTES` of them.
      zip_is_right: whether a zip archive is acceptable. Defaults to `False`.
    """
    kind = next(_kinds(path, head, zip_is_right), None)
    if kind is not None:
        what, remedy = kind
        raise fault(path, None, f"not a basis but {what}. {remedy.format(path=shlex.quote(str(path)))}")


def check_zip(path: Path) -> None:
    """Raises `ValueError` if an archive contains no NumPy arrays and therefore cannot be a basis."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except Exception:  # zipfile raises many kinds of error for a damaged archive; the .npz reader reports it
        return
    if not any(name.endswith(".npy") for name in names):
        shown = ", ".join(f"'{name[:40]}'" for name in names[:3]) or "nothing"
        raise fault(
            path, None, f"not a basis but a zip archive of {shown}{', ...' if len(names) > 3 else ''}. Unpack it first."
        )


def _kinds(path: Path, head: bytes, zip_is_right: bool) -> Iterator[tuple[str, str]]:
    """Yields each kind that a file can be, and what to do, the most specific first."""
    if _is_nifti(path, head):
        yield "a NIfTI file", _SCAN
    for start, what, remedy in _BY_FIRST_BYTES:
        if head.startswith(start):
            yield what, remedy
    if head.startswith(b"PK\x03\x04") and not zip_is_right:
        yield "a zip archive, as .npz files are", f"Unpack it first, or read it with {setting('format', 'npz')}."
    if head[257:262] == b"ustar":
        yield "a tar archive", _UNPACK.format("`tar xf {path}`")
    if head[128:132] == b"DICM":
        yield "a DICOM file", _SCAN
    if head.lstrip()[:14].lower().startswith(_WEB_PAGES):
        yield "a web page", "Download the file itself, for example by the link to the raw file."
    if len(head) >= 16:
        even, odd = head[0:16:2], head[1:16:2]
        if all(even) and not any(odd):
            yield "text in UTF-16", _UTF8.format("UTF-16LE")
        if all(odd) and not any(even):
            yield "text in UTF-16", _UTF8.format("UTF-16BE")
        if head[:4] == b"\0\0\0\0" and 1 <= int.from_bytes(head[4:8], "little") <= 64:
            yield "a Siemens raw data file (twix)", _SCAN
    if _is_mrui(head):
        yield "a binary jMRUI file (.mrui)", "Export it from jMRUI as text."


def _is_nifti(path: Path, head: bytes) -> bool:
    compressed = head.startswith(b"\x1f\x8b") and path.name.lower().endswith(".nii.gz")
    return compressed or head[344:348] in (b"n+1\0", b"ni1\0") or head[4:8] in (b"n+2\0", b"ni2\0")


def _is_mrui(head: bytes) -> bool:
    """Whether a file starts with 64 big-endian doubles, among them points, interval in ms and frequency in Hz."""
    if len(head) < 512:
        return False
    numbers = struct.unpack(">64d", head[:512])
    points, interval_ms, frequency_hz = numbers[1], numbers[2], numbers[5]
    return 2 <= points <= 2**24 and points == int(points) and 1e-4 < interval_ms < 1e3 and 1e5 < frequency_hz < 1e10
