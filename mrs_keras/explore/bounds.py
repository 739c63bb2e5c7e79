"""Cramer-Rao bounds of the parameters of the physical model."""

import dataclasses

import numpy as np

from mrs_keras.basis import Basis
from mrs_keras.fitting.cramer_rao import cramer_rao
from mrs_keras.simulation import SpectralParameters, baseline_polynomials, forward_model

LINES = ("gamma", "sigma", "eps", "phi0", "phi1")

STEP = 1e-6
"""Relative step of the derivatives; the model is smooth, and computed in double precision."""

SIZES = {"gamma": 1.0, "sigma": 1.0, "eps": 1.0, "phi0": 1.0, "phi1": 1e-3}
"""Size that the step of a derivative is relative to, in the unit of each parameter."""


def physical_bounds(
    parameters: SpectralParameters, basis: Basis, noise_sigma: float, phi1_limit: float
) -> dict[str, float]:
    """Returns the Cramer-Rao bound of each parameter of one spectrum of the physical model.

    The bound is the smallest standard deviation that an unbiased fit of gamma, sigma, eps, phi0, phi1, concentrations
    and baseline can have in white noise: the root of the diagonal of the inverse Fisher information (Cavassila et al.,
    NMR Biomed 14:278-283, 2001, doi 10.1002/nbm.701).

    Args:
      parameters: of one spectrum, all metabolites with one line shape.
      basis: scaled, of its metabolites.
      noise_sigma: standard deviation of the real, and of the imaginary part of the noise of each point.
      phi1_limit: bound of |phi1| in the fit, rad/Hz. It is taken as a normal prior with the deviation of a uniform one,
        `phi1_limit / sqrt(3)`; 0 keeps phi1 at its value.

    Returns:
      name of `LINES`, or metabolite -> bound, in the unit of the parameter; infinite where the spectrum does not depend
      on it.
    """
    window = basis.acquisition.window
    together = [0] * len(basis.names)

    def spectrum(**changes) -> np.ndarray:
        changed = dataclasses.replace(parameters, **changes)
        return forward_model(changed, basis, metabolite_groups=together)[0, window]

    rows = []
    for name in LINES:
        value, step = np.asarray(getattr(parameters, name), np.float64), STEP * SIZES[name]
        rows.append((spectrum(**{name: value + step}) - spectrum(**{name: value - step})) / (2 * step))
    ones = np.eye(len(basis.names))
    for one in ones:
        rows.append(spectrum(concentrations=one[None], baseline=None))
    orders = parameters.baseline.shape[1] // 2
    polynomials = baseline_polynomials(basis.acquisition, orders - 1)[window].T
    for polynomial in polynomials:
        rows += [polynomial.astype(complex), 1j * polynomial]
    jacobian = np.ascontiguousarray(np.stack(rows)).view(np.float64)
    known = np.zeros(len(jacobian), bool)
    prior = np.zeros((len(jacobian), len(jacobian)))
    phi1 = LINES.index("phi1")
    if phi1_limit:
        prior[phi1, phi1] = 3 / phi1_limit**2
    else:
        known[phi1] = True
    deviations, _ = cramer_rao(jacobian, noise_sigma, prior, known)
    return dict(zip((*LINES, *basis.names), deviations.tolist(), strict=False))
