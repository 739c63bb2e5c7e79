"""Draws all figures of an evaluation from its results."""

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.architecture import layer_graph
from mrs_keras.evaluation.coverage import NEIGHBOURS, baseline_ks
from mrs_keras.evaluation.dataset_physics import LINE_PARAMETERS, DatasetPhysics
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
    latent_space = numbers["latent_space"]
    return {
        **figures,
        **_of_generation(ppm, physics, results["generation"]),
        "parameter_errors": plotting.plot_parameter_errors(
            results["parameters"]["errors"],
            {name: physics.width_of(name) for name in parameters},
            physics.prior.metabolites,
        ),
        "latent_space": plotting.plot_latent_space(
            latent_space["kl_per_unit"],
            latent_space["mutual_information"],
            {**latent_space["labels"], **latent_space["parameters"]},
            physics.prior.metabolites,
        ),
        "random_pairs": plotting.plot_random_pairs(results["random_pairs"], DRIFT_BOUNDS),
        "figure1_model": plotting.plot_model(
            layer_graph(model.encoder), layer_graph(model.generator), model.latent_dim
        ),
        "figure2_procedure": plotting.plot_procedure(ppm, results["interpolation"]["phi0"], "phi0"),
        "figure3_interpolation": plotting.plot_interpolation(ppm, results["interpolation"]),
    }


def _of_generation(ppm: np.ndarray, physics: DatasetPhysics, generation: dict) -> dict[str, Figure]:
    sources = {name: source for name, source in generation.items() if "fit" in source}
    first = next(iter(sources.values()))
    fitted = len(first["fit"].residual)
    numbers = {name: source["numbers"] for name, source in sources.items()}
    metabolites = physics.prior.metabolites
    # Of the baseline, the coefficient that the default prior generates worst.
    worst = int(np.argmax(baseline_ks(first["fit"].parameters, physics)))
    values = {name: physics.values(source["fit"].parameters) for name, source in sources.items()}
    values = {name: {**columns, "baseline": columns["baseline"][:, worst]} for name, columns in values.items()}
    ranges = {
        name: (physics.range_of(name).low, physics.range_of(name).high) for name in (*LINE_PARAMETERS, "baseline")
    }
    units = {**UNITS, "baseline": f"coefficient {worst}, of the tallest peak"}
    return {
        "generated_labels": plotting.plot_labels(
            {name: source["requested"][:fitted] for name, source in sources.items()},
            {name: source["fit"].parameters.concentrations for name, source in sources.items()},
            {name: [number["concentrations"][m] for m in metabolites] for name, number in numbers.items()},
            metabolites,
        ),
        "generated_physicality": plotting.plot_physicality(
            ppm,
            channels_to_complex(first["spectra"][:fitted]),
            first["fit"].fitted,
            {name: source["fit"].residual for name, source in sources.items()},
        ),
        "generated_marginals": plotting.plot_marginals(
            values, ranges, units, {name: number["ks"] for name, number in numbers.items()}
        ),
        "generated_coverage": plotting.plot_coverage(
            {name: source["features"] for name, source in sources.items()},
            generation["validation"]["features"],
            numbers,
            IDEAL_COVERAGE,
        ),
    }
