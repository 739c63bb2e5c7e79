"""Topic: paths between random pairs of spectra."""

import dataclasses
from collections.abc import Callable
from typing import Self

from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.paths import (
    DRIFT_BOUNDS,
    PAIRS,
    Change,
    PathNumbers,
    Paths,
    evaluate_random_pairs,
    reference_pairs,
)
from mrs_keras.evaluation.report.format import both, percent
from mrs_keras.evaluation.scope import FITTED_WITH_NOISE
from mrs_keras.evaluation.table import PERCENT, SHARE, Row
from mrs_keras.evaluation.topic import NO_PHYSICS, NO_RANGES, LeftOut, OverviewRow, Topic
from mrs_keras.models import CVAE
from mrs_keras.plotting.html_page import Section

SIMULATED = "simulated paths"

KINDS = {"phi0": ("phi0",), "gamma": ("gamma",), "sigma": ("sigma",), "broadening": ("gamma", "sigma")}
"""Kind of random pair -> parameters in which the two spectra differ."""


@dataclasses.dataclass(frozen=True, eq=False)
class PathsOfRandomPairs(Topic):
    """Paths between random pairs of each kind.

    Attributes:
      paths: kind of pair -> paths that the model generates on straight lines between latents.
      geodesics: the same on geodesics.
      reference: kind of pair -> numbers of simulated paths; empty where the fit is exact.
    """

    ROWS = (
        Row(
            "random_pairs.{kind}.numbers.varied.{parameter}.monotone",
            "random pairs over {kind}: paths monotone in {parameter}",
            SHARE,
        ),
        Row(
            "random_pairs.{kind}.geodesic_numbers.varied.{parameter}.monotone",
            "random pairs over {kind}: geodesics monotone in {parameter}",
            SHARE,
        ),
        Row("random_pairs.phi0.numbers.drift.gamma.median", "random pairs over phi0: drift of gamma", PERCENT),
        Row(
            "random_pairs.phi0.geodesic_numbers.drift.gamma.median",
            "random pairs over phi0: drift of gamma on geodesics",
            PERCENT,
        ),
    )

    paths: dict[str, Paths]
    geodesics: dict[str, Paths]
    reference: dict[str, PathNumbers]

    @classmethod
    def measure(cls, model: CVAE, physics: DatasetPhysics | None, steps: int = 11) -> Self | LeftOut:
        """Interpolates between random pairs, and fits every spectrum.

        If the data have noise or effects, fewer pairs are used, and simulated paths are added for comparison.
        """
        if physics is None or not physics.uniform:
            return LeftOut("interpolation of random pairs", NO_PHYSICS if physics is None else NO_RANGES)
        pairs = PAIRS if physics.exact else FITTED_WITH_NOISE // steps
        paths, geodesics = (
            {kind: evaluate_random_pairs(model, physics, varied, pairs, steps, path) for kind, varied in KINDS.items()}
            for path in ("straight", "geodesic")
        )
        if physics.exact:
            return cls(paths, geodesics, {})
        reference = {kind: reference_pairs(physics, varied, pairs, steps).numbers for kind, varied in KINDS.items()}
        return cls(paths, geodesics, reference)

    def numbers(self) -> dict:
        numbers = {}
        for kind, paths in self.paths.items():
            numbers[kind] = {
                "numbers": dataclasses.asdict(paths.numbers),
                "geodesic_numbers": dataclasses.asdict(self.geodesics[kind].numbers),
            }
            if kind in self.reference:
                numbers[kind]["reference_numbers"] = dataclasses.asdict(self.reference[kind])
        return {"random_pairs": numbers}

    def _sets(self, kind: str) -> dict[str, PathNumbers]:
        """Returns label -> numbers of each set of paths between pairs of one kind."""
        sets = {"straight lines": self.paths[kind].numbers, "geodesics": self.geodesics[kind].numbers}
        return {**sets, SIMULATED: self.reference[kind]} if self.reference else sets

    def figures(self) -> dict[str, Figure]:
        scaled, titles, drifts = {}, {}, {}
        for kind in self.paths:
            sets = {"straight lines": self.paths[kind], "geodesics": self.geodesics[kind]}
            scaled[kind], titles[kind] = {}, {}
            for name in self.paths[kind].numbers.varied:
                scaled[kind][name] = {}
                for label, paths in sets.items():
                    first, last = paths.true[name][:, :1], paths.true[name][:, 1:]
                    scaled[kind][name][label] = (paths.recovered[name] - first) / (last - first)
                changes = [f"{label} {_share(paths.numbers.varied[name].monotone)}" for label, paths in sets.items()]
                number = self.paths[kind].numbers.pairs
                titles[kind][name] = f"{number} pairs over {kind}, monotone:\n{', '.join(changes)}"
            drifts[kind] = {
                label: {name: (drift.median, drift.percentile_95) for name, drift in numbers.drift.items()}
                for label, numbers in self._sets(kind).items()
            }
        bounds = (DRIFT_BOUNDS.median, DRIFT_BOUNDS.percentile_95)
        reference = SIMULATED if self.reference else None
        return {"random_pairs": plotting.plot_random_pairs(scaled, titles, drifts, bounds, reference)}

    def overview(self) -> list[OverviewRow]:
        rows = []
        for what, paths in (("paths", self.paths), ("geodesics", self.geodesics)):
            rows += [
                OverviewRow(
                    f"{what} between random pairs over {kind}, monotone in {name}",
                    _share(change.monotone),
                    f"{_share(self.reference[kind].varied[name].monotone)} (simulated)"
                    if kind in self.reference
                    else _share(1.0),
                )
                for kind, each in paths.items()
                for name, change in each.numbers.varied.items()
            ]
            rows += [
                OverviewRow(
                    f"{what} between random pairs over {kind}, what should stay: drift, worst median",
                    _worst(each.numbers),
                    f"0 % (bound: {percent(DRIFT_BOUNDS.median)})",
                )
                for kind, each in paths.items()
            ]
        return rows

    def sections(self) -> list[Section]:
        return [self._changes(), self._drifts()]

    def _changes(self) -> Section:
        sets = [(kind, label, numbers) for kind in self.paths for label, numbers in self._sets(kind).items()]
        columns: dict[str, Callable[[Change], str]] = {
            "monotone paths": lambda change: _share(change.monotone),
            "largest step back, median / 95th": lambda change: both(change.step_back),
            "R2, median / 5th percentile": lambda change: f"{change.r2.median:.3f} / {change.r2.percentile_5:.3f}",
            "end point error, median / 95th": lambda change: both(change.end_point_error),
        }
        return Section(
            "Latent space: interpolation between random pairs",
            f"{sets[0][-1].pairs} pairs of each kind differ only in the parameters named in the table, from 10 % to "
            "90 % of the training range. Best: every path strictly monotone (the largest step in the wrong direction "
            "is a fraction of the true difference), an R2 of 1 against the straight line, and end points at the true "
            "ends (their error is a fraction of the true difference). gamma and sigma both broaden a line, so the "
            "linewidth is a fairer test than either.",
            (
                ("pairs over", "paths", "parameter", *columns),
                [
                    (kind, label, name, *(text(change) for text in columns.values()))
                    for kind, label, numbers in sets
                    for name, change in numbers.varied.items()
                ],
            ),
            "random_pairs",
            "Recovered parameters along all paths, over the true difference of the ends, and the drift of all others. "
            "Left panels: good paths follow the dashed line. Right panels: good dots are left of the dashed line and "
            "good bars end left of the dotted one.",
        )

    def _drifts(self) -> Section:
        rows = [
            (kind, label, name, both(drift), "yes" if drift.within_bounds else "no")
            for kind in self.paths
            for label, numbers in self._sets(kind).items()
            for name, drift in numbers.drift.items()
        ]
        return Section(
            "Drift along the paths",
            "Both ends of a pair agree in these parameters, so they should not change in between. Drift is the "
            "largest distance of a path from that value, over the width of the training range (of the baseline: of all "
            f"its coefficients). The bounds: median at most {percent(DRIFT_BOUNDS.median)}, 95th percentile at most "
            f"{percent(DRIFT_BOUNDS.percentile_95)}.",
            (("pairs over", "paths", "parameter", "drift, median / 95th percentile", "within bounds"), rows),
        )


def _share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _worst(numbers: PathNumbers) -> str:
    name = max(numbers.drift, key=lambda parameter: numbers.drift[parameter].median)
    return f"{percent(numbers.drift[name].median)} ({name})"
