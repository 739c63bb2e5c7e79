"""Results of a spectral fit of a set of spectra: labels, distance from the physical model, and marginals."""

import dataclasses
from typing import Self

import numpy as np
import scipy.stats
from sklearn.metrics import r2_score

from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.parameter_errors import relative_error
from mrs_keras.evaluation.summaries import Summary
from mrs_keras.fitting.spectral_fit import SpectralFit
from mrs_keras.simulation import SpectralParameters

ENDS = (0.005, 0.995)
"""Quantiles between which values count as inside, where there is no uniform range."""


@dataclasses.dataclass(frozen=True)
class LabelFidelity(Summary):
    """Agreement of the recovered concentrations of one metabolite with the requested ones.

    Attributes:
      median: of the relative error.
      percentile_95: of the relative error.
      slope: of recovered over requested (least squares), 1 is best.
      r2: share of their variance that is as requested, 1 - sum (recovered - requested)^2 / sum (requested - mean)^2:
        1 is best, and there is no lower end.
    """

    slope: float
    r2: float


@dataclasses.dataclass(frozen=True)
class SetQuality:
    """Numbers of one set of spectra.

    Attributes:
      concentration_error: relative, pooled over metabolites.
      concentrations: metabolite -> label fidelity.
      distance_from_physical_model: relative L2.
      fits_not_converged: spectra whose fit found no minimum; they count with the best point found.
      ks: Kolmogorov-Smirnov statistics, as `ks_statistics` returns them.
      outside_range: share of spectra outside the training range, as `shares_outside` returns it.
    """

    concentration_error: Summary
    concentrations: dict[str, LabelFidelity]
    distance_from_physical_model: Summary
    fits_not_converged: int
    ks: dict[str, float]
    outside_range: dict[str, float]

    @classmethod
    def of(
        cls,
        fit: SpectralFit,
        requested: np.ndarray,
        physics: DatasetPhysics,
        drawn: SpectralParameters | None = None,
    ) -> Self:
        """Evaluates a set of spectra.

        Args:
          fit: of the spectra.
          requested: concentrations, (batch, metabolites), mM.
          physics: of the dataset.
          drawn: what the same fit recovers from spectra drawn from the prior, for a prior that is not uniform. Defaults
            to `None`: the prior's ranges are compared with.
        """
        recovered = fit.parameters.concentrations
        highest = np.array([physics.range_of(name).high for name in physics.prior.metabolites])
        return cls(
            concentration_error=Summary.of(relative_error(recovered, requested, highest)),
            concentrations=label_fidelity(recovered, requested, physics),
            distance_from_physical_model=Summary.of(fit.residual),
            fits_not_converged=int(np.sum(~fit.converged)),
            ks=ks_statistics(fit.parameters, physics, drawn),
            outside_range=shares_outside(fit.parameters, physics, drawn),
        )


def label_fidelity(recovered: np.ndarray, requested: np.ndarray, physics: DatasetPhysics) -> dict[str, LabelFidelity]:
    """Compares recovered with requested concentrations.

    Args:
      recovered: float (batch, metabolites), mM.
      requested: same shape, mM.
      physics: of the dataset.

    Returns:
      metabolite -> `LabelFidelity`.
    """
    fidelity = {}
    for name, found, wanted in zip(physics.prior.metabolites, recovered.T, requested.T, strict=True):
        error = Summary.of(relative_error(found, wanted, physics.range_of(name).high))
        slope, r2 = float(np.polyfit(wanted, found, 1)[0]), float(r2_score(wanted, found))
        fidelity[name] = LabelFidelity(error.median, error.percentile_95, slope, r2)
    return fidelity


def ks_statistics(
    parameters: SpectralParameters, physics: DatasetPhysics, drawn: SpectralParameters | None = None
) -> dict[str, float]:
    """Returns the Kolmogorov-Smirnov statistic of recovered parameters against their uniform training range.

    It is the largest distance between the two cumulative distributions: 0 is best, 1 is worst. Samples of n spectra
    that follow the range stay below 1.36 / sqrt(n) in 95 of 100 cases.

    Of a prior that is not uniform, it is that of two samples: noise, and weak priors of a fit, move what the fit
    recovers, and move it alike in both. Two samples of n spectra stay below 1.92 / sqrt(n).

    Args:
      parameters: recovered by a fit.
      physics: of the dataset.
      drawn: recovered by the same fit from spectra drawn from the prior; needed if it is not uniform.

    Returns:
      `physics.compared` -> statistic, of `"baseline"` the largest one of its coefficients.
    """
    values = physics.values(parameters)
    if not physics.uniform:
        others = physics.values(drawn)
        return {name: float(scipy.stats.ks_2samp(values[name], others[name]).statistic) for name in physics.compared}
    statistics = {name: _ks(values[name], physics.range_of(name)) for name in physics.compared if name != "baseline"}
    return {**statistics, "baseline": max(baseline_ks(parameters, physics))}


def baseline_ks(parameters: SpectralParameters, physics: DatasetPhysics) -> list[float]:
    """Returns the Kolmogorov-Smirnov statistic of each baseline coefficient; see `ks_statistics`."""
    return [_ks(column, physics.prior.baseline) for column in physics.values(parameters)["baseline"].T]


def shares_outside(
    parameters: SpectralParameters, physics: DatasetPhysics, drawn: SpectralParameters | None = None
) -> dict[str, float]:
    """Returns the share of spectra whose recovered parameter is outside its training range, from 0 to 1.

    For the baseline, one coefficient outside is enough. Arguments and keys are those of `ks_statistics`. Values beyond
    an end by less than 1 % of the width count as inside: the fit of a good spectrum may be off by that much. Of a prior
    that is not uniform, the range is that of the middle 99 % of what is recovered from spectra drawn from it.
    """
    values, shares = physics.values(parameters), {}
    for name in physics.compared:
        if physics.uniform:
            limits = physics.range_of(name)
            margin = 0.01 * (limits.high - limits.low)
            low, high = limits.low - margin, limits.high + margin
        else:
            low, high = np.quantile(physics.values(drawn)[name], ENDS)
        outside = (values[name] < low) | (values[name] > high)
        shares[name] = float(outside.reshape(len(outside), -1).any(axis=1).mean())
    return shares


def _ks(values: np.ndarray, limits) -> float:
    return float(scipy.stats.kstest(values, scipy.stats.uniform(limits.low, limits.high - limits.low).cdf).statistic)
