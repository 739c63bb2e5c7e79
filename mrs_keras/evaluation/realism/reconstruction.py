"""How well a model reconstructs real spectra that it has not seen, beside the noise and principal components."""

import dataclasses

import numpy as np
from sklearn.decomposition import PCA

from mrs_keras.evaluation.realism.spectra import WINDOW_PPM, RealSpectra, checked_spectra

COMPONENTS = 32
"""Principal components of the training spectra that the model is compared with."""


@dataclasses.dataclass(frozen=True)
class ReconstructionError:
    """Relative errors |x - y| / |x| (2-norm) from 0.2 to 4.2 ppm, medians over held-out spectra.

    Attributes:
      median: of the model's reconstructions.
      noise: of the noise alone: what a reconstruction of all signal, and of no noise, leaves.
      pca: of the projection on 32 principal components of the training spectra.
    """

    median: float
    noise: float
    pca: float


def measure_reconstruction(
    training: RealSpectra, held_out: RealSpectra, reconstructed: np.ndarray
) -> ReconstructionError:
    """Measures the reconstructions of held-out spectra, as they are: neither moved, nor turned, nor scaled.

    Args:
      training: real spectra that the model was made from, for the principal components.
      held_out: real spectra that it has not seen.
      reconstructed: complex (n, window_points), its reconstruction of each of them, without noise.

    Raises:
      ValueError: if there is not one finite reconstruction for each held-out spectrum.
    """
    reconstructed = checked_spectra("reconstructed", reconstructed, held_out.acquisition)
    if len(reconstructed) != len(held_out):
        raise ValueError(
            "`reconstructed` must have a spectrum for each held-out one. "
            f"Expected: {len(held_out)}. Received: {len(reconstructed)}. Reconstruct all of them, in their order."
        )
    ppm = held_out.acquisition.window_ppm_axis
    inside = (ppm >= WINDOW_PPM[0]) & (ppm <= WINDOW_PPM[1])
    known, new, rebuilt = (_features(each[:, inside]) for each in (training.spectra, held_out.spectra, reconstructed))
    size = np.linalg.norm(new, axis=1)
    space = PCA(min(COMPONENTS, len(known) - 1), svd_solver="full").fit(known)
    projected = space.inverse_transform(space.transform(new))
    return ReconstructionError(
        median=float(np.median(np.linalg.norm(rebuilt - new, axis=1) / size)),
        noise=float(np.median(held_out.noise_sigma * np.sqrt(new.shape[1]) / size)),
        pca=float(np.median(np.linalg.norm(projected - new, axis=1) / size)),
    )


def _features(spectra: np.ndarray) -> np.ndarray:
    return np.concatenate([spectra.real, spectra.imag], axis=1)
