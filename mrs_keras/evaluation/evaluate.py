"""`mrs-keras evaluate`: numbers, figures and report of a trained model."""

import json
import os
from pathlib import Path

import numpy as np

from mrs_keras import plotting
from mrs_keras.basis import Basis, basis_for
from mrs_keras.data import load_arrays, open_dataset
from mrs_keras.evaluation.architecture import layer_graph
from mrs_keras.evaluation.interpolation import evaluate_interpolation
from mrs_keras.evaluation.reconstruction import pca_reconstruction, relative_l2, summary
from mrs_keras.evaluation.report import png_bytes
from mrs_keras.evaluation.report_content import interpolation_csv, report_page
from mrs_keras.evaluation.spectral_fit import fit_spectra
from mrs_keras.files import replacing
from mrs_keras.models import CVAE, ActiveUnits
from mrs_keras.simulation import TEST_PAIRS, channels_to_complex
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.training import read_history
from mrs_keras.training.recipe import MODEL_FILE, load_model

GENERATED = 2000
"""Spectra that are generated and fitted."""


def load_trained(run_dir: str | os.PathLike) -> CVAE:
    """Loads the model of a finished training.

    Args:
      run_dir: the folder that `train` wrote.

    Raises:
      FileNotFoundError: if there is no training, or it is not finished.
      ValueError: if the model file is damaged.
    """
    path = Path(run_dir) / MODEL_FILE
    if not path.exists():
        state = "an unfinished training" if Path(run_dir).is_dir() else "no training"
        raise FileNotFoundError(
            f"No trained model in '{run_dir}': there is {state}. Expected the file '{MODEL_FILE}'. "
            f"Run `mrs-keras train --output {run_dir}`; it goes on where it was interrupted."
        )
    return load_model(
        path, f"Remove it and run `mrs-keras train --output {run_dir}`: it goes on from the last checkpoint."
    )


def evaluate(
    run_dir: str | os.PathLike,
    *,
    data_dir: str | os.PathLike | None = None,
    config: str = "naa_pcr",
    steps: int = 11,
    output_dir: str | os.PathLike | None = None,
) -> dict:
    """Evaluates a trained model and writes `numbers.json`, `interpolation.csv`, figures and `report.html`.

    Args:
      run_dir: the folder that `train` wrote.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config of the dataset. Defaults to `"naa_pcr"`.
      steps: spectra per interpolation. Defaults to `11`.
      output_dir: Defaults to `None`: `evaluation` in the run's folder. An earlier evaluation is replaced as a whole.

    Returns:
      The content of `numbers.json`.

    Raises:
      FileNotFoundError: if the model or the dataset is missing.
      ValueError: if the dataset is not of the model's acquisition and metabolites, or `output_dir` holds something
        else than an earlier evaluation.
    """
    output_dir = Path(output_dir or Path(run_dir) / "evaluation")
    _check_replaceable(output_dir, Path(run_dir))
    model = load_trained(run_dir)
    builder = open_dataset(data_dir, config)
    _check_same_data(model, builder.info.metadata)
    splits = {name: load_arrays(builder, name) for name in ("train", "validation", "test")}
    reconstruction = _reconstruct(model, splits["train"], splits["validation"])
    basis = basis_for(model.metabolites)
    interpolations = _interpolate(model, basis, splits["test"], steps)
    numbers = {
        "reconstruction": {name: reconstruction[name] for name in ("model", "pca", "model_over_pca")},
        "latent_dim": model.latent_dim,
        "active_units": _active_units(model, reconstruction["z_mean"]),
        "generation": _generate(model, basis),
        "interpolation": {name: _interpolation_numbers(result) for name, result in interpolations.items()},
    }
    ppm = model.acquisition.window_ppm_axis
    figures = {
        "figure1_model": plotting.plot_model(
            layer_graph(model.encoder), layer_graph(model.generator), model.latent_dim
        ),
        "figure2_procedure": plotting.plot_procedure(ppm, interpolations["phi0"], "phi0"),
        "figure3_interpolation": plotting.plot_interpolation(ppm, interpolations),
        "reconstruction": plotting.plot_reconstruction(
            ppm,
            channels_to_complex(splits["validation"]["spectrum"]),
            channels_to_complex(reconstruction["spectra"]),
            reconstruction["model_errors"],
            reconstruction["pca_errors"],
            model.latent_dim,
        ),
        "learning_curves": plotting.plot_learning_curves(read_history(run_dir)),
    }
    images = {name: png_bytes(figure) for name, figure in figures.items()}
    with replacing(output_dir) as partial:
        partial.mkdir()
        for name, image in images.items():
            (partial / f"{name}.png").write_bytes(image)
        (partial / "numbers.json").write_text(json.dumps(numbers, indent=2) + "\n")
        (partial / "interpolation.csv").write_text(interpolation_csv(interpolations))
        (partial / "report.html").write_text(report_page(numbers, interpolations, images), encoding="utf-8")
    return numbers


