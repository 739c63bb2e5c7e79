"""Reads scans in the formats of vendors, by spec2nii."""

import math
import re
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mrs_keras.measured import header as headers
from mrs_keras.measured.file_kinds import fault, looks_like, read_head
from mrs_keras.measured.read_nifti_mrs import open_nifti_mrs, scans_of
from mrs_keras.measured.scan import Scan
from mrs_keras.optional import check_nifti_mrs_installed, check_spec2nii_installed

# What spec2nii calls each format, and the options that it needs. `{path}` is the file.
_PROGRAMS: dict[str, tuple[str, ...]] = {
    ".dat": ("twix", "-e", "image", "-q", "{path}"),
    ".7": ("ge", "{path}"),
    ".mrui": ("jmrui", "{path}"),
    ".txt": ("jmrui", "{path}"),
}
# By a word of the manufacturer in the header; spec2nii's own choice knows one spelling of each.
_DICOM_PROGRAMS = {"siemens": "dicom", "philips": "philips_dcm", "uih": "uih", "united imaging": "uih"}
_DICOM_SUFFIXES = (".ima", ".dcm")
SUFFIXES = (".sdat", ".spar", ".rda", *_DICOM_SUFFIXES, *_PROGRAMS)
"""Suffixes of the files that `read_vendor` takes, in lower case."""

_TIMEOUT_S = 300
_EXPORT_AGAIN = "Export it from the scanner again."
_RDA_END = b">>> End of header <<<\r\n"
_RDA_SIZE = re.compile(rb"^(VectorSize|CSIMatrixSize\[[012]\]): *(\d+)", re.MULTILINE)
_PROGRAM = "import sys; from spec2nii.spec2nii import main; sys.exit(main())"


def read_vendor(path: Path, mask: Path | None = None) -> list[Scan]:
    """Reads all scans of a file in the format of a vendor.

    Philips `.SDAT` with its `.SPAR` (in upper or lower case, the one of the same name), Siemens `.RDA`, twix `.dat`,
    GE `.7`, DICOM (one file) and jMRUI, as far as spec2nii reads them (doi 10.1002/mrm.29418). The first two are read
    in this process, in milliseconds; for the others, spec2nii runs as a program of its own.

    Args:
      path: of the file.
      mask: NIfTI image of the voxels to read. Defaults to `None`: all voxels with a signal.

    Raises:
      FileNotFoundError: if the file or its partner does not exist.
      ModuleNotFoundError: if spec2nii is not installed.
      ValueError: if spec2nii cannot read the file, or what it reads is not a spectrum.
    """
    path = Path(path)
    head = read_head(path)
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise fault(path, "its suffix is not one of a scan.", f"Known suffixes: .nii, .nii.gz, {', '.join(SUFFIXES)}.")
    if head.startswith((b"version https://git-lfs", b"/annex/objects/")):
        raise fault(path, f"it looks like {looks_like(head)[0]}.", looks_like(head)[1])
    check_nifti_mrs_installed()
    check_spec2nii_installed()
    if suffix in (".sdat", ".spar"):
        data, description = _philips_pair(path)
        return _in_process(data, mask, lambda: _convert_philips(data, description))
    if suffix == ".rda":
        if not head.startswith(b">>> Begin of header <<<"):
            raise fault(path, f"it is not a Siemens .rda file, but looks like {looks_like(head)[0]}.", _EXPORT_AGAIN)
        _check_complete_rda(path)
        return _in_process(path, mask, lambda: _convert_rda(path))
    if suffix == ".txt" and b"jmrui" not in head.lower():
        raise fault(path, f"it is not a text file of jMRUI, but looks like {looks_like(head)[0]}.", looks_like(head)[1])
    arguments = (_dicom_program(path), "{path}") if suffix in _DICOM_SUFFIXES else _PROGRAMS[suffix]
    return _by_program(path, mask, arguments)


def _philips_pair(path: Path) -> tuple[Path, Path]:
    """Returns the `.SDAT` and the `.SPAR` file of a scan, whatever the case of their suffixes."""
    pair = []
    for suffix in (".sdat", ".spar"):
        same_name = (file for file in path.parent.iterdir() if file.stem == path.stem and file.suffix.lower() == suffix)
        partner = path if path.suffix.lower() == suffix else next(iter(sorted(same_name)), None)
        if partner is None:
            raise FileNotFoundError(
                f"'{path}' has no {suffix.upper()} file beside it. Expected: '{path.with_suffix(suffix.upper())}', the "
                f"{'header' if suffix == '.spar' else 'data'} of the scan. Copy it into the same folder."
            )
        read_head(partner)
        pair.append(partner)
    return pair[0], pair[1]


