"""The fit of an evaluation for spectra whose prior has a spline baseline, a mean residual or groups."""

import numpy as np

from mrs_keras.basis import Basis
from mrs_keras.fitting import InVivoModel, SpectralFit, fit_spectra
from mrs_keras.simulation import Prior, SpectralParameters

SPLINES_PER_PPM, FREEDOM_PER_PPM = 10.0, 8.0
"""Of the baseline of the fit. Chosen on 60 spectra of `brain_press_te30`, whose baselines are known: the residual is
1.02 times the noise, and concentrations are off by 10 % (median); with 6.67 and 4, the fit's defaults in vivo, 1.41
times and 25 %."""


def in_vivo_model(prior: Prior) -> InVivoModel:
    """Returns the model of the fit: the columns are those of the prior, which shift apart if it has groups."""
    groups = {} if prior.groups else {"groups": {}}
    return InVivoModel(
        broad=(),
        creatine_ch2=False,
        align_basis=False,
        splines_per_ppm=SPLINES_PER_PPM,
        baseline_freedom=(FREEDOM_PER_PPM,),
        **groups,
    )


def fit_as_in_vivo(spectra: np.ndarray, prior: Prior, basis: Basis, noise_sigma: float) -> SpectralFit:
    """Fits spectra as those measured in vivo, with the columns of a prior.

    Args:
      spectra: complex (batch, window_points).
      prior: of the spectra.
      basis: signals of the prior's metabolites, in their order.
      noise_sigma: standard deviation of the real part of the noise, for all spectra.

    Returns:
      `SpectralFit`, without baseline coefficients: they are of other splines than those of the prior.
    """
    fits = fit_spectra(spectra, basis, model=in_vivo_model(prior), noise_sigma=noise_sigma)
    names = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1")
    return SpectralFit(
        parameters=SpectralParameters(**{name: getattr(fits, name) for name in names}),
        fitted=fits.fitted,
        residual=np.linalg.norm(fits.residual, axis=1) / np.linalg.norm(spectra, axis=1),
        converged=fits.converged,
    )
