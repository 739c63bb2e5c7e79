"""`mrs-keras evaluate`: numbers, figures and report of a trained model."""

import json
import os
from collections.abc import Callable
from pathlib import Path

from tqdm import tqdm

from mrs_keras.basis import Basis
from mrs_keras.checks import check_count
from mrs_keras.data import load_arrays, open_dataset
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.diverged import failure
from mrs_keras.evaluation.latent_space import evaluate_latent_space
from mrs_keras.evaluation.measure import (
    GENERATED,
    active_units,
    fitted_spectra,
    measure_generation,
    measure_interpolations,
    measure_parameters,
    measure_random_pairs,
    measure_reconstruction,
)
from mrs_keras.evaluation.noise import noise_numbers
from mrs_keras.evaluation.report import draw_figures, failure_page, interpolation_csv, png_bytes, report_page
from mrs_keras.evaluation.trained_run import check_same_data
from mrs_keras.files import replacing
from mrs_keras.models import CVAE, load_trained
from mrs_keras.run_folder import EVALUATION, NUMBERS_FILE, REPORT_FILE, read_history, read_settings
from mrs_keras.simulation import UNITS

STEPS = 10
"""Lines of progress of an evaluation of a model with a fitted density."""


def evaluate(
    run_dir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    config: str | None = None,
    steps: int = 11,
    output_dir: str | os.PathLike | None = None,
    basis: Basis | None = None,
) -> dict:
    """Evaluates a trained model and writes `numbers.json`, `interpolation.csv`, figures and `report.html`.

    A spectral fit (`fit_spectra`) is the judge: it recovers the physical parameters of any spectrum. Where the data
    have noise or effects, which limit it, fewer spectra are fitted, and each number stands beside that of simulated
    spectra. A model that does not reconstruct its data gets a short report that says so.

    Args:
      run_dir: the folder that `train` wrote.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config of the dataset. Defaults to `None`: that of the training.
      steps: spectra per interpolation of a test pair. Defaults to `11`.
      output_dir: Defaults to `None`: `evaluation` in the run's folder. An earlier evaluation is replaced as a whole.
      basis: that the dataset was built from. Defaults to `None`: this package's own.

    Returns:
      The content of `numbers.json`.

    Raises:
      FileNotFoundError: if the model or the dataset is missing.
      RuntimeError: if the training diverged: there is no model, or it makes NaN or infinity of good input.
      ValueError: if the dataset is not of the model's acquisition and metabolites, or `output_dir` holds something
        else than an earlier evaluation.
    """
    check_count("steps", steps, 11, at_least=2)
    output_dir = Path(output_dir or Path(run_dir) / EVALUATION)
    _check_replaceable(output_dir, Path(run_dir))
    with tqdm(total=STEPS, unit="step") as bar:

        def progress(step: str) -> None:
            bar.set_description(f"Evaluating: {step}")
            bar.update()

        progress("model and data")
        model = load_trained(run_dir)
        builder = open_dataset(data_dir, config or read_settings(run_dir)["config"])
        check_same_data(model, builder.info.metadata)
        physics = DatasetPhysics.of(builder.info.metadata, basis)
        splits = {name: load_arrays(builder, name) for name in ("train", "validation", "test")}
        results = {
            "notes": _notes(builder.info.metadata, physics),
            "history": read_history(run_dir),
            "validation": splits["validation"],
        }
        numbers = _measure(model, physics, splits, steps, results, progress)
        progress("figures and report")
        images = {name: png_bytes(figure) for name, figure in draw_figures(model, physics, results, numbers).items()}
        page = failure_page if "failure" in numbers else report_page
        with replacing(output_dir) as partial:
            partial.mkdir()
            for name, image in images.items():
                (partial / f"{name}.png").write_bytes(image)
            (partial / NUMBERS_FILE).write_text(json.dumps(numbers, indent=2, allow_nan=False) + "\n")
            if "interpolation" in results:
                (partial / "interpolation.csv").write_text(interpolation_csv(results["interpolation"]))
            (partial / REPORT_FILE).write_text(page(numbers, results, images), encoding="utf-8")
        bar.set_description("Evaluated")
        bar.update(bar.total - bar.n)
    return numbers


