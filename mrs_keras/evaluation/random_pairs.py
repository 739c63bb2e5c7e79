"""Interpolation between many random pairs of spectra: how often a parameter changes steadily, and alone."""

import numpy as np

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
from mrs_keras.evaluation.reconstruction import summary
from mrs_keras.models import CVAE
from mrs_keras.simulation import SpectralParameters, voigt_fwhm_hz

PAIRS = 200
"""Pairs of each kind."""

SPLIT = "evaluation"
"""Split that the pairs are drawn for: no training sees it."""

DRIFT_BOUNDS = {"median": 0.05, "percentile_95": 0.10}
"""What the drift of a parameter that should stay is held against, as a fraction of its training range."""


def evaluate_random_pairs(
    model: CVAE, physics: DatasetPhysics, varied: tuple[str, ...], pairs: int = PAIRS, steps: int = 11
) -> dict:
    """Interpolates between random pairs that are alike but for the `varied` parameters, and fits every spectrum.

    The pairs are those of `UniformPrior.draw_pairs`: 10 % and 90 % of the ranges of the varied parameters. They are
    encoded at once, and decoded at once on the straight lines between their latents.

    Args:
      model: trained.
      physics: of the dataset.
      varied: names among `LINE_PARAMETERS`.
      pairs: Defaults to `200`.
      steps: spectra of a path, ends included. Defaults to `11`.

    Returns:
      dict of `"alpha"` (steps,); `"paths"`, parameter -> recovered values (pairs, steps), those that vary with
      `"linewidth"` (Voigt, Hz) where both gamma and sigma do; `"true"`, the same for the ends (pairs, 2); and
      `"numbers"`, as `path_numbers` returns them.
    """
    ends = physics.prior.draw_pairs(physics.basis, varied, 0, pairs, seed=physics.seed, split=SPLIT)
    rows = np.repeat(np.arange(pairs), 2)
    spectra = physics.simulate(ends, rows, SPLIT)
    concentrations = ends.concentrations.astype(np.float32)
    z_mean = model.encoder.predict_on_batch({"spectrum": spectra, "concentrations": concentrations})["z_mean"]
    alpha = np.linspace(0, 1, steps)
    generated = model.generator.predict_on_batch(
        {"z": _between(z_mean, alpha), "concentrations": _between(concentrations, alpha)}
    )
    return paths_of(generated, ends, physics, varied, alpha)


def reference_pairs(physics: DatasetPhysics, varied: tuple[str, ...], pairs: int = PAIRS, steps: int = 11) -> dict:
    """Returns what `evaluate_random_pairs` would of a perfect model, whose paths are simulated, without noise.

    What these fall short by is the spectral fit's, which knows of no water, eddy currents and drift.
    """
    ends = physics.prior.draw_pairs(physics.basis, varied, 0, pairs, seed=physics.seed, split=SPLIT)
    alpha = np.linspace(0, 1, steps)
    along = SpectralParameters(
        **{name: _between(values, alpha, np.float64) for name, values in vars(ends).items() if values is not None}
    )
    simulated = physics.simulate(along, np.repeat(np.arange(pairs), steps), SPLIT, noise=False)
    return paths_of(simulated, ends, physics, varied, alpha)


def paths_of(
    spectra: np.ndarray, ends: SpectralParameters, physics: DatasetPhysics, varied: tuple[str, ...], alpha: np.ndarray
) -> dict:
    """Fits the spectra of paths, (pairs * steps, points, 2); returns what `evaluate_random_pairs` does."""
    shape = (len(ends) // 2, len(alpha))
    recovered = _tracked(physics.fit(spectra).parameters, physics, varied)
    true = _tracked(ends, physics, varied)
    paths = {name: values.reshape(*shape, *values.shape[1:]) for name, values in recovered.items()}
    true = {name: values.reshape(shape[0], 2, *values.shape[1:]) for name, values in true.items()}
    first = true["phi0"][:, :1]
    paths["phi0"] = first + np.unwrap(np.angle(np.exp(1j * (paths["phi0"] - first))), axis=1)
    return {"alpha": alpha, "paths": paths, "true": true, "numbers": path_numbers(paths, true, alpha, physics, varied)}


def path_numbers(
    paths: dict[str, np.ndarray],
    true: dict[str, np.ndarray],
    alpha: np.ndarray,
    physics: DatasetPhysics,
    varied: tuple[str, ...],
) -> dict:
    """Returns how steadily the varied parameters change, and how far the others stray.

    Args:
      paths: recovered parameter -> (pairs, steps).
      true: parameter -> (pairs, 2), of the ends.
      alpha: (steps,), from 0 to 1.
      physics: of the dataset.
      varied: names of the parameters in which the ends differ.

    Returns:
      dict of `"varied"`: parameter, and `"linewidth"` where gamma and sigma vary -> `"monotone"`, the share of paths
      that go strictly one way; `"step_back"`, median and 95th percentile of a path's largest step the other way, as a
      fraction of the true difference; `"r2"`, median and 5th percentile, against the straight line between the
      recovered ends; `"end_point_error"`, median and 95th percentile, as in `evaluate_interpolation`. And of
      `"drift"`: every other parameter -> median and 95th percentile of the largest distance of a path from the value
      that both ends have, as a fraction of the training range (for the baseline: over the coefficients, too), and
      whether they are `"within_bounds"`.
    """
    changing = (*varied, *(("linewidth",) if "linewidth" in paths else ()))
    numbers = {"pairs": len(paths["phi0"]), "varied": {}, "drift": {}, "drift_bounds": DRIFT_BOUNDS}
    for name in changing:
        values, difference = paths[name], np.diff(true[name], axis=1)
        line = values[:, :1] + alpha * (values[:, -1:] - values[:, :1])
        spread = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
        r2 = 1 - ((values - line) ** 2).sum(axis=1) / np.maximum(spread, 1e-300)
        ahead = (np.diff(values, axis=1) * np.sign(difference)).min(axis=1)
        end_error = np.abs(values[:, [0, -1]] - true[name]).max(axis=1) / np.abs(difference[:, 0])
        numbers["varied"][name] = {
            "monotone": float(np.mean(ahead > 0)),
            "step_back": summary(np.maximum(-ahead, 0) / np.abs(difference[:, 0])),
            "r2": {"median": float(np.median(r2)), "percentile_5": float(np.quantile(r2, 0.05))},
            "end_point_error": summary(end_error),
        }
    for name, values in paths.items():
        if name not in changing:
            away = np.abs(values - true[name][:, :1]).reshape(len(values), -1).max(axis=1) / physics.width_of(name)
            drift = summary(away)
            within = all(drift[key] <= bound for key, bound in DRIFT_BOUNDS.items())
            numbers["drift"][name] = {**drift, "within_bounds": within}
    return numbers


def _tracked(parameters: SpectralParameters, physics: DatasetPhysics, varied: tuple[str, ...]) -> dict[str, np.ndarray]:
    values = physics.values(parameters)
    tracked = {name: values[name] for name in (*LINE_PARAMETERS, "baseline", *physics.prior.metabolites)}
    if {"gamma", "sigma"} <= set(varied):
        tracked["linewidth"] = voigt_fwhm_hz(values["gamma"], values["sigma"])
    return tracked


def _between(ends: np.ndarray, alpha: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Returns the points on the straight lines between both of each pair: (2 pairs, ...) -> (pairs * steps, ...)."""
    first, second = ends[0::2, None], ends[1::2, None]
    weight = alpha.reshape(1, -1, *[1] * (ends.ndim - 1))
    return ((1 - weight) * first + weight * second).astype(dtype).reshape(-1, *ends.shape[1:])
