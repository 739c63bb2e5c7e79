"""What latents carry: their KL divergence, and the information about the parameters of the spectra in them."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.feature_selection import mutual_info_regression
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mrs_keras.simulation import voigt_fwhm_hz

LANDMARKS = 300
"""Number of radial basis functions of the nonlinear regressor."""


@dataclasses.dataclass(frozen=True)
class Predictability:
    """R2 of the prediction of a number from all latents, on held-out examples.

    1 is perfect, 0 as good as the mean, and a little below 0 is chance.

    Attributes:
      linear: of a linear regression.
      nonlinear: of a kernel ridge regression.
    """

    linear: float
    nonlinear: float


def kl_per_unit(z_mean: np.ndarray, z_log_var: np.ndarray) -> np.ndarray:
    """Returns the mean KL divergence of each latent's posterior from N(0, 1), nats: (latent_dim,).

    Args:
      z_mean: (batch, latent_dim).
      z_log_var: (batch, latent_dim).
    """
    return 0.5 * np.mean(np.exp(z_log_var) + z_mean**2 - 1 - z_log_var, axis=0, dtype=np.float64)


def latent_factors(examples: Mapping[str, np.ndarray], metabolites: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Returns what a latent could carry: name -> (batch,).

    Concentrations, and whatever else the dataset has: line shape, phases, each baseline coefficient, and everything
    that is one number per spectrum, such as an effect.

    Args:
      examples: of the dataset, as `load_arrays` returns them.
      metabolites: names, in the order of the concentrations.
    """
    factors = dict(zip(metabolites, examples["concentrations"].T, strict=True))
    factors |= {name: examples[name] for name in ("gamma", "sigma") if name in examples}
    if {"gamma", "sigma"} <= factors.keys():
        factors["linewidth"] = voigt_fwhm_hz(examples["gamma"], examples["sigma"])
    factors |= {name: examples[name] for name in ("eps", "phi0", "phi1") if name in examples}
    for column, values in enumerate(examples["baseline"].T if "baseline" in examples else ()):
        factors[f"baseline {'imaginary' if column % 2 else 'real'} {column // 2}"] = values
    others = (name for name, values in examples.items() if values.ndim == 1 and values.dtype.kind == "f")
    return factors | {name: examples[name] for name in others if name not in (*factors, "linewidth_hz")}


def predictability(latents: np.ndarray, targets: Mapping[str, np.ndarray]) -> dict[str, Predictability]:
    """Predicts numbers from latents, by five-fold cross-validation.

    The nonlinear regressor is a ridge regression on radial basis functions (kernel ridge regression, by Nystroem's
    method); its penalty is chosen within each fold, and grows where there is nothing to learn.

    Args:
      latents: (batch, latent_dim).
      targets: name -> (batch,).

    Returns:
      name -> `Predictability`.
    """
    columns = standardised(np.stack(list(targets.values()), axis=1))
    radial = Nystroem(gamma=0.5 / latents.shape[1], n_components=min(LANDMARKS, len(latents) // 2), random_state=0)
    penalty = RidgeCV(np.logspace(-4, 4, 17), alpha_per_target=True)
    folds = KFold(5, shuffle=True, random_state=0)
    linear, nonlinear = (
        r2_score(columns, cross_val_predict(regressor, latents, columns, cv=folds), multioutput="raw_values")
        for regressor in (LinearRegression(), make_pipeline(StandardScaler(), radial, penalty))
    )
    scores = zip(targets, linear.tolist(), nonlinear.tolist(), strict=True)
    return {name: Predictability(*of_target) for name, *of_target in scores}


def mutual_information(latents: np.ndarray, factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the mutual information of each latent and each factor, nats: (factors, latent_dim).

    Estimated from nearest neighbours (Kraskov et al. 2004, doi 10.1103/PhysRevE.69.066138); 0 if they are independent,
    slightly above 0 by chance.

    Args:
      latents: (batch, latent_dim).
      factors: name -> (batch,).
    """
    return np.stack(
        [mutual_info_regression(latents, standardised(values), random_state=0) for values in factors.values()]
    )


def standardised(values: np.ndarray) -> np.ndarray:
    """Returns columns of mean 0 and standard deviation 1, or of zeros where a column is constant."""
    values = np.asarray(values, np.float64)
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)
