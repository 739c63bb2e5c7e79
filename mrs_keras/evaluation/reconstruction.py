"""Reconstruction errors, and the principal component analysis that they are held against."""

import numpy as np
from sklearn.decomposition import PCA


def relative_l2(reconstruction: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Returns `||reconstruction - reference||_2 / ||reference||_2` of each example.

    Args:
      reconstruction: real or complex (batch, ...).
      reference: same shape.

    Returns:
      float64 (batch,).
    """
    reference = np.asarray(reference).reshape(len(reference), -1)
    difference = np.asarray(reconstruction).reshape(reference.shape) - reference
    return np.linalg.norm(difference, axis=1) / np.linalg.norm(reference, axis=1)


def pca_reconstruction(training: np.ndarray, spectra: np.ndarray, components: int) -> np.ndarray:
    """Reconstructs spectra from the first principal components of the training data.

    The best linear model with as many numbers per spectrum as the cVAE has latents; real and imaginary part are
    concatenated, as in the cVAE. It does not see the concentrations.

    Args:
      training: float (examples, points, 2).
      spectra: float (batch, points, 2).
      components: number of principal components.

    Returns:
      float64 (batch, points, 2).
    """
    flat = training.reshape(len(training), -1).astype(np.float64)
    space = PCA(components, svd_solver="covariance_eigh").fit(flat)
    points = spectra.reshape(len(spectra), -1).astype(np.float64)
    return space.inverse_transform(space.transform(points)).reshape(spectra.shape)


def summary(errors: np.ndarray) -> dict[str, float]:
    """Returns the median and the 95th percentile of errors."""
    return {"median": float(np.median(errors)), "percentile_95": float(np.quantile(errors, 0.95))}