def _reconstruct(model: CVAE, training: dict, validation: dict) -> dict:
    output = model.predict(
        {name: validation[name] for name in ("spectrum", "concentrations")}, batch_size=512, verbose=0
    )
    model_errors = relative_l2(output["spectrum"], validation["spectrum"])
    pca = pca_reconstruction(training["spectrum"], validation["spectrum"], model.latent_dim)
    pca_errors = relative_l2(pca, validation["spectrum"])
    return {
        "spectra": output["spectrum"],
        "z_mean": output["z_mean"],
        "model_errors": model_errors,
        "pca_errors": pca_errors,
        "model": summary(model_errors),
        "pca": summary(pca_errors),
        "model_over_pca": float(np.median(model_errors) / np.median(pca_errors)),
    }


def _active_units(model: CVAE, z_mean: np.ndarray) -> int:
    metric = ActiveUnits.from_config(model.active_units.get_config())  # the model's own would lose its state
    metric.update_state(z_mean)
    return int(metric.result())


def _generate(model: CVAE, basis: Basis) -> dict:
    """Returns how far generated spectra are from the concentrations asked for, and from the physical model."""
    low, high = np.array(model.concentration_range_mm).T
    uniform = keyed_uniform(0, GENERATED, len(low), 0, "concentrations of generated spectra")
    wanted = low + (high - low) * uniform
    fit = fit_spectra(channels_to_complex(model.generate(wanted, seed=0)), basis)
    errors = np.abs(fit.parameters.concentrations - wanted) / wanted
    return {"concentration_error": summary(errors), "distance_from_physical_model": summary(fit.residual)}


def _check_replaceable(output_dir: Path, run_dir: Path) -> None:
    """Raises `ValueError` where an evaluation would take the place of something else."""
    earlier = (output_dir / "numbers.json").exists() and (output_dir / "report.html").exists()
    holds_the_run = run_dir.resolve().is_relative_to(output_dir.resolve())
    in_use = output_dir.exists() and (not output_dir.is_dir() or any(output_dir.iterdir()))
    if holds_the_run or (in_use and not earlier):
        raise ValueError(
            "The folder of an evaluation is replaced as a whole. Expected a new or empty folder, or one with an "
            f"earlier evaluation. Received: '{output_dir}', which holds other files. Choose another folder."
        )


def _check_same_data(model: CVAE, metadata: dict) -> None:
    """Raises `ValueError` where a dataset is not of the model's metabolites and acquisition."""
    ours = {"metabolites": list(model.metabolites), "acquisition": model.acquisition.to_dict()}
    theirs = {name: metadata[name] for name in ours}
    if ours != theirs:
        raise ValueError(
            "The dataset must be of the model's metabolites, in their order, and of its acquisition. "
            f"Expected: {ours}. Received: {theirs}. Give the dataset that the model was trained on, with `config`."
        )


def _interpolate(model: CVAE, basis: Basis, test: dict, steps: int) -> dict[str, dict]:
    ids = test["example_id"].astype(str).tolist()
    results = {}
    for name, varied in TEST_PAIRS.items():
        rows = [ids.index(f"{name}_low"), ids.index(f"{name}_high")]
        pair = {feature: values[rows] for feature, values in test.items()}
        results[name] = evaluate_interpolation(model, basis, pair, varied, steps)
    return results


def _interpolation_numbers(result: dict) -> dict:
    numbers = {key: result[key] for key in ("monotone", "r2", "end_point_error")}
    return {**numbers, "largest_distance_from_physical_model": float(result["residual"].max())}
