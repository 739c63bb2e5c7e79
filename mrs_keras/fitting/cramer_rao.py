"""Cramer-Rao bounds of a fit with weak priors and a smooth baseline."""

import numpy as np


def cramer_rao(
    jacobian: np.ndarray, noise_sigma: float, prior: np.ndarray, known: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the bound of the standard deviation of each unknown, and their correlations.

    It is the Bayesian bound, the inverse of the information of data and priors together (Van Trees, Detection,
    Estimation, and Modulation Theory, part I, 1968, section 2.4.3): with the weak priors on amplitudes and shifts, and
    with the penalty of the baseline as the prior of its coefficients, for the smoothness that was chosen. Amplitudes at
    their bound of 0 count as free, so the bounds hold for amplitudes that are well above 0.

    Args:
      jacobian: float64 (unknowns, data), derivatives of real and imaginary part of the spectrum.
      noise_sigma: standard deviation of the noise of each datum.
      prior: float64 (unknowns, unknowns), information of the priors.
      known: bool (unknowns,), which are kept at a value by the model.

    Returns:
      float64 (unknowns,): 0 for what is known, infinite for what neither data nor priors say anything about; and
      float64 (unknowns, unknowns), those of the identity for both of these.
    """
    information = jacobian @ jacobian.T / noise_sigma**2 + prior
    diagonal = np.diag(information)
    free = ~known & (diagonal > 1e-12 * diagonal.max() * np.finfo(float).eps)
    scale = 1 / np.sqrt(diagonal[free])
    scaled = information[np.ix_(free, free)] * scale[:, None] * scale
    covariance = np.linalg.inv(scaled + 1e-12 * np.eye(len(scale)))
    spread = np.sqrt(np.diag(covariance))
    deviations = np.where(known, 0.0, np.inf)
    deviations[free] = spread * scale
    correlations = np.eye(len(known))
    correlations[np.ix_(free, free)] = covariance / spread[:, None] / spread
    return deviations, correlations
