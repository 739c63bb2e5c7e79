"""A scan after its processing, with its noise and quality."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.measured.noise import Noise
from mrs_keras.measured.quality import Quality
from mrs_keras.measured.resampling import resample, resampled_noise
from mrs_keras.simulation import fid_to_spectrum


@dataclasses.dataclass(frozen=True, eq=False)
class Stage:
    """A scan after one of the steps.

    Attributes:
      name: of the step, or `"raw"`.
      fid: complex (points,), the mean over transients and, before they are combined, that of the strongest coil.
      note: what the step found, in words.
    """

    name: str
    fid: np.ndarray
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class ProcessedScan:
    """A scan as one FID, with its noise and quality.

    Attributes:
      fid: complex (points,), at the receiver's bandwidth, in the units of the scan.
      bandwidth_hz: of `fid`, Hz.
      spectrometer_frequency_mhz: MHz.
      noise: of `fid`.
      quality: SNR and linewidths.
      residual_water: height of the residual water before its removal, as a multiple of that of NAA.
      shift_hz: shift that referencing removed, Hz; positive is to higher ppm. 0 without referencing.
      phase_rad: phase that was removed, rad. 0 without that step.
      transients: number of transients, and of those kept.
      water_amplitude: magnitude of the FID of the water reference at its beginning, in the units of `fid`; NaN without
        a reference.
      peaks_ppm: name of a singlet -> where it is, ppm.
      stages: the scan after each step.
      warnings: in words.
    """

    fid: np.ndarray
    bandwidth_hz: float
    spectrometer_frequency_mhz: float
    noise: Noise
    quality: Quality
    residual_water: float
    shift_hz: float
    phase_rad: float
    transients: tuple[int, int]
    water_amplitude: float
    peaks_ppm: dict[str, float]
    stages: tuple[Stage, ...]
    warnings: tuple[str, ...]

    def spectrum(self, acquisition: Acquisition) -> np.ndarray:
        """Returns the spectrum in the window of an acquisition: complex128 (window_points,), units of the scan.

        Raises:
          ValueError: if the receiver's band does not cover the window.
        """
        fid = resample(self.fid, self.bandwidth_hz, acquisition)
        return fid_to_spectrum(fid)[acquisition.window]

    def noise_sigma(self, acquisition: Acquisition) -> float:
        """Returns the standard deviation of the real part of the noise in `spectrum(acquisition)`."""
        return self.noise.sigma * resampled_noise(len(self.fid), self.bandwidth_hz, acquisition).factor
