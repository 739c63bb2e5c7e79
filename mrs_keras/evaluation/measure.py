"""All measurements of one model, in the order of the report."""

from collections.abc import Callable, Mapping

import numpy as np

from mrs_keras.evaluation.coverage import coverage_numbers, feature_space, features_of
from mrs_keras.evaluation.dataset_physics import DatasetPhysics, true_parameters
from mrs_keras.evaluation.diverged import check_finite_output
from mrs_keras.evaluation.generated_spectra import generation_numbers, uniform_concentrations
from mrs_keras.evaluation.interpolation import evaluate_interpolation
from mrs_keras.evaluation.latent_priors import latent_priors_of
from mrs_keras.evaluation.parameter_errors import error_numbers, parameter_errors
from mrs_keras.evaluation.random_pairs import PAIRS, evaluate_random_pairs, reference_pairs
from mrs_keras.evaluation.reconstruction import pca_reconstruction, relative_l2, summary
from mrs_keras.models import CVAE, ActiveUnits
from mrs_keras.simulation import TEST_PAIRS

GENERATED = 2000
"""Spectra that are generated with each prior, and simulated as a reference."""

FITTED_WITH_NOISE = 300
"""Spectra of a kind that are fitted where the data have noise or effects, which limit the fit."""

RANDOM_PAIRS = {"phi0": ("phi0",), "gamma": ("gamma",), "sigma": ("sigma",), "broadening": ("gamma", "sigma")}
"""Kind of random pair -> parameters in which the two spectra differ."""

Split = Mapping[str, np.ndarray]


def fitted_spectra(physics: DatasetPhysics) -> int:
    """Returns how many spectra of a kind are fitted."""
    return GENERATED if physics.exact else FITTED_WITH_NOISE


def measure_reconstruction(model: CVAE, training: Split, validation: Split) -> dict:
    """Reconstructs the validation spectra from their posterior means.

    Returns:
      dict of `"spectra"`, `"posterior"`, `"model_errors"` and `"pca_errors"`, relative L2, and `"numbers"`.

    Raises:
      RuntimeError: if a reconstruction is not finite.
    """
    inputs = {name: validation[name] for name in ("spectrum", "concentrations")}
    output = model.predict(inputs, batch_size=512, verbose=0)
    for name in ("z_mean", "z_log_var", "spectrum"):
        check_finite_output(f"{name} of the validation spectra", output[name])
    errors = relative_l2(output["spectrum"], validation["spectrum"])
    pca = pca_reconstruction(training["spectrum"], validation["spectrum"], model.latent_dim)
    pca_errors = relative_l2(pca, validation["spectrum"])
    return {
        "spectra": output["spectrum"],
        "posterior": {name: output[name] for name in ("z_mean", "z_log_var")},
        "model_errors": errors,
        "pca_errors": pca_errors,
        "numbers": {
            "model": summary(errors),
            "pca": summary(pca_errors),
            "model_over_pca": float(np.median(errors) / np.median(pca_errors)),
        },
    }


def active_units(model: CVAE, z_mean: np.ndarray) -> int:
    """Returns the number of active latents, as the model's metric counts them."""
    metric = ActiveUnits.from_config(model.active_units.get_config())  # the model's own would lose its state
    metric.update_state(z_mean)
    return int(metric.result())


def measure_parameters(physics: DatasetPhysics, validation: Split, reconstructions: np.ndarray) -> dict:
    """Fits validation spectra and their reconstructions, and compares what is recovered with the truth.

    Returns:
      dict of `"errors"`, `"model"` and `"data"` -> parameter -> (fitted,), as `parameter_errors` returns them; and
      `"numbers"`: the same as medians and 95th percentiles, and the distances from the physical model.
    """
    count = fitted_spectra(physics)
    true = true_parameters({name: values[:count] for name, values in validation.items()})
    fits = {
        "model": physics.fit(reconstructions[:count]),
        "data": physics.fit(validation["spectrum"][:count]),
    }
    errors = {name: parameter_errors(fit.parameters, true, physics) for name, fit in fits.items()}
    return {
        "errors": errors,
        "numbers": {
            "parameters": {name: error_numbers(values, physics) for name, values in errors.items()},
            "distance_from_physical_model": {name: summary(fit.residual) for name, fit in fits.items()},
        },
    }


def measure_generation(
    model: CVAE, physics: DatasetPhysics, training: Split, validation: Split, progress: Callable[[str], None]
) -> dict:
    """Generates spectra at uniformly drawn labels with each prior, and simulates as many as a perfect generator would.

    Returns:
      source -> `"spectra"`, `"requested"`, `"fit"`, `"features"` and `"numbers"`; sources are the model's priors, the
      default first, and `"simulated"`. Besides `"validation"` -> `"features"`.
    """
    space = feature_space(training["spectrum"])
    count = min(GENERATED, len(validation["spectrum"]))
    reference = features_of(validation["spectrum"][:count], space)
    requested = uniform_concentrations(model, GENERATED)
    sources = {}
    for prior in (latent_prior.name for latent_prior in latent_priors_of(model)):
        progress(f"generated spectra, prior '{prior}'")
        sources[prior] = (model.generate(requested, seed=0, prior=prior), requested)
        check_finite_output(f"generated spectra, prior '{prior}'", sources[prior][0])
        sources[prior] = _judged(*sources[prior], physics, space, reference)
    progress("simulated spectra, the reference")
    parameters, spectra = physics.draw(GENERATED, "reference")
    sources["simulated"] = _judged(spectra, parameters.concentrations, physics, space, reference)
    return {**sources, "validation": {"features": reference}}


def _judged(spectra: np.ndarray, requested: np.ndarray, physics: DatasetPhysics, space, reference: np.ndarray) -> dict:
    fitted = fitted_spectra(physics)
    fit, features = physics.fit(spectra[:fitted]), features_of(spectra[: len(reference)], space)
    return {
        "spectra": spectra,
        "requested": requested,
        "fit": fit,
        "features": features,
        "numbers": {
            **generation_numbers(fit, requested[:fitted], physics),
            **coverage_numbers(fit.parameters, features, reference, physics),
        },
    }


def measure_interpolations(model: CVAE, physics: DatasetPhysics, test: Split, steps: int) -> dict[str, dict]:
    """Returns the result of `evaluate_interpolation` for each pair of the test split."""
    ids = test["example_id"].astype(str).tolist()
    results = {}
    for name, varied in TEST_PAIRS.items():
        rows = [ids.index(f"{name}_low"), ids.index(f"{name}_high")]
        pair = {feature: values[rows] for feature, values in test.items()}
        results[name] = evaluate_interpolation(model, physics.basis, pair, varied, steps, **physics.fit_options)
    return results


def measure_random_pairs(model: CVAE, physics: DatasetPhysics, steps: int = 11) -> dict[str, dict]:
    """Returns the result of `evaluate_random_pairs` for each kind of pair.

    Where the data have noise or effects, fewer pairs, and beside `"numbers"` those of `reference_pairs` as
    `"reference_numbers"`.
    """
    pairs = PAIRS if physics.exact else FITTED_WITH_NOISE // steps
    results = {}
    for name, varied in RANDOM_PAIRS.items():
        results[name] = evaluate_random_pairs(model, physics, varied, pairs, steps)
        if not physics.exact:
            reference = reference_pairs(physics, varied, pairs, steps)
            results[name]["reference_numbers"] = reference["numbers"]
    return results
