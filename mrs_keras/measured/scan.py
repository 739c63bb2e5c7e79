"""A measured scan in memory, and the axes of its signal."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.checks import check_positive


@dataclasses.dataclass(frozen=True, eq=False)
class Scan:
    """One voxel of a measurement: its FIDs, and what the header says about them.

    The sign convention is that of the package: ppm = 4.65 + f / f0, so that NAA is at 2.01 ppm. The first point of a
    FID is at t = 0, and is not halved.

    Args:
      fids: complex (coils, transients, points); 1 for each axis that the file does not have. Arbitrary units.
      spectrometer_frequency_mhz: f0, MHz.
      bandwidth_hz: receiver bandwidth, Hz.
      echo_time_ms: Defaults to `None`: not in the header.
      repetition_time_ms: Defaults to `None`: not in the header.
      nucleus: Defaults to `"1H"`.
      sequence: name of the sequence in the header. Defaults to `None`: not in the header.
      path: of the file. Defaults to an empty path.
      voxel: indices of the voxel in a file with several. Defaults to `None`: a single voxel.
      header: the header as plain JSON data. Defaults to `{}`.
      reference: water reference of the same voxel. Defaults to `None`: there is none.
    """

    fids: np.ndarray
    spectrometer_frequency_mhz: float
    bandwidth_hz: float
    echo_time_ms: float | None = None
    repetition_time_ms: float | None = None
    nucleus: str = "1H"
    sequence: str | None = None
    path: Path = Path()
    voxel: tuple[int, int, int] | None = None
    header: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    reference: "Scan | None" = None

    def __post_init__(self):
        check_positive("spectrometer_frequency_mhz", self.spectrometer_frequency_mhz, 123.2)
        check_positive("bandwidth_hz", self.bandwidth_hz, 2000.0)
        if np.ndim(self.fids) != 3 or not np.iscomplexobj(self.fids):
            raise ValueError(
                "`fids` must be complex, of shape (coils, transients, points). "
                f"Received: shape {np.shape(self.fids)}, dtype {np.asarray(self.fids).dtype}."
            )

    @property
    def coils(self) -> int:
        """int: number of receiver coils."""
        return self.fids.shape[0]

    @property
    def transients(self) -> int:
        """int: number of transients (single averages)."""
        return self.fids.shape[1]

    @property
    def points(self) -> int:
        """int: complex points per FID."""
        return self.fids.shape[2]

    @property
    def name(self) -> str:
        """str: file name, with the voxel if the file has several."""
        return self.path.name if self.voxel is None else f"{self.path.name}[{', '.join(map(str, self.voxel))}]"


def time_axis_s(points: int, bandwidth_hz: float) -> np.ndarray:
    """Returns the sampling times of a measured FID in s, float64 (points,): `n / bandwidth_hz`, from 0."""
    return np.arange(points) / bandwidth_hz


def frequency_axis_hz(points: int, bandwidth_hz: float) -> np.ndarray:
    """Returns the frequencies of the points of a spectrum in Hz, float64 (points,), rising: those of the FFT."""
    return np.fft.fftshift(np.fft.fftfreq(points, 1 / bandwidth_hz))


def ppm_axis(points: int, bandwidth_hz: float, spectrometer_frequency_mhz: float) -> np.ndarray:
    """Returns the chemical shifts of the points of a spectrum in ppm, float64 (points,), rising.

    Peaks are measured on this axis. `Acquisition.ppm_axis`, that of FSL-MRS, includes both ends of the band and is
    half a point off in the middle.
    """
    return PPM_REFERENCE + frequency_axis_hz(points, bandwidth_hz) / spectrometer_frequency_mhz
