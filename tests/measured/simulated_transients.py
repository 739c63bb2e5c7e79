"""Transients of known truth for the tests: the brain preset, its drift, and the Cramer-Rao bound."""

import dataclasses

import numpy as np

from mrs_keras.basis import basis_for
from mrs_keras.measured.scan import ppm_axis, time_axis_s
from mrs_keras.simulation import Prior, fid_to_spectrum, forward_model, keyed_random, spectrum_to_fid


@dataclasses.dataclass(frozen=True)
class Signal:
    """A noiseless FID, complex (points,), and its acquisition."""

    fid: np.ndarray
    bandwidth_hz: float
    frequency_mhz: float

    @property
    def time_s(self) -> np.ndarray:
        return time_axis_s(len(self.fid), self.bandwidth_hz)

    @property
    def arguments(self) -> tuple[float, float]:
        return self.bandwidth_hz, self.frequency_mhz

    def naa_height(self, fid: np.ndarray | None = None) -> float:
        """Height of the NAA peak in the magnitude spectrum."""
        spectrum = np.abs(fid_to_spectrum(self.fid if fid is None else fid))
        ppm = ppm_axis(len(self.fid), self.bandwidth_hz, self.frequency_mhz)
        return spectrum[(ppm > 1.9) & (ppm < 2.1)].max()

    def bound(self, sigma: float) -> np.ndarray:
        """Cramer-Rao bound of the shift (Hz) and phase (rad) of one transient if the signal were known: (2,).

        Fisher matrix of a signal in white noise, sigma the standard deviation of the real part: the sum over the points
        of the product of the derivatives, over sigma^2.
        """
        derivatives = np.stack([2j * np.pi * self.time_s * self.fid, 1j * self.fid])
        fisher = (derivatives.conj() @ derivatives.T).real / sigma**2
        return np.sqrt(np.diag(np.linalg.inv(fisher)))

    def transients(self, shift_hz, phase_rad) -> np.ndarray:
        return self.fid * np.exp(1j * (np.c_[phase_rad] + 2 * np.pi * np.c_[shift_hz] * self.time_s))


def brain(number: int = 0) -> Signal:
    """A spectrum of the brain preset (21 metabolites, macromolecules, lipids), without residual water."""
    prior = Prior.from_preset("brain_press_te30_uniform")
    basis = basis_for(prior.metabolites)
    parameters = dataclasses.replace(prior.draw(basis, number, number + 1, seed=0), baseline=None)
    acquisition = basis.acquisition
    fid = spectrum_to_fid(forward_model(parameters, basis))[0]
    return Signal(fid, acquisition.bandwidth_hz, acquisition.spectrometer_frequency_mhz)


def white_noise(shape: tuple[int, ...], *key) -> np.ndarray:
    """Complex white noise whose real and imaginary part have the standard deviation 1."""
    size = int(np.prod(shape))
    return keyed_random.keyed_normal(0, 1, 2 * size, *key).astype(float).view(complex).reshape(shape)
