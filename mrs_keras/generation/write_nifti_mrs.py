"""Generated spectra as NIfTI-MRS."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.data.description import DatasetDescription
from mrs_keras.simulation import channels_to_complex, spectrum_to_fid


def write_nifti_mrs(
    path: Path, blocks: Iterator[dict[str, np.ndarray]], number: int, description: DatasetDescription
) -> None:
    """Writes spectra as FIDs, and their concentrations in the header extension.

    NIfTI-MRS (Clarke et al. 2022, doi 10.1002/mrm.29418) stores time-domain data. A generated spectrum covers only the
    window of the model; it is padded with zeros to the whole band and transformed to the time domain by
    `spectrum_to_fid`: FSL-MRS, which halves the first point and divides the Fourier transform by sqrt(points), then
    shows the model's spectrum.

    The spectra are stored along dimension 5, of the kind DIM_USER_0, since they are not repetitions of one measurement,
    which a program may average. Its header, `dim_5_header`, has a key for each metabolite, such as `NAA_mM`, with one
    number per spectrum. The latents are not written: they can be recomputed from the seed and the model in the header.

    Args:
      path: file to write, `.nii` or `.nii.gz`.
      blocks: of rows, in order: `"spectrum"`, `"concentrations"` and `"z"`.
      number: of rows in all blocks.
      description: of the spectra.
    """
    from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
    from nifti_mrs.validator import validate_nifti_mrs

    acquisition = description.acquisition
    fids = np.empty((1, 1, 1, acquisition.points, number), np.complex64)
    concentrations = np.empty((number, len(description.labels)), np.float32)
    start = 0
    for block in blocks:
        rows = slice(start, start + len(block["spectrum"]))
        whole_band = np.zeros((len(block["spectrum"]), acquisition.points), np.complex64)
        whole_band[:, acquisition.window] = channels_to_complex(block["spectrum"])
        fids[0, 0, 0, :, rows] = spectrum_to_fid(whole_band).T
        concentrations[rows] = block["concentrations"]
        start = rows.stop
    header = _header_extension(concentrations, description)
    # nifti-mrs conjugates when it writes and reads; in memory it has this package's sign convention.
    image = gen_nifti_mrs_hdr_ext(fids, 1 / acquisition.bandwidth_hz, header).image
    validate_nifti_mrs(image)
    # Its own `save` creates a file that only the owner can read.
    image.nibImage.to_filename(path)


def _header_extension(concentrations: np.ndarray, description: DatasetDescription):
    """Returns the `nifti_mrs.hdr_ext.Hdr_Ext` that describes the file."""
    from nifti_mrs.hdr_ext import Hdr_Ext

    acquisition, labels = description.acquisition, description.labels
    header = Hdr_Ext(acquisition.spectrometer_frequency_mhz, "1H", dimensions=5)
    header.set_dim_info(
        0,
        "DIM_USER_0",
        info="Generated spectra, each with its own concentrations",
        hdr={
            _key(name, unit): {
                # The shortest decimal numbers that are read back as the same float32.
                "Value": [float(str(value)) for value in column],
                "Description": f"{labels.quantity.capitalize()} {name} that the spectrum was generated for, "
                f"{unit or 'no unit'}",
            }
            for name, unit, column in zip(labels.names, labels.units, concentrations.T, strict=True)
        },
    )
    header.set_standard_def("SpectralWidth", acquisition.bandwidth_hz)
    header.set_standard_def("SpecFreqChemShift", PPM_REFERENCE)
    header.set_standard_def("ConversionMethod", description.origin["generator"]["software"])
    window = acquisition.window
    header.set_user_def(
        "GeneratedWindow",
        {"ppm": list(acquisition.ppm_window), "first_point": window.start, "stop_point": window.stop},
        f"Points first_point to stop_point - 1, of {acquisition.points} with zero frequency in the middle, hold the "
        "generated spectrum. All others are zero: nothing is known there. Transform with the first point of the FID "
        "halved and the Fourier transform divided by sqrt(points), as FSL-MRS does.",
    )
    header.set_user_def(
        "Generated", description.to_metadata(), "Where these spectra come from: a model, no measurement"
    )
    return header


def _key(name: str, unit: str) -> str:
    """Returns the key of a label in the header, such as `NAA_mM`."""
    return f"{name}_{unit}" if unit else name
