"""Receiver coils: the signal received by each of several coils."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from mrs_keras.checks import check_finite
from mrs_keras.random_streams import COIL_NOISE
from mrs_keras.simulation.effects_on_fids import checked_fids
from mrs_keras.simulation.keyed_random import keyed_normal


def receive_with_coils(
    fid: np.ndarray,
    amplitude: ArrayLike,
    phase: ArrayLike,
    *,
    noise_covariance: ArrayLike | None = None,
    seed: int = 0,
    split: str = "train",
    start: int = 0,
) -> np.ndarray:
    """Simulates the reception of FIDs by several coils, with coil sensitivities and noise correlated between coils.

    Coil c receives `fid * amplitude_c * exp(i phase_c)`, as FSL-MRS simulates it (doi 10.1002/mrm.28630), and noise
    whose real and imaginary parts each have the covariance `noise_covariance` between coils (Roemer et al. 1990,
    doi 10.1002/mrm.1910160203). Noise of example k depends only on (seed, split, k).

    Args:
      fid: complex (batch, points).
      amplitude: (coils,) or (batch, coils), sensitivities, no unit.
      phase: (coils,) or (batch, coils), rad.
      noise_covariance: (coils, coils), symmetric and positive definite, in the squared units of the FID: half of
        E[n_a conj(n_b)]. Defaults to `None`: no noise.
      seed: of the noise. Defaults to `0`.
      split: name of the split that the noise belongs to. Defaults to `"train"`.
      start: index of the first FID in its split. Defaults to `0`.

    Returns:
      complex (batch, points, coils), in the axis order of NIfTI-MRS.

    Raises:
      ValueError: if shapes disagree, a value is not finite, or the covariance is invalid.

    Example:

    >>> receive_with_coils(np.ones((2, 5), complex), [1.0, 0.5, 0.2], [0.0, 1.0, 2.0]).shape
    (2, 5, 3)
    """
    fid = checked_fids(fid)
    amplitude = check_finite("amplitude", np.asarray(amplitude, np.float64))
    phase = check_finite("phase", np.asarray(phase, np.float64))
    coils = amplitude.shape[-1] if amplitude.ndim else 0
    if amplitude.shape not in ((coils,), (len(fid), coils)) or phase.shape != amplitude.shape or not coils:
        raise ValueError(
            "`amplitude` and `phase` must have the same shape, one number per coil, or per spectrum and coil. "
            f"Expected (coils,) or ({len(fid)}, coils). Received: amplitude.shape={amplitude.shape}, "
            f"phase.shape={phase.shape}."
        )
    sensitivity = np.broadcast_to(amplitude * np.exp(1j * phase), (len(fid), coils)).astype(fid.dtype)
    received = fid[:, :, None] * sensitivity[:, None, :]
    if noise_covariance is None:
        return received
    factor = _cholesky(noise_covariance, coils)
    points = fid.shape[1]
    white = keyed_normal(start, start + len(fid), 2 * points * coils, seed, split, COIL_NOISE)
    white = white.reshape(len(fid), points, coils, 2)
    return received + np.einsum("cd,bpd->bpc", factor, white[..., 0] + 1j * white[..., 1]).astype(fid.dtype)


def _cholesky(covariance: ArrayLike, coils: int) -> np.ndarray:
    """Returns the lower factor L of the covariance L L^T: float64 (coils, coils)."""
    covariance = check_finite("noise_covariance", np.asarray(covariance, np.float64))
    if covariance.shape == (coils, coils) and np.allclose(covariance, covariance.T):
        try:
            return np.linalg.cholesky(covariance)
        except np.linalg.LinAlgError:
            pass
    raise ValueError(
        "`noise_covariance` must be a symmetric, positive definite matrix of one row and column per coil. "
        f"Expected shape: ({coils}, {coils}). Received: noise_covariance={covariance.tolist()}. "
        "Give for example np.eye(coils)."
    )


@dataclasses.dataclass(frozen=True, eq=False)
class CoilArray:
    """Coils around a voxel, with noise of a known level.

    Coil c has the complex sensitivity `coil_amplitude_c exp(i coil_phase_c)`. Its phase is that of the field of the
    coil and that of its cable. The cables turn signal and noise alike, so that the covariance of the noise is complex.

    Args:
      coil_amplitude: float (coils,), sensitivities, no unit.
      coil_phase_rad: float (coils,), their phases, cables included, rad.
      cable_phase_rad: float (coils,), of the cables alone, rad.
      noise_covariance_before_cables: float (coils, coils), symmetric and positive definite, in the squared units of the
        FIDs: half of E[n_a conj(n_b)] before the cables.
    """

    coil_amplitude: np.ndarray
    coil_phase_rad: np.ndarray
    cable_phase_rad: np.ndarray
    noise_covariance_before_cables: np.ndarray

    @classmethod
    def with_noise_of(
        cls,
        coil_amplitude: np.ndarray,
        field_phase_rad: np.ndarray,
        cable_phase_rad: np.ndarray,
        relative_covariance: np.ndarray,
        *,
        sigma: float,
        transients: int,
    ) -> "CoilArray":
        """Returns coils whose best combination, averaged over the transients, has a given noise.

        The best combination that has a gain of 1 has noise of the variance 1 / (s^H C^-1 s), s the sensitivities and C
        the covariance (Roemer et al. 1990, doi 10.1002/mrm.1910160203), and the mean of n transients 1 / n of that.

        Args:
          coil_amplitude: float (coils,), sensitivities, no unit.
          field_phase_rad: float (coils,), phases of the fields of the coils, without cables, rad.
          cable_phase_rad: float (coils,), rad.
          relative_covariance: float (coils, coils), of the noise before the cables, up to a factor.
          sigma: standard deviation of the real part of the noise of the combined mean, in the units of the FIDs.
          transients: number of averaged transients.
        """
        signal = coil_amplitude * np.exp(1j * field_phase_rad)
        power = (signal.conj() @ np.linalg.solve(relative_covariance, signal)).real
        level = sigma / (1 / np.sqrt(power * transients))
        return cls(coil_amplitude, field_phase_rad + cable_phase_rad, cable_phase_rad, level**2 * relative_covariance)

    @classmethod
    def from_truth(cls, truth: Mapping[str, Any]) -> "CoilArray":
        """Returns the coils that the header of a simulated scan describes, by the names of the arguments."""
        return cls(*(np.asarray(truth[field.name], np.float64) for field in dataclasses.fields(cls)))

    @property
    def noise_covariance(self) -> np.ndarray:
        """complex128 (coils, coils), Hermitian: half of E[n_a conj(n_b)] of the noise as received."""
        turn = np.exp(1j * self.cable_phase_rad)
        return self.noise_covariance_before_cables * np.outer(turn, turn.conj())

    def receive(self, signal: np.ndarray, *, seed: int, split: str, start: int) -> np.ndarray:
        """Simulates the reception of transients; noise of transient j depends only on (seed, split, start + j).

        Args:
          signal: complex (transients, points), without noise.
          seed: of the noise.
          split: name of the split that the noise belongs to.
          start: index of the first transient in its split.

        Returns:
          complex (coils, transients, points), as `Scan` has it.
        """
        received = receive_with_coils(
            signal,
            self.coil_amplitude,
            self.coil_phase_rad - self.cable_phase_rad,
            noise_covariance=self.noise_covariance_before_cables,
            seed=seed,
            split=split,
            start=start,
        )
        return received.transpose(2, 0, 1) * np.exp(1j * self.cable_phase_rad)[:, None, None]


def neighbour_correlation(coils: int, correlation: float) -> np.ndarray:
    """Returns the correlation of the noise of coils in a row: `correlation` to the power of their distance.

    Args:
      coils: number of coils.
      correlation: of neighbours, from 0 to below 1.

    Returns:
      float64 (coils, coils), symmetric and positive definite.
    """
    distance = np.abs(np.subtract.outer(np.arange(coils), np.arange(coils)))
    return correlation**distance
