"""What the report says about interpolations."""

from mrs_keras.evaluation.report.format import both, percent
from mrs_keras.simulation import UNITS

RECOVERED = {name: UNITS[name] for name in ("gamma", "sigma", "eps", "phi0")}


def interpolation_csv(interpolations: dict[str, dict]) -> str:
    """Returns the recovered parameters of every interpolated spectrum, beside the straight lines, as CSV.

    The columns `..._true` hold the values of the test spectra, in the rows of the two ends.
    """
    names = [f"{name}_{unit.replace('/', '_per_')}".replace("_1_per", "_per") for name, unit in RECOVERED.items()]
    header = [
        "pair",
        "alpha",
        *names,
        *(f"{name}_straight_line" for name in names),
        *(f"{name}_true" for name in names),
    ]
    lines = [",".join([*header, "relative_distance_from_physical_model"])]
    for pair, result in interpolations.items():
        lines_of_pair = [result[kind][name] for kind in ("recovered", "straight_line") for name in RECOVERED]
        columns = (result["alpha"], *lines_of_pair, result["residual"])
        true = [",".join(f"{result['true'][name][end]:.6g}" for name in RECOVERED) for end in (0, 1)]
        between = ["," * (len(RECOVERED) - 1)] * (len(result["alpha"]) - 2)
        for *row, distance, ends in zip(*columns, [true[0], *between, true[1]], strict=True):
            lines.append(",".join([pair, *(f"{value:.6g}" for value in row), ends, f"{distance:.6g}"]))
    return "\n".join(lines) + "\n"


def sections_of_test_pairs(interpolations: dict[str, dict], images: dict[str, bytes]) -> list[dict]:
    """Returns the sections on the two pairs of the test split.

    Args:
      interpolations: name of the pair -> result of `evaluate_interpolation`.
      images: name of the figure -> PNG.
    """
    return [
        {
            "title": "Latent space: interpolation between test spectra",
            "text": "Two pairs of test spectra are encoded, and spectra are generated on the straight line between "
            "their latents. A spectral fit (variable projection) recovers the physical parameters of each of them. "
            "A latent space that has captured a parameter changes it steadily and leaves the others alone.",
            "table": (
                ("pair", "parameter", "monotone", "R2 against straight line", "end point error"),
                [
                    (
                        name,
                        parameter,
                        "yes" if result["monotone"][parameter] else "no",
                        f"{result['r2'][parameter]:.4f}",
                        percent(result["end_point_error"][parameter]),
                    )
                    for name, result in interpolations.items()
                    for parameter in result["varied"]
                ],
            ),
            "figure": images["figure3_interpolation"],
            "caption": "Figure 3. Interpolated spectra (dashed and dotted: the test spectra) and recovered parameters.",
        },
        *(
            {
                "title": f"Recovered parameters: {name}",
                "text": "Each row is one generated spectrum. The straight line joins what is recovered at the ends. "
                "The first and the last row hold the true values of the two test spectra. "
                "The distance is the relative L2 distance from the nearest spectrum of the physical model.",
                "table": _recovered_table(result),
            }
            for name, result in interpolations.items()
        ),
    ]


def random_pair_section(random_pairs: dict[str, dict], images: dict[str, bytes]) -> dict:
    """Returns the section on random pairs; `random_pairs` as in the numbers of an evaluation."""
    rows = []
    for kind, result in random_pairs.items():
        for source in ("numbers", "reference_numbers"):
            label = kind if source == "numbers" else f"{kind}, simulated"
            for name, values in result.get(source, {}).get("varied", {}).items():
                r2, error = values["r2"], values["end_point_error"]
                rows.append(
                    (
                        label,
                        name,
                        f"{100 * values['monotone']:.1f} %",
                        both(values["step_back"]),
                        f"{r2['median']:.3f} / {r2['percentile_5']:.3f}",
                        both(error),
                    )
                )
    first = next(iter(random_pairs.values()))["numbers"]
    return {
        "title": "Latent space: interpolation between random pairs",
        "text": f"{first['pairs']} pairs of each kind are alike but for what the table names, which goes from 10 % to "
        "90 % of its training range. Best is: every path monotone (it goes strictly one way; the largest step the "
        "other way is a fraction of the true difference), R2 against the straight line 1, end points where the true "
        "ends are (their error is a fraction of the true difference). gamma and sigma both broaden a line, so the "
        "linewidth is the fairer test of the two.",
        "table": (
            (
                "pairs over",
                "parameter",
                "monotone paths",
                "largest step back, median / 95th",
                "R2, median / 5th percentile",
                "end point error, median / 95th",
            ),
            rows,
        ),
        "figure": images["random_pairs"],
        "caption": "Recovered parameters along all paths, over the true difference of the ends, and the drift of all "
        "others. Left panels: good paths lie on the dashed line. Right panels: good dots lie left of the dashed line "
        "and good bars end left of the dotted one.",
    }


def drift_section(random_pairs: dict[str, dict]) -> dict:
    """Returns the section on what should stay along the paths between random pairs."""
    header, rows, bounds = ["pairs over", "parameter", "drift, median / 95th percentile"], [], None
    reference = any("reference_numbers" in result for result in random_pairs.values())
    for kind, result in random_pairs.items():
        bounds = result["numbers"]["drift_bounds"]
        for name, values in result["numbers"]["drift"].items():
            of_simulated = [both(result["reference_numbers"]["drift"][name])] if reference else []
            rows.append((kind, name, both(values), *of_simulated, "yes" if values["within_bounds"] else "no"))
    return {
        "title": "Drift along the paths",
        "text": "Both ends of a pair agree in these parameters, so nothing between them should differ. Drift is the "
        "largest distance of a path from that value, over the width of the training range (of the baseline: of all its "
        f"coefficients). The bounds: median at most {percent(bounds['median'])}, 95th percentile at most "
        f"{percent(bounds['percentile_95'])}.",
        "table": ((*header, *(["simulated paths"] if reference else []), "within bounds"), rows),
    }


def _recovered_table(result: dict) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Returns header and rows of the parameters recovered along one interpolation, between the true ends."""
    header, columns, first, last = ["coefficient"], [result["alpha"]], ["test spectrum a"], ["test spectrum b"]
    for name, unit in RECOVERED.items():
        header.append(f"{name} ({unit})")
        columns.append(result["recovered"][name])
        for row, value in zip((first, last), result["true"][name], strict=True):
            row.append(f"{value:.3f}")
        if name in result["varied"]:
            header.append("straight line")
            columns.append(result["straight_line"][name])
            first.append("")
            last.append("")
    rows = [
        (f"{values[0]:.2f}", *(f"{value:.3f}" for value in values[1:]), percent(distance))
        for values, distance in zip(zip(*columns, strict=True), result["residual"], strict=True)
    ]
    return (*header, "distance"), [(*first, ""), *rows, (*last, "")]
