"""What the latents carry: how much of them is used, for which parameter, and that no label leaks into them."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from sklearn.ensemble import ExtraTreesRegressor
from sklearn.feature_selection import mutual_info_regression
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LinearRegression, RidgeCV
from sklearn.metrics import r2_score
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS
from mrs_keras.simulation import voigt_fwhm_hz
from mrs_keras.simulation.keyed_random import keyed_normal

LANDMARKS = 300
"""Radial basis functions of the nonlinear regressor."""


@dataclasses.dataclass(frozen=True, eq=False)
class Disentanglement:
    """Result of `disentanglement`, all from 0 to 1, where 1 is best.

    Args:
      disentanglement: whether a latent carries one parameter alone.
      completeness: whether a parameter is carried by one latent alone.
      informativeness: parameter -> R2 of its prediction from all latents, for examples that the regressor did not see.
    """

    disentanglement: float
    completeness: float
    informativeness: dict[str, float]


def kl_per_unit(z_mean: np.ndarray, z_log_var: np.ndarray) -> np.ndarray:
    """Returns the mean KL divergence of each latent's posterior from N(0, 1), nats: (latent_dim,).

    Args:
      z_mean: (batch, latent_dim).
      z_log_var: (batch, latent_dim).
    """
    return 0.5 * np.mean(np.exp(z_log_var) + z_mean**2 - 1 - z_log_var, axis=0, dtype=np.float64)


def latent_factors(examples: Mapping[str, np.ndarray], metabolites: tuple[str, ...]) -> dict[str, np.ndarray]:
    """Returns what a latent could carry: name -> (batch,).

    Concentrations, line shape, phases, each baseline coefficient, and the effects that are one number per spectrum.

    Args:
      examples: of the dataset, as `load_arrays` gives them.
      metabolites: names, in the order of the concentrations.
    """
    factors = dict(zip(metabolites, examples["concentrations"].T, strict=True))
    factors |= {name: examples[name] for name in ("gamma", "sigma")}
    factors["linewidth"] = voigt_fwhm_hz(examples["gamma"], examples["sigma"])
    factors |= {name: examples[name] for name in ("eps", "phi0", "phi1")}
    for column, values in enumerate(examples["baseline"].T):
        factors[f"baseline {'imaginary' if column % 2 else 'real'} {column // 2}"] = values
    others = (name for name, values in examples.items() if values.ndim == 1 and values.dtype.kind == "f")
    return factors | {name: examples[name] for name in others if name not in (*factors, "linewidth_hz")}


def predictability(latents: np.ndarray, targets: Mapping[str, np.ndarray]) -> dict[str, dict[str, float]]:
    """Predicts numbers from latents, by five-fold cross-validation.

    The nonlinear regressor is a ridge regression on radial basis functions (kernel ridge regression, by Nystroem's
    method); its penalty is chosen within each fold, and grows where there is nothing to learn.

    Args:
      latents: (batch, latent_dim).
      targets: name -> (batch,).

    Returns:
      name -> `"linear"` and `"nonlinear"`, R2 of examples that the regressor did not see: 1 is perfect, 0 as good as
      the mean, and a little below 0 is chance.
    """
    columns = _standardised(np.stack(list(targets.values()), axis=1))
    radial = Nystroem(gamma=0.5 / latents.shape[1], n_components=min(LANDMARKS, len(latents) // 2), random_state=0)
    penalty = RidgeCV(np.logspace(-4, 4, 17), alpha_per_target=True)
    regressors = {"linear": LinearRegression(), "nonlinear": make_pipeline(StandardScaler(), radial, penalty)}
    folds = KFold(5, shuffle=True, random_state=0)
    scores = {
        kind: r2_score(columns, cross_val_predict(regressor, latents, columns, cv=folds), multioutput="raw_values")
        for kind, regressor in regressors.items()
    }
    return {
        name: {kind: float(values[column]) for kind, values in scores.items()} for column, name in enumerate(targets)
    }


def mutual_information(latents: np.ndarray, factors: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns the mutual information of each latent and each factor, nats: (factors, latent_dim).

    Estimated from nearest neighbours (Kraskov et al. 2004, doi 10.1103/PhysRevE.69.066138); 0 where they are
    independent, and by chance a little above.

    Args:
      latents: (batch, latent_dim).
      factors: name -> (batch,).
    """
    return np.stack(
        [mutual_info_regression(latents, _standardised(values), random_state=0) for values in factors.values()]
    )


