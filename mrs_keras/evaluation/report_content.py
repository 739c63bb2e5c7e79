"""What the report of a trained model says: its sections and tables."""

from mrs_keras.evaluation.report import render_report, system_rows
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


def report_page(numbers: dict, interpolations: dict[str, dict], images: dict[str, bytes]) -> str:
    """Returns the report of a trained model as an HTML page.

    Args:
      numbers: as `mrs_keras.evaluate` returns them.
      interpolations: name of the pair -> result of `evaluate_interpolation`.
      images: name of the figure -> PNG.
    """
    reconstruction, generation = numbers["reconstruction"], numbers["generation"]
    sections = [
        {
            "title": "Reconstruction",
            "text": "Relative L2 error of the validation spectra, reconstructed from the posterior mean, "
            "beside a principal component analysis with as many components as the model has latents. "
            f"{numbers['active_units']} of {numbers['latent_dim']} latents are active.",
            "table": (
                ("", "median", "95th percentile"),
                [
                    (name, _percent(reconstruction[key]["median"]), _percent(reconstruction[key]["percentile_95"]))
                    for name, key in (("cVAE", "model"), ("PCA", "pca"))
                ],
            ),
            "figure": images["reconstruction"],
            "caption": "Three reconstructions, and the distribution of the error.",
        },
        {
            "title": "Generated spectra",
            "text": "Spectra generated from latents of the standard normal prior at uniformly drawn concentrations, "
            "and fitted: how far off the concentrations are, and how far the spectra lie from the physical model.",
            "table": (
                ("", "median", "95th percentile"),
                [
                    (name, _percent(generation[key]["median"]), _percent(generation[key]["percentile_95"]))
                    for name, key in (
                        ("relative error of the concentrations", "concentration_error"),
                        ("relative L2 distance from the physical model", "distance_from_physical_model"),
                    )
                ],
            ),
        },
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
                        _percent(result["end_point_error"][parameter]),
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
        {
            "title": "Procedure",
            "text": "How the latent space is evaluated, with the real curves of the phi0 pair.",
            "figure": images["figure2_procedure"],
            "caption": "Figure 2. Encode, interpolate, decode.",
        },
        {
            "title": "Model",
            "text": "The layers of both networks as they are connected. Spectra and concentrations are scaled inside.",
            "figure": images["figure1_model"],
            "caption": "Figure 1. The conditional VAE, drawn from its layers.",
        },
        {
            "title": "Training",
            "text": "Training numbers are those of sampled latents, validation numbers those of the posterior mean.",
            "figure": images["learning_curves"],
            "caption": "Learning curves.",
        },
        {"title": "System", "text": "Made with:", "table": (("package", "version"), system_rows())},
    ]
    return render_report("mrs_keras: evaluation of a conditional VAE", sections)


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
        (f"{values[0]:.2f}", *(f"{value:.3f}" for value in values[1:]), _percent(distance))
        for values, distance in zip(zip(*columns, strict=True), result["residual"], strict=True)
    ]
    return (*header, "distance"), [(*first, ""), *rows, (*last, "")]


def _percent(value: float) -> str:
    return f"{100 * value:.2f} %"
