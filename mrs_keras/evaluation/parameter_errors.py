"""Topic: the physical parameters that a spectral fit recovers from reconstructions, compared with the true ones."""

import dataclasses
from typing import Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.reconstruction import Reconstruction
from mrs_keras.evaluation.report.format import both, cells, number, small_percent
from mrs_keras.evaluation.scope import fitted_spectra
from mrs_keras.evaluation.summaries import Summary
from mrs_keras.evaluation.table import PERCENT, Row
from mrs_keras.evaluation.topic import NO_PHYSICS, LeftOut, OverviewRow, Split, Topic
from mrs_keras.plotting.html_page import Section
from mrs_keras.simulation import UNITS, SpectralParameters

DIGITS = {"phi1": 6}
"""Decimals of errors in the report, 4 for those that are not named."""

LEAST_SHARE = 0.1
"""A concentration error is relative to the true value, but to no less than this share of the highest concentration:
some ranges begin at 0."""


def parameter_errors(
    found: SpectralParameters, true: SpectralParameters, physics: DatasetPhysics
) -> dict[str, np.ndarray]:
    """Returns the errors of recovered parameters, each float (batch,) and none negative.

    Args:
      found: recovered.
      true: of the same spectra.
      physics: of their dataset.

    Returns:
      Those of `physics.compared`: `"gamma"` and `"sigma"` in 1/s, `"eps"` in rad/s, `"phi0"` in rad, the shorter way
      round, `"phi1"` in rad/Hz; `"baseline"`, the largest error of a coefficient as a fraction of the tallest peak; and
      each metabolite, relative.
    """
    found, true = physics.values(found), physics.values(true)
    errors = {name: np.abs(found[name] - true[name]) for name in physics.compared}
    errors["phi0"] = np.abs(np.angle(np.exp(1j * (found["phi0"] - true["phi0"]))))
    if "baseline" in errors:
        errors["baseline"] = errors["baseline"].max(axis=1)
    for name in physics.prior.metabolites:
        errors[name] = relative_error(found[name], true[name], physics.range_of(name).high)
    return errors


def relative_error(found: np.ndarray, true: np.ndarray, highest: float | np.ndarray) -> np.ndarray:
    """Returns the relative errors of concentrations; `highest`, the end of their range, broadcasts. All in mM."""
    return np.abs(found - true) / np.maximum(true, LEAST_SHARE * highest)


@dataclasses.dataclass(frozen=True, eq=False)
class FitErrors:
    """Errors of the fit of one set of spectra.

    Attributes:
      parameters: name -> float (batch,), as `parameter_errors` returns them, without the metabolites.
      concentrations: metabolite -> float (batch,), relative.
      distance: float (batch,), relative L2 distance from the physical model.
    """

    parameters: dict[str, np.ndarray]
    concentrations: dict[str, np.ndarray]
    distance: np.ndarray

    @classmethod
    def of(cls, spectra: np.ndarray, true: SpectralParameters, physics: DatasetPhysics) -> Self:
        """Fits spectra, float (batch, points, 2), and compares with the true parameters."""
        fit = physics.fit(spectra)
        errors = parameter_errors(fit.parameters, true, physics)
        concentrations = {name: errors.pop(name) for name in physics.prior.metabolites}
        return cls(errors, concentrations, fit.residual)

    @property
    def all_concentrations(self) -> Summary:
        """Errors of all metabolites, pooled."""
        return Summary.of(np.concatenate(list(self.concentrations.values())))

    def numbers(self) -> dict:
        """Returns medians and 95th percentiles of the errors."""
        return {
            **{name: dataclasses.asdict(Summary.of(values)) for name, values in self.parameters.items()},
            "concentrations": {
                name: dataclasses.asdict(Summary.of(values)) for name, values in self.concentrations.items()
            },
            "all_concentrations": dataclasses.asdict(self.all_concentrations),
        }


