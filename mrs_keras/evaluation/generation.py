"""Topic: whether generated spectra have the requested labels, are physical, and follow the data's distributions."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.report.format import both, cells
from mrs_keras.evaluation.scope import fitted_spectra, set_size
from mrs_keras.evaluation.set_quality import SetQuality, baseline_ks
from mrs_keras.evaluation.spectrum_sets import SpectrumSet, spectra_of_prior
from mrs_keras.evaluation.table import PERCENT, STATISTIC, Row
from mrs_keras.evaluation.topic import NO_PHYSICS, LeftOut, OverviewRow, Topic
from mrs_keras.fitting.spectral_fit import SpectralFit
from mrs_keras.plotting.html_page import Section
from mrs_keras.simulation import UNITS, SpectralParameters, channels_to_complex


@dataclasses.dataclass(frozen=True, eq=False)
class FittedSet:
    """A set of spectra and the results of its fit.

    Attributes:
      source: the spectra that were fitted.
      fit: of them.
      quality: their numbers.
    """

    source: SpectrumSet
    fit: SpectralFit
    quality: SetQuality

    @classmethod
    def of(cls, source: SpectrumSet, physics: DatasetPhysics, drawn: SpectralParameters | None = None) -> Self:
        """Fits the first spectra of a set, as many as `fitted_spectra` returns; `drawn` as in `SetQuality.of`."""
        count = fitted_spectra(physics)
        fitted = dataclasses.replace(source, spectra=source.spectra[:count], requested=source.requested[:count])
        fit = physics.fit(fitted.spectra)
        return cls(fitted, fit, SetQuality.of(fit, fitted.requested, physics, drawn))

    @property
    def left_over(self) -> np.ndarray:
        """Standard deviation of what the fit leaves over, which is noise for the most part: float64 (batch,)."""
        return (channels_to_complex(self.source.spectra) - self.fit.fitted).std(axis=1) / np.sqrt(2)


@dataclasses.dataclass(frozen=True, eq=False)
class Generation(Topic):
    """Generated spectra and the parameters recovered from them by a fit.

    Attributes:
      ppm: float (points,), chemical shifts.
      physics: of the dataset.
      generated: a set for each latent prior, the default first.
      simulated: the output of a perfect generator.
      drawn: fit of spectra drawn from the prior, which the marginals are compared with; `None` for a uniform prior.
    """

    ROWS = (
        Row("generation.{prior}.concentration_error.median", "{prior}: concentrations, off by (median)", PERCENT),
        Row(
            "generation.{prior}.concentration_error.percentile_95",
            "{prior}: concentrations, off by (95th percentile)",
            PERCENT,
        ),
        Row(
            "generation.{prior}.distance_from_physical_model.median",
            "{prior}: distance from physics (median)",
            PERCENT,
        ),
        Row(
            "generation.{prior}.distance_from_physical_model.percentile_95",
            "{prior}: distance from physics (95th percentile)",
            PERCENT,
        ),
        Row("generation.{prior}.ks.{parameter}", "{prior}: Kolmogorov-Smirnov statistic of {parameter}", STATISTIC),
        Row(
            "generation.{prior}.above_simulated.ks.{parameter}",
            "{prior}: the same, above that of simulated spectra, {parameter}",
            STATISTIC,
        ),
        Row(
            "generation.{prior}.above_simulated.concentration_error",
            "{prior}: concentrations, error above that of simulated spectra",
            PERCENT,
        ),
    )

    ppm: np.ndarray
    physics: DatasetPhysics
    generated: tuple[FittedSet, ...]
    simulated: FittedSet
    drawn: SpectralFit | None = None

    @classmethod
    def measure(
        cls,
        physics: DatasetPhysics | None,
        ppm: np.ndarray,
        generated: Sequence[SpectrumSet],
        simulated: SpectrumSet | None,
    ) -> Self | LeftOut:
        """Fits the spectra of all sets."""
        if physics is None or simulated is None:
            return LeftOut("concentrations, physicality and marginals of generated spectra", NO_PHYSICS)
        drawn = None if physics.uniform else physics.fit(spectra_of_prior(physics)[: fitted_spectra(physics)])
        parameters = None if drawn is None else drawn.parameters
        fitted = tuple(FittedSet.of(source, physics, parameters) for source in generated)
        return cls(ppm, physics, fitted, FittedSet.of(simulated, physics, parameters), drawn)

    @property
    def sets(self) -> dict[str, FittedSet]:
        """All sets by their label, the default prior first."""
        return {each.source.label: each for each in (*self.generated, self.simulated)}

    def numbers(self) -> dict:
        numbers = {each.source.name: dataclasses.asdict(each.quality) for each in self.sets.values()}
        if self.drawn is not None:
            best = self.simulated.quality
            for each in self.generated:
                error = each.quality.concentration_error.median / best.concentration_error.median
                ks = {name: value - best.ks[name] for name, value in each.quality.ks.items()}
                numbers[each.source.name]["above_simulated"] = {"ks": ks, "concentration_error": error - 1}
        return {"generation": {"default_prior": self.generated[0].source.name, **numbers}}

    def figures(self) -> dict[str, Figure]:
        sets, physics, reference = self.sets, self.physics, self.simulated.source.label
        metabolites, default = physics.prior.metabolites, self.generated[0]
        errors = {
            label: np.array(
                [(fidelity.median, fidelity.percentile_95) for fidelity in each.quality.concentrations.values()]
            )
            for label, each in sets.items()
        }
        return {
            "generated_labels": plotting.plot_labels(
                {label: each.source.requested for label, each in sets.items()},
                {label: each.fit.parameters.concentrations for label, each in sets.items()},
                errors,
                metabolites,
                reference,
            ),
            "generated_physicality": plotting.plot_physicality(
                self.ppm,
                channels_to_complex(default.source.spectra),
                default.fit.fitted,
                {label: each.fit.residual for label, each in sets.items()},
                reference,
            ),
            "generated_marginals": self._marginals(),
        }

    def _marginals(self) -> Figure:
        sets, physics = self.sets, self.physics
        values = {label: physics.values(each.fit.parameters) for label, each in sets.items()}
        statistics = {label: each.quality.ks for label, each in sets.items()}
        units, reference = dict(UNITS), self.simulated.source.label
        if self.drawn is not None:
            drawn = physics.values(self.drawn.parameters)
            columns = {name: drawn[name] for name in physics.compared}
            return plotting.plot_marginals(values, {}, units, statistics, reference, columns)
        # For the baseline, the coefficient that the default prior generates worst.
        worst = int(np.argmax(baseline_ks(self.generated[0].fit.parameters, physics)))
        values = {label: {**columns, "baseline": columns["baseline"][:, worst]} for label, columns in values.items()}
        ranges = {name: physics.range_of(name) for name in physics.compared}
        units["baseline"] = f"coefficient {worst}, of the tallest peak"
        ends = {name: (limits.low, limits.high) for name, limits in ranges.items()}
        return plotting.plot_marginals(values, ends, units, statistics, reference)

    def overview(self) -> list[OverviewRow]:
        best = self.simulated.quality
        quality = {each.source.label: each.quality for each in self.generated}
        default = self.generated[0].quality
        return [
            *(
                OverviewRow(
                    f"concentrations of generated spectra ({label}), error",
                    both(numbers.concentration_error),
                    f"{both(best.concentration_error)} (simulated)",
                )
                for label, numbers in quality.items()
            ),
            *(
                OverviewRow(
                    f"their distance from the physical model ({label})",
                    both(numbers.distance_from_physical_model),
                    f"{both(best.distance_from_physical_model)} (simulated)",
                )
                for label, numbers in quality.items()
            ),
            OverviewRow(
                "Kolmogorov-Smirnov statistic of generated parameters, worst",
                _worst(default.ks),
                f"{_worst(best.ks)} (simulated)",
            ),
        ]

    def sections(self) -> list[Section]:
        default, fitted, generated = (
            self.generated[0].source.label,
            len(self.simulated.source.spectra),
            set_size(self.physics),
        )
        sets = {label: each.quality for label, each in self.sets.items()}
        return [
            Section(
                "Generated spectra: do they carry the requested concentrations?",
                f"{generated} spectra are generated at concentrations that are drawn uniformly, or from the prior of "
                "the dataset if that is not uniform, with each latent prior that the "
                f"model has (by default it uses the {default}), and as many are simulated, as a perfect generator "
                f"would do. {fitted} of each are fitted. Relative error of the recovered concentration (0 is best), "
                "and slope and R2 of recovered against requested (1 is best; R2 counts every deviation from the "
                "requested value).",
                (
                    ("metabolite", "spectra", "error, median", "95th percentile", "slope", "R2"),
                    [
                        (metabolite, label, *cells(fidelity), f"{fidelity.slope:.3f}", f"{fidelity.r2:.3f}")
                        for metabolite in self.physics.prior.metabolites
                        for label, fidelity in (
                            (label, quality.concentrations[metabolite]) for label, quality in sets.items()
                        )
                    ],
                ),
                "generated_labels",
                "Good: dots far left, and points on the black line.",
            ),
            Section(
                "Generated spectra: are they physical?",
                "Relative L2 distance from the nearest spectrum of the physical model, 0 is best. Spectra beyond "
                "10 % should not be used for training. A fit that did not converge counts with its best point.",
                (
                    ("spectra", "median", "95th percentile", "fits that did not converge"),
                    [
                        (label, *cells(quality.distance_from_physical_model), str(quality.fits_not_converged))
                        for label, quality in sets.items()
                    ],
                ),
                "generated_physicality",
                "Left: share of spectra within a distance; good curves rise far left. Right: generated spectra and "
                "the part that the physical model cannot explain (red).",
            ),
            Section(
                "Generated spectra: is each parameter distributed as in the training data?",
                self._explained(fitted),
                (
                    ("spectra", *self.simulated.quality.ks),
                    [
                        (
                            label,
                            *(
                                f"{value:.3f} ({100 * quality.outside_range[name]:.1f} %)"
                                for name, value in quality.ks.items()
                            ),
                        )
                        for label, quality in sets.items()
                    ],
                ),
                "generated_marginals",
                "Good: steps along the dashed line. The first and the last bin include all values beyond."
                + (
                    " For the baseline, the coefficient that the default prior generates worst."
                    if self.drawn is None
                    else ""
                ),
            ),
        ]

    def _explained(self, fitted: int) -> str:
        """Returns what the statistics of the marginals are of."""
        if self.drawn is not None:
            return (
                "Kolmogorov-Smirnov statistic of each recovered parameter against what the same fit recovers from "
                f"{fitted} spectra drawn from the prior with other random numbers: the largest distance between the "
                f"cumulative distributions, 0 is best. Two such sets stay below {1.92 / fitted**0.5:.3f} in 95 of 100 "
                "cases; the simulated spectra are one. In brackets: the share of spectra outside the middle 99 % of "
                "those of the prior, best at 1 %."
            )
        return (
            "Kolmogorov-Smirnov statistic of each recovered parameter against its uniform training range: the "
            f"largest distance between the cumulative distributions, 0 is best. {fitted} spectra that follow the "
            f"range stay below {1.36 / fitted**0.5:.3f} in 95 of 100 cases. Of the baseline, the coefficient with "
            "the largest statistic counts. In brackets: the share of spectra outside the training range by more "
            "than 1 % of its width; for the baseline, with any coefficient."
        )


def _worst(statistics: dict[str, float]) -> str:
    name = max(statistics, key=statistics.get)
    return f"{statistics[name]:.3f} ({name})"
