"""Generated spectra: whether they carry their labels, and whether they are physical."""

import numpy as np
from sklearn.metrics import r2_score

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.parameter_errors import relative_error
from mrs_keras.evaluation.reconstruction import summary
from mrs_keras.fitting.spectral_fit import SpectralFit
from mrs_keras.models import CVAE
from mrs_keras.simulation.keyed_random import keyed_uniform


def uniform_concentrations(model: CVAE, count: int, seed: int = 0) -> np.ndarray:
    """Returns labels drawn uniformly from the trained ranges: float64 (count, metabolites), mM."""
    low, high = np.array(model.concentration_range_mm).T
    return low + (high - low) * keyed_uniform(0, count, len(low), seed, "concentrations of generated spectra")


def label_fidelity(recovered: np.ndarray, requested: np.ndarray, physics: DatasetPhysics) -> dict[str, dict]:
    """Holds recovered concentrations against those that were asked for.

    Args:
      recovered: (batch, metabolites), mM.
      requested: same shape, mM.
      physics: of the dataset.

    Returns:
      metabolite -> `"median"` and `"percentile_95"` of the relative error; `"slope"` of recovered over requested
      (least squares); and `"r2"`, the share of their variance that is as requested: 1 - sum (recovered - requested)^2 /
      sum (requested - mean)^2. The best slope and R2 are 1; R2 has no lower end.
    """
    numbers = {}
    for name, found, wanted in zip(physics.prior.metabolites, recovered.T, requested.T, strict=True):
        numbers[name] = {
            **summary(relative_error(found, wanted, physics.range_of(name).high)),
            "slope": float(np.polyfit(wanted, found, 1)[0]),
            "r2": float(r2_score(wanted, found)),
        }
    return numbers


def generation_numbers(fit: SpectralFit, requested: np.ndarray, physics: DatasetPhysics) -> dict:
    """Returns label fidelity and physicality of spectra.

    Args:
      fit: of the spectra.
      requested: concentrations asked for, (batch, metabolites), mM.
      physics: of the dataset.

    Returns:
      dict of `"concentration_error"`, pooled over metabolites; `"concentrations"`, by metabolite as `label_fidelity`
      returns them; `"distance_from_physical_model"`, relative L2; and `"fits_not_converged"`, the number of spectra
      whose fit found no minimum: they count with the best point found.
    """
    recovered = fit.parameters.concentrations
    highest = np.array([physics.range_of(name).high for name in physics.prior.metabolites])
    return {
        "concentration_error": summary(relative_error(recovered, requested, highest)),
        "concentrations": label_fidelity(recovered, requested, physics),
        "distance_from_physical_model": summary(fit.residual),
        "fits_not_converged": int(np.sum(~fit.converged)),
    }
