"""What the scans of a dataset are processed to, and the check that they are alike."""

import dataclasses
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.generated_spectra import read_entry
from mrs_keras.measured.processed_scan import ProcessedScan
from mrs_keras.measured.read_scan import read_scans
from mrs_keras.measured.scan import Scan, ppm_axis
from mrs_keras.measured.sequence_name import sequence_of_name
from mrs_keras.simulation import fid_to_spectrum

SCALES = ("metabolites", "water", "none")
"""What each spectrum is divided by: the norm of its metabolites, the amplitude of its water reference, or nothing."""

METABOLITES_PPM = (1.9, 3.35)
"""Range whose norm scales the spectra: from NAA to Cho, without lipids and residual water."""

FREQUENCY_TOLERANCE = 0.001
"""Largest relative difference between spectrometer frequencies: at most 2.7 mppm at NAA, on the common axis."""

ECHO_TIME_TOLERANCE_MS = 0.5


@dataclasses.dataclass(frozen=True)
class ScanTarget:
    """What all scans of a dataset have in common after processing.

    Attributes:
      acquisition: that spectra are resampled to.
      echo_time_ms: ms, or `None` if it is not known.
      sequence: its name, or `None` if it is not known.
      scaling: one of `SCALES`.
      steps: processing steps, or `None` for all that a scan allows.
      mask: NIfTI file of the voxels of spectroscopic images, or `None`.
      conjugated: whether the files contain the conjugate of what the standard says.
    """

    acquisition: Acquisition
    echo_time_ms: float | None
    sequence: str | None
    scaling: str
    steps: tuple[str, ...] | None
    mask: str | None
    conjugated: bool

    def read(self, file: ScanFile) -> list[Scan]:
        """Reads the scans of a file, with their references."""
        return read_file(file, self.mask, self.conjugated)

    def check(self, scan: Scan) -> None:
        """Raises `ValueError` if a scan's field, echo time or sequence differ."""
        mhz = self.acquisition.spectrometer_frequency_mhz
        if abs(scan.spectrometer_frequency_mhz / mhz - 1) > FREQUENCY_TOLERANCE:
            raise ValueError(_different(scan, "field", f"{mhz:.2f} MHz", f"{scan.spectrometer_frequency_mhz:.2f} MHz"))
        echo_times_ms = self.echo_time_ms, scan.echo_time_ms
        if None not in echo_times_ms and abs(scan.echo_time_ms - self.echo_time_ms) > ECHO_TIME_TOLERANCE_MS:
            raise ValueError(_different(scan, "echo time", *(f"{time:g} ms" for time in echo_times_ms)))
        sequences = self.sequence, scan.sequence
        # Vendors have names of their own for PRESS and STEAM.
        if None not in sequences and len({sequence_of_name(name) or name.lower() for name in sequences}) > 1:
            raise ValueError(_different(scan, "sequence", *sequences))

    def scale_of(self, processed: ProcessedScan, scan: Scan) -> float:
        """Returns the number that a spectrum is divided by, in the units of the scan.

        With `"metabolites"`, it is the norm of the points from 1.9 to 3.35 ppm, over 100; with `"water"`, the amplitude
        of the water reference, over 100.

        Raises:
          ValueError: if there is no water reference to scale by.
        """
        if self.scaling == "none":
            return 1.0
        if self.scaling == "metabolites":
            ppm = ppm_axis(len(processed.fid), processed.bandwidth_hz, processed.spectrometer_frequency_mhz)
            inside = (ppm >= METABOLITES_PPM[0]) & (ppm <= METABOLITES_PPM[1])
            # Resampling changes an orthonormal spectrum by the root of the ratio of the bandwidths.
            factor = np.sqrt(self.acquisition.bandwidth_hz / processed.bandwidth_hz)
            return float(factor * np.linalg.norm(fid_to_spectrum(processed.fid)[inside]) / 100)
        if np.isnan(processed.water_amplitude):
            raise ValueError(
                f"'{scan.path}' has no water reference to scale by. Expected a file `*_mrsref.nii.gz` beside it. Add "
                "it, or give scale='metabolites' or scale='none'."
            )
        return processed.water_amplitude / 100


def read_file(file: ScanFile, mask: str | Path | None = None, conjugated: bool = False) -> list[Scan]:
    """Reads the scans that a `ScanFile` stands for; `mask` and `conjugated` as in `ScanTarget`."""
    if file.entry is not None:
        return [read_entry(file)]
    return read_pair(file.path, file.reference, mask, conjugated)


def read_pair(
    path: Path, reference: Path | None, mask: str | Path | None = None, conjugated: bool = False
) -> list[Scan]:
    """Reads the scans of a file with their water references; `mask` and `conjugated` as in `ScanTarget`."""
    scans = read_scans(path, reference, mask)
    return [_conjugate(scan) for scan in scans] if conjugated else scans


def _conjugate(scan: Scan) -> Scan:
    reference = None if scan.reference is None else _conjugate(scan.reference)
    return dataclasses.replace(scan, fids=np.conj(scan.fids), reference=reference)


def _different(scan: Scan, what: str, expected: str, received: str) -> str:
    return (
        f"'{scan.path}' has another {what} than the dataset. Expected: {expected}, as most scans or the config say. "
        f"Received: {received}. "
        f"Put the scans of another {what} in a folder of their own."
    )
