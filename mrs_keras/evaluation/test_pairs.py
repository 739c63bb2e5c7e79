"""Topic: paths between the pairs of spectra of the test split."""

import dataclasses
from typing import Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.interpolation import RECOVERED, Interpolation, evaluate_interpolation
from mrs_keras.evaluation.report.format import percent
from mrs_keras.evaluation.table import MONOTONE, PERCENT, Row
from mrs_keras.evaluation.topic import NO_PHYSICS, NO_RANGES, NO_TEST_SPLIT, LeftOut, Split, Topic
from mrs_keras.models import CVAE
from mrs_keras.plotting.html_page import Section
from mrs_keras.simulation import TEST_PAIRS, UNITS

PROCEDURE_PAIR = "phi0"
"""The pair in Figure 2."""

TABLE_FILE = "interpolation.csv"


@dataclasses.dataclass(frozen=True, eq=False)
class PathsOfTestPairs(Topic):
    """Interpolations between test spectra.

    Attributes:
      ppm: float (points,), chemical shifts.
      pairs: name of the pair -> interpolation between its spectra along a straight line.
      geodesics: the same along a geodesic.
    """

    ROWS = (
        Row("interpolation.{pair}.monotone.{parameter}", "{parameter} along the interpolation", MONOTONE),
        Row("interpolation.{pair}.end_point_error.{parameter}", "{parameter} at the ends, off by", PERCENT),
        Row("interpolation.{pair}.geodesic.monotone.{parameter}", "{parameter} along the geodesic", MONOTONE),
    )

    ppm: np.ndarray
    pairs: dict[str, Interpolation]
    geodesics: dict[str, Interpolation]

    @classmethod
    def measure(cls, model: CVAE, physics: DatasetPhysics | None, test: Split | None, steps: int) -> Self | LeftOut:
        """Interpolates between the spectra of each pair in a number of steps, and fits every spectrum."""
        if physics is None or test is None:
            return LeftOut("interpolation of test pairs", NO_PHYSICS if physics is None else NO_TEST_SPLIT)
        if not physics.uniform:
            return LeftOut("interpolation of test pairs", NO_RANGES)
        ids = test["example_id"].astype(str).tolist()
        paths: dict[str, dict[str, Interpolation]] = {"straight": {}, "geodesic": {}}
        for name, varied in TEST_PAIRS.items():
            rows = [ids.index(f"{name}_low"), ids.index(f"{name}_high")]
            pair = {feature: values[rows] for feature, values in test.items()}
            for path, pairs in paths.items():
                pairs[name] = evaluate_interpolation(
                    model, physics.basis, pair, varied, steps, path, **physics.fit_options
                )
        return cls(model.acquisition.window_ppm_axis, paths["straight"], paths["geodesic"])

    def numbers(self) -> dict:
        return {
            "interpolation": {
                name: {**_numbers_of(path), "geodesic": _numbers_of(self.geodesics[name])}
                for name, path in self.pairs.items()
            }
        }

    def figures(self) -> dict[str, Figure]:
        shown = self.pairs[PROCEDURE_PAIR]
        sets = {name: {"straight line": path, "geodesic": self.geodesics[name]} for name, path in self.pairs.items()}
        return {
            "figure2_procedure": plotting.plot_procedure(self.ppm, shown.ends, shown.z, shown.spectra, PROCEDURE_PAIR),
            "figure3_interpolation": plotting.plot_interpolation(
                self.ppm,
                {name: {label: path.spectra for label, path in paths.items()} for name, paths in sets.items()},
                {name: path.ends for name, path in self.pairs.items()},
                {name: {label: path.recovered for label, path in paths.items()} for name, paths in sets.items()},
                {name: path.true for name, path in self.pairs.items()},
                {name: {label: path.distance for label, path in paths.items()} for name, paths in sets.items()},
                UNITS,
            ),
        }

    def files(self) -> dict[str, str]:
        return {TABLE_FILE: interpolation_csv({"straight": self.pairs, "geodesic": self.geodesics})}

    def sections(self) -> list[Section]:
        return [
            Section(
                "Latent space: interpolation between test spectra",
                "Two pairs of test spectra are encoded, and spectra are generated on the straight line between their "
                "latents, and on the geodesic of a metric in which relative changes of the lines count. A spectral fit "
                "(variable projection) recovers the physical parameters of each of them. A latent space that has "
                "captured a parameter changes it steadily and leaves the others alone.",
                (
                    ("pair", "path", "parameter", "monotone", "R2 against straight line", "end point error"),
                    [
                        (
                            name,
                            label,
                            parameter,
                            "yes" if path.monotone[parameter] else "no",
                            f"{path.r2[parameter]:.4f}",
                            percent(path.end_point_error[parameter]),
                        )
                        for label, pairs in (("straight line", self.pairs), ("geodesic", self.geodesics))
                        for name, path in pairs.items()
                        for parameter in path.varied
                    ],
                ),
                "figure3_interpolation",
                "Figure 3. Interpolated spectra (dashed and dotted: the test spectra) and recovered parameters: those "
                "in which the test spectra differ, and those in which they agree.",
            ),
            *(
                Section(
                    f"Recovered parameters: {name}, {label}",
                    "Each row is one generated spectrum. The straight line joins the values recovered at the ends. "
                    "The first and the last row contain the true values of the two test spectra. The distance is the "
                    "relative L2 distance from the nearest spectrum of the physical model.",
                    _recovered_table(path),
                )
                for label, pairs in (("straight line", self.pairs), ("geodesic", self.geodesics))
                for name, path in pairs.items()
            ),
            Section(
                "Procedure",
                f"How the latent space is evaluated, with the real curves of the {PROCEDURE_PAIR} pair.",
                figure="figure2_procedure",
                caption="Figure 2. Encode, interpolate, decode.",
            ),
        ]


