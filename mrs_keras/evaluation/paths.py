"""Paths between many random pairs of spectra: whether parameters change monotonically, and independently."""

import dataclasses
from typing import Literal

import numpy as np

from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
from mrs_keras.evaluation.summaries import LowerSummary, Summary
from mrs_keras.models import CVAE
from mrs_keras.simulation import SpectralParameters, voigt_fwhm_hz

PAIRS = 200
"""Number of pairs of each kind."""

SPLIT = "evaluation"
"""Name of the split that the pairs are drawn for; never used in training."""

DRIFT_BOUNDS = Summary(median=0.05, percentile_95=0.10)
"""Largest good drift of a parameter that should not change, as a fraction of its training range."""


@dataclasses.dataclass(frozen=True)
class Change:
    """The change of a parameter along paths whose ends differ in it.

    Attributes:
      monotone: share of paths that are strictly monotone.
      step_back: largest step of a path in the wrong direction, as a fraction of the true difference.
      r2: against the straight line between the recovered ends.
      end_point_error: larger deviation of a recovered end from its true value, over the true difference.
    """

    monotone: float
    step_back: Summary
    r2: LowerSummary
    end_point_error: Summary


@dataclasses.dataclass(frozen=True)
class Drift(Summary):
    """The drift of a parameter along paths whose ends agree in it.

    Attributes:
      median: of the largest distance of a path from the value of both ends, as a fraction of the training range; for
        the baseline over all its coefficients.
      percentile_95: of the same.
      within_bounds: whether both are within `DRIFT_BOUNDS`.
    """

    within_bounds: bool


@dataclasses.dataclass(frozen=True)
class PathNumbers:
    """Numbers of the paths between pairs of one kind.

    Attributes:
      pairs: number of pairs.
      varied: parameter in which the ends differ, and `"linewidth"` where both gamma and sigma do -> how it changes.
      drift: every other parameter -> its drift.
      drift_bounds: `DRIFT_BOUNDS`.
    """

    pairs: int
    varied: dict[str, Change]
    drift: dict[str, Drift]
    drift_bounds: Summary = DRIFT_BOUNDS


@dataclasses.dataclass(frozen=True, eq=False)
class Paths:
    """Paths between pairs of one kind.

    Attributes:
      alpha: float64 (steps,), from 0 to 1.
      recovered: parameter -> float64 (pairs, steps), with `"linewidth"` (Voigt, Hz) where both gamma and sigma vary; of
        the baseline (pairs, steps, coefficients).
      true: the same for the ends, (pairs, 2).
      numbers: of them.
    """

    alpha: np.ndarray
    recovered: dict[str, np.ndarray]
    true: dict[str, np.ndarray]
    numbers: PathNumbers


def evaluate_random_pairs(
    model: CVAE,
    physics: DatasetPhysics,
    varied: tuple[str, ...],
    pairs: int = PAIRS,
    steps: int = 11,
    path: Literal["straight", "geodesic"] = "straight",
) -> Paths:
    """Interpolates between random pairs that differ only in the `varied` parameters, and fits every spectrum.

    The pairs are those of `Prior.draw_pairs`: 10 % and 90 % of the ranges of the varied parameters. They are
    encoded at once, and decoded at once on the paths between their latents.

    Args:
      model: trained.
      physics: of the dataset.
      varied: names among `LINE_PARAMETERS`.
      pairs: Defaults to `200`.
      steps: spectra of a path, ends included. Defaults to `11`.
      path: as in `CVAE.interpolate`. Defaults to `"straight"`.

    Returns:
      `Paths`.
    """
    examples = physics.recipe.draw_pairs(varied, 0, pairs, SPLIT)
    spectra, ends = physics.simulate(examples, SPLIT), examples.parameters
    concentrations = ends.concentrations.astype(np.float32)
    z_mean = model.encoder.predict_on_batch({"spectrum": spectra, "concentrations": concentrations})["z_mean"]
    alpha = np.linspace(0, 1, steps)
    if path == "geodesic":
        ends_of_rows = [np.repeat(end, steps, axis=0) for values in (z_mean, concentrations) for end in _ends(values)]
        generated = model.interpolate(*ends_of_rows, np.tile(alpha, pairs), path)["spectrum"]
    else:
        between = {"z": _between(z_mean, alpha), "concentrations": _between(concentrations, alpha)}
        generated = model.generator.predict_on_batch(between)
    return paths_of(generated, ends, physics, varied, alpha)


