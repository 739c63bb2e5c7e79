"""Draws all figures of an evaluation from its results."""

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.architecture import layer_graph
from mrs_keras.evaluation.coverage import NEIGHBOURS, baseline_ks
from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
from mrs_keras.evaluation.latent_priors import latent_priors_of
from mrs_keras.evaluation.random_pairs import DRIFT_BOUNDS
from mrs_keras.models import CVAE
from mrs_keras.simulation import UNITS, channels_to_complex

IDEAL_COVERAGE = 1 - 2.0**-NEIGHBOURS
"""Coverage of two sets of points from the same distribution."""


def draw_figures(model: CVAE, physics: DatasetPhysics, results: dict, numbers: dict) -> dict[str, Figure]:
    """Returns name -> figure; of a model that failed, those of the training and of the reconstructions alone.

    Args:
      model: trained.
      physics: of the dataset.
      results: what was measured, as `evaluate` collects it.
      numbers: as `evaluate` returns them.
    """
    ppm = model.acquisition.window_ppm_axis
    reconstruction = results["reconstruction"]
    figures = {
        "reconstruction": plotting.plot_reconstruction(
            ppm,
            channels_to_complex(results["validation"]["spectrum"]),
            channels_to_complex(reconstruction["spectra"]),
            reconstruction["model_errors"],
            reconstruction["pca_errors"],
            model.latent_dim,
        ),
        "learning_curves": plotting.plot_learning_curves(results["history"]),
    }
    if "failure" in numbers:
        return figures
    parameters = (*LINE_PARAMETERS, "baseline")
    latent_space, interpolations = numbers["latent_space"], results["interpolation"]
    predicted = {**latent_space["labels"], **latent_space["parameters"]}
    return {
        **figures,
        **_of_generation(ppm, physics, results["generation"], latent_priors_of(model)),
        "parameter_errors": plotting.plot_parameter_errors(
            {
                "reconstructions": results["parameters"]["errors"]["model"],
                "the data themselves": results["parameters"]["errors"]["data"],
            },
            {name: physics.width_of(name) for name in parameters},
            physics.prior.metabolites,
            reference="the data themselves",
        ),
        "latent_space": plotting.plot_latent_space(
            latent_space["kl_per_unit"],
            latent_space["mutual_information"],
            {kind: [predicted[name][kind] for name in predicted] for kind in ("linear", "nonlinear")},
            physics.prior.metabolites,
        ),
        "random_pairs": _of_random_pairs(results["random_pairs"]),
        "figure1_model": plotting.plot_model(
            layer_graph(model.encoder), layer_graph(model.generator), model.latent_dim
        ),
        "figure2_procedure": plotting.plot_procedure(
            ppm, *(interpolations["phi0"][name] for name in ("ends", "z", "spectra")), "phi0"
        ),
        "figure3_interpolation": plotting.plot_interpolation(
            ppm,
            {name: result["spectra"] for name, result in interpolations.items()},
            {name: result["ends"] for name, result in interpolations.items()},
            *(
                {
                    name: {parameter: result[kind][parameter] for parameter in result["varied"]}
                    for name, result in interpolations.items()
                }
                for kind in ("recovered", "true")
            ),
            {name: result["residual"] for name, result in interpolations.items()},
            UNITS,
        ),
    }


def _of_random_pairs(random_pairs: dict) -> Figure:
    paths, titles, drifts = {}, {}, {}
    for kind, result in random_pairs.items():
        paths[kind], titles[kind] = {}, {}
        for name, numbers in result["numbers"]["varied"].items():
            first, last = result["true"][name][:, :1], result["true"][name][:, 1:]
            paths[kind][name] = (result["paths"][name] - first) / (last - first)
            titles[kind][name] = (
                f"pairs over {kind}: {len(paths[kind][name])} paths\nmonotone {100 * numbers['monotone']:.0f} %, "
                f"median R2 {numbers['r2']['median']:.3f}"
            )
        drifts[kind] = {
            label: {name: (drift["median"], drift["percentile_95"]) for name, drift in result[key]["drift"].items()}
            for key, label in (("numbers", "generated paths"), ("reference_numbers", "simulated paths"))
            if key in result
        }
    bounds = (DRIFT_BOUNDS["median"], DRIFT_BOUNDS["percentile_95"])
    reference = "simulated paths" if any(len(sets) > 1 for sets in drifts.values()) else None
    return plotting.plot_random_pairs(paths, titles, drifts, bounds, reference)


def _of_generation(ppm: np.ndarray, physics: DatasetPhysics, generation: dict, priors: list) -> dict[str, Figure]:
    reference = "simulated spectra"
    labels = {**{prior.name: prior.label for prior in priors}, "simulated": reference}
    sources = {label: generation[name] for name, label in labels.items()}
    first = next(iter(sources.values()))
    fitted = len(first["fit"].residual)
    numbers = {label: source["numbers"] for label, source in sources.items()}
    metabolites = physics.prior.metabolites
    # Of the baseline, the coefficient that the default prior generates worst.
    worst = int(np.argmax(baseline_ks(first["fit"].parameters, physics)))
    values = {label: physics.values(source["fit"].parameters) for label, source in sources.items()}
    values = {label: {**columns, "baseline": columns["baseline"][:, worst]} for label, columns in values.items()}
    ranges = {
        name: (physics.range_of(name).low, physics.range_of(name).high) for name in (*LINE_PARAMETERS, "baseline")
    }
    units = {**UNITS, "baseline": f"coefficient {worst}, of the tallest peak"}
    errors = {
        label: np.array(
            [[number["concentrations"][m][key] for key in ("median", "percentile_95")] for m in metabolites]
        )
        for label, number in numbers.items()
    }
    return {
        "generated_labels": plotting.plot_labels(
            {label: source["requested"][:fitted] for label, source in sources.items()},
            {label: source["fit"].parameters.concentrations for label, source in sources.items()},
            errors,
            metabolites,
            reference,
        ),
        "generated_physicality": plotting.plot_physicality(
            ppm,
            channels_to_complex(first["spectra"][:fitted]),
            first["fit"].fitted,
            {label: source["fit"].residual for label, source in sources.items()},
            reference,
        ),
        "generated_marginals": plotting.plot_marginals(
            values, ranges, units, {label: number["ks"] for label, number in numbers.items()}, reference
        ),
        "generated_coverage": plotting.plot_coverage(
            {label: source["features"] for label, source in sources.items()},
            generation["validation"]["features"],
            {
                label: (number["density"], number["coverage"], *number["classifier"].values())
                for label, number in numbers.items()
            },
            IDEAL_COVERAGE,
            reference,
        ),
    }