def _numbers_of(path: Interpolation) -> dict:
    return {
        "monotone": path.monotone,
        "r2": path.r2,
        "end_point_error": path.end_point_error,
        "largest_distance_from_physical_model": float(path.distance.max()),
    }


def interpolation_csv(paths: dict[str, dict[str, Interpolation]]) -> str:
    """Returns the recovered parameters of every interpolated spectrum, with straight lines between the ends, as CSV.

    The columns `..._true` contain the values of the test spectra, in the rows of the two ends.
    """
    units = {name: UNITS[name].replace("1/", "per_").replace("/", "_per_") for name in RECOVERED}
    names = [f"{name}_{unit}" for name, unit in units.items()]
    header = [
        "pair",
        "path",
        "alpha",
        *names,
        *(f"{name}_straight_line" for name in names),
        *(f"{name}_true" for name in names),
    ]
    lines = [",".join([*header, "relative_distance_from_physical_model"])]
    for kind, pair, path in ((kind, pair, path) for kind, pairs in paths.items() for pair, path in pairs.items()):
        values = [source[name] for source in (path.recovered, path.straight_line) for name in RECOVERED]
        true = [",".join(f"{path.true[name][end]:.6g}" for name in RECOVERED) for end in (0, 1)]
        between = ["," * (len(RECOVERED) - 1)] * (len(path.alpha) - 2)
        columns = (path.alpha, *values, path.distance, [true[0], *between, true[1]])
        for *row, distance, ends in zip(*columns, strict=True):
            lines.append(",".join([pair, kind, *(f"{value:.6g}" for value in row), ends, f"{distance:.6g}"]))
    return "\n".join(lines) + "\n"


def _recovered_table(path: Interpolation) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns header and rows of the parameters recovered along one interpolation, between the true ends."""
    header, columns, first, last = ["coefficient"], [path.alpha], ["test spectrum a"], ["test spectrum b"]
    for name in RECOVERED:
        header.append(f"{name} ({UNITS[name]})")
        columns.append(path.recovered[name])
        for row, value in zip((first, last), path.true[name], strict=True):
            row.append(f"{value:.3f}")
        if name in path.varied:
            header.append("straight line")
            columns.append(path.straight_line[name])
            first.append("")
            last.append("")
    rows = [
        (f"{values[0]:.2f}", *(f"{value:.3f}" for value in values[1:]), percent(distance))
        for values, distance in zip(zip(*columns, strict=True), path.distance, strict=True)
    ]
    return (*header, "distance"), [(*first, ""), *rows, (*last, "")]
