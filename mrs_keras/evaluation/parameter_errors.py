"""How far recovered parameters are from the true ones."""

import numpy as np

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
from mrs_keras.evaluation.reconstruction import summary
from mrs_keras.simulation import UNITS, SpectralParameters

ERROR_UNITS = {**{name: UNITS[name] for name in LINE_PARAMETERS}, "baseline": "fraction of the tallest peak"}
"""Parameter -> unit of its error; errors of concentrations are relative."""

LEAST_SHARE = 0.1
"""A concentration error is relative to the true value, but to no less than this share of the highest concentration:
some ranges begin at 0."""


def parameter_errors(
    found: SpectralParameters, true: SpectralParameters, physics: DatasetPhysics
) -> dict[str, np.ndarray]:
    """Returns the errors of recovered parameters, each (batch,) and none negative.

    Args:
      found: recovered.
      true: of the same spectra.
      physics: of their dataset.

    Returns:
      `"gamma"` and `"sigma"` in 1/s, `"eps"` in rad/s, `"phi0"` in rad, the shorter way round; `"baseline"`, the
      largest error of a coefficient as a fraction of the tallest peak; and each metabolite, relative.
    """
    found, true = physics.values(found), physics.values(true)
    errors = {name: np.abs(found[name] - true[name]) for name in ("gamma", "sigma", "eps")}
    errors["phi0"] = np.abs(np.angle(np.exp(1j * (found["phi0"] - true["phi0"]))))
    errors["baseline"] = np.abs(found["baseline"] - true["baseline"]).max(axis=1)
    for name in physics.prior.metabolites:
        errors[name] = relative_error(found[name], true[name], physics.range_of(name).high)
    return errors


def relative_error(found: np.ndarray, true: np.ndarray, highest: float | np.ndarray) -> np.ndarray:
    """Returns the relative errors of concentrations; `highest`, the end of their range, broadcasts. All in mM."""
    return np.abs(found - true) / np.maximum(true, LEAST_SHARE * highest)


def error_numbers(errors: dict[str, np.ndarray], physics: DatasetPhysics) -> dict:
    """Returns median and 95th percentile of each error, concentrations in a group of their own, and pooled."""
    metabolites = physics.prior.metabolites
    pooled = np.concatenate([errors[name] for name in metabolites])
    return {
        **{name: summary(errors[name]) for name in ERROR_UNITS},
        "concentrations": {name: summary(errors[name]) for name in metabolites},
        "all_concentrations": summary(pooled),
    }
