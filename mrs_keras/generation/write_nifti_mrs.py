"""Generated spectra as one NIfTI-MRS file."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mrs_keras.data.description import DatasetDescription
from mrs_keras.generation.blocks import Block
from mrs_keras.generation.fid_header import scan_of, shared_header, truth_of_rows
from mrs_keras.generation.output import check_size
from mrs_keras.measured.generated_spectra import NOISE_KEY
from mrs_keras.measured.write_scan import SpectraAxis, write_scan

LARGEST_BYTES = 2**31
"""Of the FIDs in a file, which are in memory at once: 131,072 spectra of 2,048 points."""


def check(number: int, description: DatasetDescription) -> None:
    """Raises `ValueError` if the file would be too large."""
    remedy = "'bids' writes a file for each spectrum, 'tfds' TFRecord files"
    check_size(number, 8 * description.acquisition.points, LARGEST_BYTES, "one NIfTI-MRS file", remedy)


def write(path: Path, blocks: Iterator[Block], number: int, description: DatasetDescription) -> None:
    """Writes FIDs of the whole band, and in the header extension what is known about each.

    NIfTI-MRS (Clarke et al. 2022, doi 10.1002/mrm.29418) stores time-domain data. `whole_fids` has what a FID is made
    of; the header says it too, under `ProcessingApplied` and `GeneratedWindow`.

    The spectra are stored along dimension 5, of the kind DIM_USER_0, since they are not repetitions of one measurement,
    which a program may average. Its header, `dim_5_header`, has a key for each label, such as `NAA_mM`, and for
    `NoiseSigma`, with one number per spectrum. The latents are not written: they can be recomputed from the seed and
    the model in the header.

    Args:
      path: file to write, `.nii` or `.nii.gz`.
      blocks: of rows, in order.
      number: of rows in all blocks.
      description: of the spectra.
    """
    fids = np.empty((1, number, description.acquisition.points), np.complex64)
    truth, start = [], 0
    for block in blocks:
        stop = start + len(block["fid"])
        fids[0, start:stop] = block["fid"]
        truth += truth_of_rows(description, block["concentrations"], block["noise_sigma"], block["truth"])
        start = stop
    noisy = any(row[NOISE_KEY]["Value"] for row in truth)
    header = {
        key: {"Value": [_value(row[key]) for row in truth], "Description": first["Description"]}
        for key, first in truth[0].items()
    }
    axis = SpectraAxis("Generated spectra, each with its own labels", header)
    write_scan(path, scan_of(fids, description), header=shared_header(description, noisy), spectra=axis)


def _value(entry: dict):
    """Returns the value of a key of one row: what is not the description."""
    if "Value" in entry:
        return entry["Value"]
    return {name: value for name, value in entry.items() if name != "Description"}
