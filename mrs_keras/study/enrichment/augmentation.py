"""Classical augmentation of spectra, and the noise of the task."""

import dataclasses

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.random_streams import ENRICHMENT
from mrs_keras.simulation.keyed_random import keyed_normal, keyed_uniform


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Amounts of the classical augmentation, each drawn uniformly for every example.

    They are of the size of what processing leaves over, and of the differences between scanners and shims. Spectra are
    changed in the time domain of their window; the noise comes last, so that broadening does not smooth it.

    Attributes:
      phase_rad: largest zero-order phase, either sign, rad.
      shift_hz: largest frequency shift, either sign, Hz.
      lorentzian_hz: largest Lorentzian broadening (full width at half maximum), Hz.
      gaussian_hz: largest Gaussian broadening (full width at half maximum), Hz.
      baseline: largest coefficient of each Legendre polynomial of order 0 to 4, real and imaginary, over the tallest
        point of the spectrum.
    """

    phase_rad: float = 0.15
    shift_hz: float = 1.5
    lorentzian_hz: float = 1.5
    gaussian_hz: float = 1.5
    baseline: float = 0.02

    def __call__(self, spectra: np.ndarray, acquisition: Acquisition, seed: int, stream: str) -> np.ndarray:
        """Augments spectra; that of row k depends on (seed, stream, k) and its spectrum alone.

        Args:
          spectra: complex (m, window_points).
          acquisition: of the spectra.
          seed: of the draws.
          stream: name of the draws.

        Returns:
          complex128 (m, window_points).
        """
        count, points = spectra.shape
        draws = keyed_uniform(0, count, 4 + 2 * (BASELINE_ORDER + 1), ENRICHMENT, seed, stream)
        phase, shift, lorentzian, gaussian = draws[:, :4, None].swapaxes(0, 1)
        phase, shift = (2 * phase - 1) * self.phase_rad, (2 * shift - 1) * self.shift_hz
        lorentzian, gaussian = lorentzian * self.lorentzian_hz, gaussian * self.gaussian_hz
        # Signed times: a window holds a little of the signal before its start.
        time_s = np.fft.fftfreq(points) * points / (points * acquisition.bandwidth_hz / acquisition.points)
        decay = -np.pi * lorentzian * np.abs(time_s) - (np.pi * gaussian * time_s) ** 2 / (4 * np.log(2))
        fids = np.fft.ifft(spectra, axis=1) * np.exp(decay + 1j * (2 * np.pi * shift * time_s + phase))
        height = np.abs(spectra).max(axis=1, keepdims=True)
        real, imaginary = (2 * draws[:, 4:] - 1).reshape(count, 2, -1).swapaxes(0, 1)
        curves = np.polynomial.legendre.legvander(np.linspace(-1, 1, points), BASELINE_ORDER)
        baseline = self.baseline * height * ((real + 1j * imaginary) @ curves.T)
        return np.fft.fft(fids, axis=1) + baseline


BASELINE_ORDER = 4


def with_noise(spectra: np.ndarray, carried: np.ndarray, wanted: np.ndarray, seed: int, stream: str) -> np.ndarray:
    """Adds white noise to spectra up to a level; the noise of row k depends on (seed, stream, k) and the levels alone.

    Args:
      spectra: complex (m, points).
      carried: float (m,), standard deviation of the noise that each real number carries already.
      wanted: float (m,), that it has afterwards. Where more is carried, nothing is added.
      seed: of the noise.
      stream: name of the noise.

    Returns:
      complex128 (m, points).
    """
    count, points = spectra.shape
    added = np.sqrt(np.maximum(wanted**2 - carried**2, 0))
    noise = keyed_normal(0, count, 2 * points, ENRICHMENT, seed, stream)
    return spectra + added[:, None] * noise.view(np.complex64).astype(np.complex128)
