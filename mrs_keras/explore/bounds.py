"""Cramer-Rao bounds of the parameters of the physical model."""

import numpy as np

from mrs_keras.basis import Basis
from mrs_keras.fitting.cramer_rao import cramer_rao
from mrs_keras.simulation import SpectralParameters, baseline_polynomials, forward_model

LINES = ("gamma", "sigma", "eps", "phi0", "phi1")

STEPS = {"gamma": 1e-4, "variance": 1e-2, "eps": 1e-4, "phi0": 1e-6, "phi1": 1e-8}
"""Steps of the derivatives in the unit of each parameter; the model is computed in double precision."""


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
    theta = {name: float(np.ravel(getattr(parameters, name))[0]) for name in LINES}
    # The derivative with respect to sigma vanishes at 0.
    theta = {"gamma": theta["gamma"], "variance": theta.pop("sigma") ** 2, **theta}

    def spectrum(concentrations=parameters.concentrations, baseline=parameters.baseline, **changes) -> np.ndarray:
        lines = {**theta, **changes}
        lines["sigma"] = np.sqrt(lines.pop("variance"))
        arrays = {name: np.array([value]) for name, value in lines.items()}
        changed = SpectralParameters(concentrations=concentrations, baseline=baseline, **arrays)
        return forward_model(changed, basis, metabolite_groups=together)[0, window]

    rows = []
    for name, value in theta.items():
        step = STEPS[name]
        # Neither width can be below 0.
        below = 0.0 if name in ("gamma", "variance") and value < step else step
        change = spectrum(**{name: value + step}) - spectrum(**{name: value - below})
        rows.append(change / (step + below))
    rows += [spectrum(concentrations=one[None], baseline=None) for one in np.eye(len(basis.names))]
    orders = parameters.baseline.shape[1] // 2
    for polynomial in baseline_polynomials(basis.acquisition, orders - 1)[window].T:
        rows += [polynomial.astype(complex), 1j * polynomial]
    jacobian = np.ascontiguousarray(np.stack(rows)).view(np.float64)
    prior, known = np.zeros((len(jacobian), len(jacobian))), np.zeros(len(jacobian), bool)
    names = [*theta, *basis.names]
    phi1 = names.index("phi1")
    if phi1_limit:
        prior[phi1, phi1] = 3 / phi1_limit**2
    else:
        known[phi1] = True
    deviations, _ = cramer_rao(jacobian, noise_sigma, prior, known)
    bounds = dict(zip(names, deviations.tolist(), strict=False))
    # d sigma = d sigma^2 / (2 sigma); at 0, the deviation of sigma is the root of that of sigma^2.
    variance = bounds.pop("variance")
    sigma = float(np.sqrt(theta["variance"]))
    bounds["sigma"] = min(variance / max(2 * sigma, 1e-300), np.sqrt(variance))
    return bounds