def reference_pairs(physics: DatasetPhysics, varied: tuple[str, ...], pairs: int = PAIRS, steps: int = 11) -> Paths:
    """Returns the result of `evaluate_random_pairs` for a perfect model, whose paths are simulated, without noise.

    Deviations are due to the fit, which does not model water, eddy currents and drift.
    """
    examples, alpha = physics.recipe.draw_pairs(varied, 0, pairs, SPLIT), np.linspace(0, 1, steps)
    ends = examples.parameters
    along = SpectralParameters(
        **{name: _between(values, alpha, np.float64) for name, values in vars(ends).items() if values is not None}
    )
    # Both spectra of a pair have the same effects, and so have all between them.
    path = dataclasses.replace(examples[np.repeat(2 * np.arange(pairs), steps)], parameters=along)
    simulated = physics.simulate(path, SPLIT, noise=False)
    return paths_of(simulated, ends, physics, varied, alpha)


def paths_of(
    spectra: np.ndarray, ends: SpectralParameters, physics: DatasetPhysics, varied: tuple[str, ...], alpha: np.ndarray
) -> Paths:
    """Fits the spectra of paths, float32 (pairs * steps, points, 2)."""
    shape = (len(ends) // 2, len(alpha))
    recovered = _tracked(physics.fit(spectra).parameters, physics, varied)
    true = _tracked(ends, physics, varied)
    paths = {name: values.reshape(*shape, *values.shape[1:]) for name, values in recovered.items()}
    true = {name: values.reshape(shape[0], 2, *values.shape[1:]) for name, values in true.items()}
    first = true["phi0"][:, :1]
    paths["phi0"] = first + np.unwrap(np.angle(np.exp(1j * (paths["phi0"] - first))), axis=1)
    return Paths(alpha, paths, true, path_numbers(paths, true, alpha, physics, varied))


def path_numbers(
    paths: dict[str, np.ndarray],
    true: dict[str, np.ndarray],
    alpha: np.ndarray,
    physics: DatasetPhysics,
    varied: tuple[str, ...],
) -> PathNumbers:
    """Returns the change of the varied parameters and the drift of the others.

    Args:
      paths: recovered parameter -> float (pairs, steps).
      true: parameter -> float (pairs, 2), of the ends.
      alpha: float (steps,), from 0 to 1.
      physics: of the dataset.
      varied: names of the parameters in which the ends differ.
    """
    changing = (*varied, *(("linewidth",) if "linewidth" in paths else ()))
    changes = {name: _change(paths[name], true[name], alpha) for name in changing}
    drifts = {
        name: _drift(values, true[name], physics.width_of(name))
        for name, values in paths.items()
        if name not in changing
    }
    return PathNumbers(len(paths["phi0"]), changes, drifts)


def _change(values: np.ndarray, true: np.ndarray, alpha: np.ndarray) -> Change:
    difference = np.diff(true, axis=1)
    line = values[:, :1] + alpha * (values[:, -1:] - values[:, :1])
    spread = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    ahead = (np.diff(values, axis=1) * np.sign(difference)).min(axis=1)
    return Change(
        monotone=float(np.mean(ahead > 0)),
        step_back=Summary.of(np.maximum(-ahead, 0) / np.abs(difference[:, 0])),
        r2=LowerSummary.of(1 - ((values - line) ** 2).sum(axis=1) / np.maximum(spread, 1e-300)),
        end_point_error=Summary.of(np.abs(values[:, [0, -1]] - true).max(axis=1) / np.abs(difference[:, 0])),
    )


def _drift(values: np.ndarray, true: np.ndarray, width: float) -> Drift:
    drift = Summary.of(np.abs(values - true[:, :1]).reshape(len(values), -1).max(axis=1) / width)
    within = drift.median <= DRIFT_BOUNDS.median and drift.percentile_95 <= DRIFT_BOUNDS.percentile_95
    return Drift(drift.median, drift.percentile_95, within)


def _tracked(parameters: SpectralParameters, physics: DatasetPhysics, varied: tuple[str, ...]) -> dict[str, np.ndarray]:
    values = physics.values(parameters)
    tracked = {name: values[name] for name in (*LINE_PARAMETERS, "baseline", *physics.prior.metabolites)}
    if {"gamma", "sigma"} <= set(varied):
        tracked["linewidth"] = voigt_fwhm_hz(values["gamma"], values["sigma"])
    return tracked


def _between(ends: np.ndarray, alpha: np.ndarray, dtype: type = np.float32) -> np.ndarray:
    """Returns points on the straight line between the two of each pair: (2 pairs, ...) -> (pairs * steps, ...)."""
    first, second = (end[:, None] for end in _ends(ends))
    weight = alpha.reshape(1, -1, *[1] * (ends.ndim - 1))
    return ((1 - weight) * first + weight * second).astype(dtype).reshape(-1, *ends.shape[1:])


def _ends(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first and the second ends of pairs, (2 pairs, ...), each (pairs, ...)."""
    return values[0::2], values[1::2]
