"""One scan before and after each processing step, as a figure."""

import itertools
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.processed_scan import ProcessedScan
from mrs_keras.measured.processing import STEPS, process_scan
from mrs_keras.measured.references import reference_beside
from mrs_keras.measured.scan import ppm_axis
from mrs_keras.measured.scan_target import read_pair
from mrs_keras.measured.skipped import Skipped
from mrs_keras.plotting.measured import plot_steps
from mrs_keras.simulation import fid_to_spectrum

DRAWN_PPM = (-1.0, 6.0)


def process_file(
    path: str | os.PathLike,
    reference: str | os.PathLike | None = None,
    steps: Sequence[str] | None = None,
    *,
    mask: str | os.PathLike | None = None,
    conjugated: bool = False,
) -> tuple[ProcessedScan, Figure]:
    """Processes a file, and draws its spectrum before and after each step; of an image, the first voxel.

    Args:
      path: scan of any format that `read_scans` reads.
      reference: its water reference. Defaults to `None`: the one beside it, if there is one.
      steps: as in `process_scan`. Defaults to `None`.
      mask: as in `read_scans`. Defaults to `None`.
      conjugated: whether the files contain the conjugate of what the standard says. Defaults to `False`.

    Returns:
      The `ProcessedScan` and the figure.

    Raises:
      ValueError: as in `read_scans`, `check_scan` and `process_scan`.
    """
    path = Path(path)
    reference = reference_beside(path) if reference is None else Path(reference)
    scan = read_pair(path, reference, mask, conjugated)[0]
    check_scan(scan)
    try:
        processed = process_scan(scan, steps)
    except ValueError as error:
        raise ValueError(str(Skipped(str(path), str(error)))) from error
    return processed, draw_stages(processed)


def draw_stages(processed: ProcessedScan) -> Figure:
    """Draws the spectrum of a scan before and after each processing step, from -1 to 6 ppm."""
    ppm = ppm_axis(len(processed.fid), processed.bandwidth_hz, processed.spectrometer_frequency_mhz)
    inside = (ppm >= DRAWN_PPM[0]) & (ppm <= DRAWN_PPM[1])

    def spectrum(fid: np.ndarray) -> np.ndarray:
        return fid_to_spectrum(fid)[inside]

    stages = processed.stages
    steps = [
        (f"{STEPS[after.name]}{': ' if after.note else ''}{after.note}", spectrum(before.fid), spectrum(after.fid))
        for before, after in itertools.pairwise(stages)
    ]
    if not steps:
        steps = [(f"no step ran: {stages[0].note}", spectrum(stages[0].fid), spectrum(stages[0].fid))]
    return plot_steps(ppm[inside], steps)