def _check_complete_rda(path: Path) -> None:
    """Raises unless the data have the size that the header announces; spec2nii accepts files that are cut off."""
    header, end, data = path.read_bytes().partition(_RDA_END)
    sizes = [int(size) for _, size in _RDA_SIZE.findall(header)]
    expected = 16 * math.prod(sizes)
    if not end or not sizes or len(data) != expected:
        raise fault(
            path,
            f"it is cut off or damaged: its header announces {expected} bytes of data, and it has {len(data)}.",
            _EXPORT_AGAIN,
        )


def _dicom_program(path: Path) -> str:
    """Returns what spec2nii calls the DICOM files of the manufacturer of a file."""
    import pydicom  # which spec2nii installs

    try:
        manufacturer = pydicom.dcmread(path, stop_before_pixels=True, specific_tags=["Manufacturer"]).Manufacturer
    except Exception as error:  # pydicom can raise any exception on a damaged file
        raise fault(path, f"it is not a DICOM file that names its manufacturer ({error}).", _EXPORT_AGAIN) from error
    program = next((name for word, name in _DICOM_PROGRAMS.items() if word in str(manufacturer).lower()), None)
    if program is None:
        raise fault(
            path,
            f"it is a DICOM file of {str(manufacturer)!r}. Expected: Siemens, Philips or UIH, which spec2nii reads.",
            "Export raw data instead, such as the .7 file of GE.",
        )
    return program


def _convert_philips(data: Path, description: Path) -> list[Any]:
    from spec2nii.Philips.philips import read_sdat_spar_pair

    return read_sdat_spar_pair(data, description, tags=[None, None, None])[0]


def _convert_rda(path: Path) -> list[Any]:
    from spec2nii.Siemens.rda import convert_rda

    return convert_rda(path, None, False)[0]


def _in_process(path: Path, mask: Path | None, convert: Callable[[], list[Any]]) -> list[Scan]:
    """Returns the scans of images of nifti-mrs that a function of spec2nii makes."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            images = convert()
    except Exception as error:  # spec2nii can raise any exception on a damaged file
        raise _not_read(path, f"{type(error).__name__}: {error}") from error
    image = _only(path, images)
    return scans_of(image, {**headers.read_sidecar(path), **image.hdr_ext.to_dict()}, path, mask)


def _by_program(path: Path, mask: Path | None, arguments: tuple[str, ...]) -> list[Scan]:
    """Returns the scans of a file that spec2nii, run as a program, converts to NIfTI-MRS."""
    with tempfile.TemporaryDirectory() as folder:
        options = [argument.format(path=path.absolute()) for argument in arguments]
        command = [sys.executable, "-c", _PROGRAM, *options, "-o", folder, "-f", "scan"]
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, errors="replace", timeout=_TIMEOUT_S, cwd=folder, check=False
            )
        except subprocess.TimeoutExpired:
            raise _not_read(path, f"it did not finish within {_TIMEOUT_S} s") from None
        converted = sorted(Path(folder).glob("*.nii.gz"))
        if done.returncode or not converted:
            lines = [line for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise _not_read(path, lines[-1].strip() if lines else "it wrote no file")
        image, header = open_nifti_mrs(_only(path, converted))
        return scans_of(image, {**headers.read_sidecar(path), **header}, path, mask)


def _only(path: Path, images: list[Any]) -> Any:
    """Returns the only image of a file; some sequences, such as HYPER, have several."""
    if len(images) != 1:
        raise fault(
            path,
            f"spec2nii makes {len(images)} images of it. Expected: one.",
            "Convert it yourself, and give the NIfTI-MRS file of one of them.",
        )
    return images[0]


def _not_read(path: Path, reason: str) -> ValueError:
    return fault(
        path,
        f"spec2nii cannot convert it ({reason}).",
        "Is it complete? Try spec2nii itself, `spec2nii --help`, or export the scan again, as NIfTI-MRS or raw data.",
    )