def _measure(
    model: CVAE, physics: DatasetPhysics, splits: dict, steps: int, results: dict, progress: Callable[[str], None]
) -> dict:
    """Returns the numbers, and adds to `results` what figures and tables are made from."""
    validation = splits["validation"]
    progress("reconstructions")
    results["reconstruction"] = reconstruction = measure_reconstruction(model, splits["train"], validation)
    numbers = {
        "reconstruction": reconstruction["numbers"],
        "latent_dim": model.latent_dim,
        "active_units": active_units(model, reconstruction["posterior"]["z_mean"]),
        "spectra": {
            "validation": len(validation["spectrum"]),
            "generated": GENERATED,
            "fitted": fitted_spectra(physics),
        },
        "units": {**UNITS, "linewidth": "Hz"},
    }
    failed = failure(reconstruction["model_errors"], numbers["active_units"])
    if failed:
        return {"failure": failed, **numbers}
    progress("parameters of the reconstructions")
    results["parameters"] = measure_parameters(physics, validation, reconstruction["spectra"])
    numbers["reconstruction"] |= results["parameters"]["numbers"]
    results["generation"] = measure_generation(model, physics, splits["train"], validation, progress)
    numbers["generation"] = {
        "default_prior": next(iter(results["generation"])),
        **{name: source["numbers"] for name, source in results["generation"].items() if "numbers" in source},
    }
    progress("latent space")
    numbers["latent_space"] = evaluate_latent_space(reconstruction["posterior"], validation, model.metabolites)
    progress("interpolations of the test pairs")
    results["interpolation"] = measure_interpolations(model, physics, splits["test"], steps)
    numbers["interpolation"] = {
        name: _interpolation_numbers(result) for name, result in results["interpolation"].items()
    }
    progress("interpolations of random pairs")
    results["random_pairs"] = measure_random_pairs(model, physics)
    numbers["random_pairs"] = {
        name: {key: result[key] for key in ("numbers", "reference_numbers") if key in result}
        for name, result in results["random_pairs"].items()
    }
    if physics.noisy:
        numbers["noise"] = noise_numbers(model, physics, validation, reconstruction["spectra"])
    return numbers


def _notes(metadata: dict, physics: DatasetPhysics) -> list[str]:
    """Returns what a reader must know before any number."""
    notes = []
    if not physics.exact:
        notes.append(
            "The spectra of this dataset have noise or effects (residual water, eddy currents, drift) that the "
            f"spectral fit does not know: it is no exact judge. {fitted_spectra(physics)} spectra of each kind are "
            "fitted, and beside each number stands that of simulated spectra, which are as the dataset's: come near "
            "to it."
        )
    if physics.basis.description != metadata["basis"]:
        notes.append(
            f"The dataset was built from the basis '{metadata['basis']}', the fit uses '{physics.basis.description}'. "
            "Where these differ, the fit of the data themselves is off as well. In Python, "
            "`evaluate(..., basis=read_basis(path))` fits with the dataset's own."
        )
    return notes


def _check_replaceable(output_dir: Path, run_dir: Path) -> None:
    """Raises `ValueError` where an evaluation would take the place of something else."""
    earlier = (output_dir / NUMBERS_FILE).exists() and (output_dir / REPORT_FILE).exists()
    holds_the_run = run_dir.resolve().is_relative_to(output_dir.resolve())
    in_use = output_dir.exists() and (not output_dir.is_dir() or any(output_dir.iterdir()))
    if holds_the_run or (in_use and not earlier):
        raise ValueError(
            "The folder of an evaluation is replaced as a whole. Expected a new or empty folder, or one with an "
            f"earlier evaluation. Received: '{output_dir}', which holds other files. Choose another folder."
        )


def _interpolation_numbers(result: dict) -> dict:
    numbers = {key: result[key] for key in ("monotone", "r2", "end_point_error")}
    return {**numbers, "largest_distance_from_physical_model": float(result["residual"].max())}
