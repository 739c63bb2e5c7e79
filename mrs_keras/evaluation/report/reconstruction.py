"""What the report says about reconstructions."""

from mrs_keras.evaluation.parameter_errors import ERROR_UNITS
from mrs_keras.evaluation.report.format import both, number, percent, small_percent


def reconstruction_section(numbers: dict, images: dict[str, bytes]) -> dict:
    """Returns the section on the errors of the spectra.

    Args:
      numbers: as `mrs_keras.evaluate` returns them.
      images: name of the figure -> PNG.
    """
    reconstruction = numbers["reconstruction"]
    return {
        "title": "Reconstruction",
        "text": f"Relative L2 error of the {numbers['spectra']['validation']} validation spectra, reconstructed from "
        "the posterior mean, beside a principal component analysis with as many components as the model has latents: "
        f"0 is best, and a useful model lies far below PCA. {numbers['active_units']} of {numbers['latent_dim']} "
        "latents are active.",
        "table": (
            ("", "median", "95th percentile"),
            [
                (name, percent(reconstruction[key]["median"]), percent(reconstruction[key]["percentile_95"]))
                for name, key in (("cVAE", "model"), ("PCA", "pca"))
            ],
        ),
        "figure": images["reconstruction"],
        "caption": "Three reconstructions, and the distribution of the error. Good: a flat red line, and a histogram "
        "far left of that of PCA.",
    }


def parameter_section(numbers: dict, images: dict[str, bytes]) -> dict:
    """Returns the section on the physical parameters that are recovered from reconstructions."""
    reconstruction = numbers["reconstruction"]
    model, data = (reconstruction["parameters"][source] for source in ("model", "data"))

    def row(label, ours, floor, text):
        return (
            label,
            text(ours["median"]),
            text(ours["percentile_95"]),
            text(floor["median"]),
            text(floor["percentile_95"]),
        )

    rows = [
        row(f"{name} ({unit})", model[name], data[name], lambda value: number(value, 4))
        for name, unit in ERROR_UNITS.items()
        if name != "baseline"
    ]
    rows += [
        row(f"{name} (relative)", model["concentrations"][name], data["concentrations"][name], small_percent)
        for name in model["concentrations"]
    ]
    rows.append(row("baseline (% of the tallest peak)", model["baseline"], data["baseline"], small_percent))
    distance = reconstruction["distance_from_physical_model"]
    rows.append(row("distance from the physical model", distance["model"], distance["data"], small_percent))
    return {
        "title": "Physical parameters of the reconstructions",
        "text": f"A spectral fit recovers the parameters of {numbers['spectra']['fitted']} reconstructed validation "
        "spectra; the errors are distances from the true values, 0 is best. The same fit of the data themselves is the "
        f"floor: the judge can see no smaller errors. All concentrations: {both(model['all_concentrations'])} (median "
        f"/ 95th percentile), data {both(data['all_concentrations'])}.",
        "table": (("error of", "cVAE, median", "95th percentile", "data, median", "95th percentile"), rows),
        "figure": images["parameter_errors"],
        "caption": "Dots are medians, bars reach to the 95th percentile. Good: blue dots near the grey ones, or below "
        "1 %.",
    }


def noise_section(numbers: dict) -> dict:
    """Returns the section on noise."""
    noise = numbers["noise"]
    rows = [
        ("data less reconstruction, over the true noise", noise["residual_over_noise"], lambda value: f"{value:.3f}"),
        *(
            (label, noise[key], percent)
            for key, label in (
                ("generated", "noise of generated spectra, over the tallest peak"),
                ("data", "noise of the validation spectra, over the tallest peak"),
            )
            if key in noise
        ),
    ]
    return {
        "title": "Noise",
        "text": "Standard deviations. The first row is best at 1: below, the model has learned noise by heart; above, "
        "it has missed signal. "
        + (
            "The last two rows should agree."
            if "generated" in noise
            else "Generated spectra carry no noise: this model does not learn its level."
        ),
        "table": (
            ("", "5th percentile", "median", "95th percentile"),
            [
                (label, *(text(values[key]) for key in ("percentile_5", "median", "percentile_95")))
                for label, values, text in rows
            ],
        ),
    }
