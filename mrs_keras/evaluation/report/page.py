"""The page of an evaluation: its sections in their order."""

from mrs_keras.evaluation.report.format import SOURCES, both, percent, small_percent
from mrs_keras.evaluation.report.generation import generation_sections
from mrs_keras.evaluation.report.html import render_report, system_rows
from mrs_keras.evaluation.report.interpolation import drift_section, random_pair_section, sections_of_test_pairs
from mrs_keras.evaluation.report.latent_space import latent_space_sections
from mrs_keras.evaluation.report.reconstruction import noise_section, parameter_section, reconstruction_section

TITLE = "mrs_keras: evaluation of a conditional VAE"


def report_page(numbers: dict, results: dict, images: dict[str, bytes]) -> str:
    """Returns the report of a trained model as an HTML page.

    Args:
      numbers: as `mrs_keras.evaluate` returns them.
      results: what was measured, as `mrs_keras.evaluate` collects it.
      images: name of the figure -> PNG.
    """
    sections = [
        _overview(numbers, results["notes"]),
        reconstruction_section(numbers, images),
        parameter_section(numbers, images),
        *([noise_section(numbers)] if "noise" in numbers else []),
        *generation_sections(numbers, images),
        *latent_space_sections(numbers, images),
        random_pair_section(numbers["random_pairs"], images),
        drift_section(numbers["random_pairs"]),
        *sections_of_test_pairs(results["interpolation"], images),
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
        *_closing(images),
    ]
    return render_report(TITLE, sections)


def failure_page(numbers: dict, results: dict, images: dict[str, bytes]) -> str:
    """Returns the report of a model that does not reconstruct its data; arguments as in `report_page`."""
    sections = [
        {"title": "This model is of no use", "text": " ".join([numbers["failure"], *results["notes"]])},
        reconstruction_section(numbers, images),
        *_closing(images),
    ]
    return render_report(TITLE, sections)


def _closing(images: dict[str, bytes]) -> list[dict]:
    return [
        {
            "title": "Training",
            "text": "Training numbers are those of sampled latents, validation numbers those of the posterior mean. "
            "Good: all curves have become flat, and validation does not rise again.",
            "figure": images["learning_curves"],
            "caption": "Learning curves.",
        },
        {"title": "System", "text": "Made with:", "table": (("package", "version"), system_rows())},
    ]


def _overview(numbers: dict, notes: list[str]) -> dict:
    """Returns the section of the numbers to look at first, beside the best that they can be."""
    reconstruction, generation = numbers["reconstruction"], numbers["generation"]
    default, simulated = generation[generation["default_prior"]], generation["simulated"]
    floor = reconstruction["parameters"]["data"]["all_concentrations"]
    labels = [score["nonlinear"] for score in numbers["latent_space"]["labels"].values()]
    rows = [
        ("validation error, relative L2", both(reconstruction["model"]), "0 %"),
        (
            "concentrations of the reconstructions, off by",
            both(reconstruction["parameters"]["model"]["all_concentrations"]),
            both(floor),
        ),
        *(
            (f"concentrations of generated spectra ({SOURCES[name]}), off by", both(values), best)
            for name, values, best in _of_priors(generation, "concentration_error")
        ),
        *(
            (f"their distance from the physical model ({SOURCES[name]})", both(values), best)
            for name, values, best in _of_priors(generation, "distance_from_physical_model")
        ),
        (
            "validation spectra that generated ones cover",
            percent(default["coverage"]),
            f"{percent(simulated['coverage'])} (simulated)",
        ),
        (
            "classifier of generated against validation spectra, right in",
            percent(default["classifier"]["accuracy"]),
            f"{percent(simulated['classifier']['accuracy'])} (simulated; chance: 50 %)",
        ),
        (
            "Kolmogorov-Smirnov statistic of generated parameters, worst",
            _worst(default["ks"]),
            f"{_worst(simulated['ks'])} (simulated)",
        ),
        ("labels that leak into the latents, largest R2", f"{max(labels):.3f}", "0"),
        *(
            (
                f"paths between random pairs over {kind}, monotone in {name}",
                f"{100 * values['monotone']:.1f} %",
                f"{100 * result['reference_numbers']['varied'][name]['monotone']:.1f} % (simulated)"
                if "reference_numbers" in result
                else "100.0 %",
            )
            for kind, result in numbers["random_pairs"].items()
            for name, values in result["numbers"]["varied"].items()
        ),
        *(
            (
                f"paths between random pairs over {kind}, what should stay: drift, worst median",
                _worst_drift(result["numbers"]["drift"]),
                f"0 % (bound: {percent(result['numbers']['drift_bounds']['median'])})",
            )
            for kind, result in numbers["random_pairs"].items()
        ),
    ]
    return {
        "title": "At a glance",
        "text": " ".join(
            [
                *notes,
                "Errors and distances are median / 95th percentile. The judge is a fit of the physical model, which "
                "recovers the parameters of any spectrum; the last column is the best that it can measure.",
            ]
        ),
        "table": (("number", "this model", "best"), rows),
    }


def _worst(statistics: dict[str, float]) -> str:
    name = max(statistics, key=statistics.get)
    return f"{statistics[name]:.3f} ({name})"


def _worst_drift(drift: dict[str, dict]) -> str:
    name = max(drift, key=lambda parameter: drift[parameter]["median"])
    return f"{percent(drift[name]['median'])} ({name})"


def _of_priors(generation: dict, key: str) -> list[tuple[str, dict, str]]:
    """Returns name, numbers and the best of what was generated with each prior."""
    best = generation["simulated"][key]
    return [
        (name, values[key], f"{small_percent(best['median'])} / {small_percent(best['percentile_95'])} (simulated)")
        for name, values in generation.items()
        if name in SOURCES and name != "simulated"
    ]
