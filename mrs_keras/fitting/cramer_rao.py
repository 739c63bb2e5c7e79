"""Cramer-Rao bounds of a fit with weak priors and a smooth baseline."""

import numpy as np


def cramer_rao(jacobian: np.ndarray, noise_sigma: float, prior: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bound of the standard deviation of each unknown, and their correlations.

    It is the Bayesian bound, the inverse of the information of data and priors together (Van Trees, Detection,
    Estimation, and Modulation Theory, part I, 1968, section 2.4.3): with the weak priors on amplitudes and shifts, and
    with the penalty of the baseline as the prior of its coefficients, for the smoothness that was chosen. Amplitudes at
    their bound of 0 count as free, so the bounds hold for amplitudes that are well above 0.

    Args:
      jacobian: float64 (unknowns, data), derivatives of real and imaginary part of the spectrum.
      noise_sigma: standard deviation of the noise of each datum.
      prior: float64 (unknowns, unknowns), information of the priors.

    Returns:
      float64 (unknowns,) and float64 (unknowns, unknowns).
    """
    information = jacobian @ jacobian.T / noise_sigma**2 + prior
    scale = 1 / np.sqrt(np.maximum(np.diag(information), 1e-300))
    covariance = np.linalg.inv(information * scale[:, None] * scale + 1e-12 * np.eye(len(scale)))
    covariance *= scale[:, None] * scale
    deviations = np.sqrt(np.diag(covariance))
    return deviations, covariance / deviations[:, None] / deviations