def disentanglement(latents: np.ndarray, factors: Mapping[str, np.ndarray]) -> Disentanglement:
    """Measures whether latents and parameters pair up one to one (Eastwood and Williams, ICLR 2018).

    Extremely randomised trees predict each parameter from the latents; the importance R_ij of latent i for parameter j
    says who carries what. With P_ij the share of latent i's importance that goes to parameter j, the disentanglement of
    latent i is 1 less the entropy of P_i. over its largest value; latents are weighed by their importance. Completeness
    is the same for the shares of parameter j's importance among the latents, averaged over the parameters.

    Args:
      latents: (batch, latent_dim), of at least two latents.
      factors: parameter -> (batch,), at least two.
    """
    importances, scores = [], {}
    for name, values in factors.items():
        trees = ExtraTreesRegressor(100, min_samples_leaf=5, bootstrap=True, oob_score=True, random_state=0)
        trees.fit(latents, _standardised(values))
        importances.append(trees.feature_importances_)
        scores[name] = float(trees.oob_score_)
    importance = np.stack(importances, axis=1)
    of_latent = _one_less_entropy(importance)
    weight = importance.sum(axis=1) / importance.sum()
    return Disentanglement(float(of_latent @ weight), float(_one_less_entropy(importance.T).mean()), scores)


def _one_less_entropy(importance: np.ndarray) -> np.ndarray:
    """Returns 1 less the entropy of each row's shares, over that of equal shares: (rows,)."""
    shares = importance / np.maximum(importance.sum(axis=1, keepdims=True), 1e-300)
    logarithms = np.log(np.where(shares > 0, shares, 1.0))
    return 1 + (shares * logarithms).sum(axis=1) / np.log(importance.shape[1])


def _standardised(values: np.ndarray) -> np.ndarray:
    """Returns columns of mean 0 and standard deviation 1, or of zeros where a column is constant."""
    values = np.asarray(values, np.float64)
    deviation = values.std(axis=0)
    return (values - values.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)


def evaluate_latent_space(
    posterior: Mapping[str, np.ndarray], examples: Mapping[str, np.ndarray], metabolites: tuple[str, ...]
) -> dict:
    """Returns all numbers of this module for the posterior of some examples.

    Latents are drawn from the posteriors: in a posterior mean, what the noise of an unused latent drowns can be seen.

    Args:
      posterior: `"z_mean"` and `"z_log_var"`, each (batch, latent_dim).
      examples: of the dataset, as `load_arrays` gives them.
      metabolites: names, in the order of the concentrations.

    Returns:
      dict of `"kl_per_unit"`, nats; `"mutual_information"`, nats, factor -> list over latents; `"labels"` and
      `"parameters"`, as `predictability` returns them; and `"dci"`, of gamma, sigma, eps, phi0 and the baseline.
      phi1 is left out of it: in its range it changes a spectrum by less than the model's own error.
    """
    noise = keyed_normal(0, *posterior["z_mean"].shape, 0, "latents of an evaluation")
    latents = posterior["z_mean"] + np.exp(0.5 * posterior["z_log_var"]) * noise
    factors = latent_factors(examples, metabolites)
    carried = {
        name: values for name, values in factors.items() if name in LINE_PARAMETERS or name.startswith("baseline")
    }
    with threadpool_limits(1, "blas"):  # small matrices: threads would wait for each other
        scores, predicted = disentanglement(latents, carried), predictability(latents, factors)
    return {
        "kl_per_unit": kl_per_unit(posterior["z_mean"], posterior["z_log_var"]).tolist(),
        "labels": {name: predicted[name] for name in metabolites},
        "parameters": {name: score for name, score in predicted.items() if name not in metabolites},
        "mutual_information": {
            name: row.tolist() for name, row in zip(factors, mutual_information(latents, factors), strict=True)
        },
        "dci": dataclasses.asdict(scores),
    }
