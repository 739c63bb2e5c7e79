"""Receiver coils: the signal received by each of several coils."""

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
