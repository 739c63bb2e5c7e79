"""A scan as a NIfTI-MRS file."""

import dataclasses
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

import mrs_keras
from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_finite
from mrs_keras.files import replacing
from mrs_keras.measured.names import NIFTI_SUFFIXES
from mrs_keras.measured.scan import Scan
from mrs_keras.optional import check_nifti_mrs_installed

OWN_KEYS = ("SpectrometerFrequency", "ResonantNucleus", "SpectralWidth", "EchoTime", "RepetitionTime", "SequenceName")
"""Keys of the header extension that are written from the fields of `Scan`."""


@dataclasses.dataclass(frozen=True)
class SpectraAxis:
    """The second axis of `Scan.fids` where it has spectra of their own, which must not be averaged.

    Args:
      info: what they are.
      header: key -> `{"Value": [one per spectrum], "Description": what it is}`.
    """

    info: str
    header: Mapping[str, Mapping[str, Any]]


def write_scan(
    path: str | os.PathLike,
    scan: Scan,
    *,
    header: Mapping[str, Any] | None = None,
    spectra: SpectraAxis | None = None,
) -> None:
    """Writes a scan as a NIfTI-MRS file of one voxel, `scan.reference` not included.

    NIfTI-MRS (Clarke et al. 2022, doi 10.1002/mrm.29418) stores the complex conjugate of what is in memory, here in
    single precision. Coils are dimension `DIM_COIL` and transients `DIM_DYN`, in this order; an axis of length 1 is
    left out. The position of the voxel is unknown: the affine matrix is the default of the standard, a cube of 10 m.
    The same scan gives the same bytes. The file appears under its name only when it is complete.

    Args:
      path: file to write, `.nii.gz` or `.nii`. An existing file is replaced.
      scan: the scan.
      header: keys of the header extension, as plain JSON data, which take precedence over those of `scan.header`. A key
        that the standard does not define needs a mapping with a `Description`. Keys that follow from the fields of
        `scan` (`OWN_KEYS`, `dim_5`, `dim_5_header`, ...) cannot be given here, and those in `scan.header` are ignored.
        Defaults to `None`.
      spectra: what the second axis is if it is not transients; it becomes `DIM_USER_0`, also with length 1. Defaults
        to `None`: transients.

    Raises:
      ModuleNotFoundError: if nifti-mrs is not installed.
      ValueError: if the ending is another one, a FID is not finite, or `header` does not meet the standard.

    Example:

    >>> scan = Scan(np.ones((4, 16, 1024), complex), spectrometer_frequency_mhz=123.2, bandwidth_hz=2000.0)
    >>> write_scan("sub-01_svs.nii.gz", scan, header={"ProtocolName": "press"})  # doctest: +SKIP
    """
    path = Path(path)
    if not path.name.endswith(NIFTI_SUFFIXES):
        raise ValueError(
            f"A scan is written as NIfTI-MRS. Expected a name that ends in {' or '.join(NIFTI_SUFFIXES)}. "
            f"Received: '{path}'. Rename it, for example to '{path.name.split('.')[0]}.nii.gz'."
        )
    check_nifti_mrs_installed()
    from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
    from nifti_mrs.validator import Error, validate_nifti_mrs

    fids = check_finite("scan.fids", scan.fids).astype(np.complex64)
    second = "DIM_DYN" if spectra is None else "DIM_USER_0"
    axes = [
        (tag, axis) for tag, axis in (("DIM_COIL", 0), (second, 1)) if scan.fids.shape[axis] > 1 or tag == "DIM_USER_0"
    ]
    data = fids.transpose(2, 0, 1).reshape(1, 1, 1, scan.points, *(fids.shape[axis] for _, axis in axes))
    extension = _header_extension(scan, [tag for tag, _ in axes], dict(header or {}), spectra)
    try:
        # nifti-mrs conjugates when it writes and reads; in memory it has this package's sign convention.
        image = gen_nifti_mrs_hdr_ext(data, 1 / scan.bandwidth_hz, extension).image
        validate_nifti_mrs(image)
    except Error as error:
        raise ValueError(
            f"'{path}' would not be a valid NIfTI-MRS file: {error} Expected: keys of the types that the standard "
            "defines. Correct `header` or `scan.header`."
        ) from error
    with replacing(path) as partial:
        # Its own `save` creates a file that only the owner can read.
        image.nibImage.to_filename(partial)


def _header_extension(scan: Scan, tags: list[str], given: dict[str, Any], spectra: SpectraAxis | None):
    """Returns the `nifti_mrs.hdr_ext.Hdr_Ext` of the file."""
    from nifti_mrs.definitions import standard_defined
    from nifti_mrs.hdr_ext import Hdr_Ext

    fixed = sorted(key for key in given if _follows_from_scan(key))
    if fixed:
        raise ValueError(
            f"`header` must not hold keys that follow from the scan. Received: {', '.join(fixed)}. "
            "Set the fields of `Scan` instead, for example with `dataclasses.replace(scan, echo_time_ms=30.0)`."
        )
    extension = Hdr_Ext(scan.spectrometer_frequency_mhz, scan.nucleus, dimensions=4 + len(tags))
    for dimension, tag in enumerate(tags):
        own_spectra = {"info": spectra.info, "hdr": dict(spectra.header)} if tag == "DIM_USER_0" else {}
        extension.set_dim_info(dimension, tag, **own_spectra)
    own = {
        "SpectralWidth": scan.bandwidth_hz,
        "EchoTime": None if scan.echo_time_ms is None else scan.echo_time_ms / 1000,
        "RepetitionTime": None if scan.repetition_time_ms is None else scan.repetition_time_ms / 1000,
        "SequenceName": scan.sequence,
    }
    read = {key: value for key, value in scan.header.items() if not _follows_from_scan(key)}
    defaults = {"SpecFreqChemShift": PPM_REFERENCE, "ConversionMethod": f"mrs_keras {mrs_keras.__version__}"}
    for key, value in {**own, **defaults, **read, **given}.items():
        if value is None:
            continue
        if key in standard_defined:
            extension.set_standard_def(key, value)
        elif isinstance(value, Mapping) and isinstance(value.get("Description"), str):
            extension.set_user_def(key, dict(value), value["Description"])
        elif key in read:  # from a sidecar of BIDS, whose keys need no description
            extension.set_user_def(key, value, "As in the file that it was read from")
        else:
            raise ValueError(
                f"The header key '{key}' is not defined by the NIfTI-MRS standard, so that it must describe itself. "
                f'Expected: a mapping with a "Description". Received: {value!r}. '
                f'Give for example {{"{key}": {{"Value": ..., "Description": "what it is, and its unit"}}}}.'
            )
    return extension


def _follows_from_scan(key: str) -> bool:
    return key in OWN_KEYS or key.startswith(("dim_5", "dim_6", "dim_7"))