@dataclasses.dataclass(frozen=True, eq=False)
class ParameterErrors(Topic):
    """Parameters recovered by a spectral fit from reconstructed validation spectra, and from the data themselves.

    Attributes:
      model: errors of the reconstructions.
      data: errors of the data, which limit those of the model.
      widths: parameter -> width of its training range, in the unit of its errors.
    """

    ROWS = (
        Row(
            "reconstruction.parameters.model.all_concentrations.median",
            "concentrations of reconstructions, off by (median)",
            PERCENT,
        ),
        Row(
            "reconstruction.parameters.model.all_concentrations.percentile_95",
            "concentrations of reconstructions, off by (95th percentile)",
            PERCENT,
        ),
    )

    model: FitErrors
    data: FitErrors
    widths: dict[str, float]

    @classmethod
    def measure(
        cls, physics: DatasetPhysics | None, validation: Split, reconstruction: Reconstruction
    ) -> Self | LeftOut:
        """Fits reconstructions and data."""
        if physics is None:
            return LeftOut("parameters of the reconstructions", NO_PHYSICS)
        count = fitted_spectra(physics)
        true = physics.true_parameters({name: values[:count] for name, values in validation.items()})
        return cls(
            model=FitErrors.of(reconstruction.reconstructions[:count], true, physics),
            data=FitErrors.of(reconstruction.spectra[:count], true, physics),
            widths={name: physics.width_of(name) for name in physics.compared},
        )

    def numbers(self) -> dict:
        sets = {"model": self.model, "data": self.data}
        return {
            "reconstruction": {
                "parameters": {name: errors.numbers() for name, errors in sets.items()},
                "distance_from_physical_model": {
                    name: dataclasses.asdict(Summary.of(errors.distance)) for name, errors in sets.items()
                },
            }
        }

    def figures(self) -> dict[str, Figure]:
        sets = {"reconstructions": self.model, "the data themselves": self.data}
        errors = {label: {**of_set.parameters, **of_set.concentrations} for label, of_set in sets.items()}
        metabolites = list(self.model.concentrations)
        figure = plotting.plot_parameter_errors(errors, self.widths, metabolites, reference="the data themselves")
        return {"parameter_errors": figure}

    def overview(self) -> list[OverviewRow]:
        model, data = self.model.all_concentrations, self.data.all_concentrations
        return [OverviewRow("concentrations of the reconstructions, error", both(model), both(data))]

    def sections(self) -> list[Section]:
        model, data = self.model, self.data

        def row(label, ours, floor, text=small_percent):
            return (label, *cells(Summary.of(ours), text), *cells(Summary.of(floor), text))

        rows = [
            *(
                row(
                    f"{name} ({UNITS[name]})",
                    errors,
                    data.parameters[name],
                    lambda x, name=name: number(x, DIGITS.get(name, 4)),
                )
                for name, errors in model.parameters.items()
                if name != "baseline"
            ),
            *(
                row(f"{name} (relative)", errors, data.concentrations[name])
                for name, errors in model.concentrations.items()
            ),
            *(
                row("baseline (% of the tallest peak)", errors, data.parameters[name])
                for name, errors in model.parameters.items()
                if name == "baseline"
            ),
            row("distance from the physical model", model.distance, data.distance),
        ]
        return [
            Section(
                "Physical parameters of the reconstructions",
                f"A spectral fit recovers the parameters of {len(model.distance)} reconstructed validation spectra; "
                "the errors are distances from the true values, 0 is best. The same fit of the data themselves is the "
                f"floor: the fit can detect no smaller errors. All concentrations: {both(model.all_concentrations)} "
                f"(median / 95th percentile), data {both(data.all_concentrations)}.",
                (("error of", "cVAE, median", "95th percentile", "data, median", "95th percentile"), rows),
                "parameter_errors",
                "Dots are medians, bars reach to the 95th percentile. Good: blue dots near the grey ones, or below "
                "1 %.",
            )
        ]
