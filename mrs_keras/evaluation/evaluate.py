"""`mrs-keras evaluate`: numbers, figures and report of a trained model."""

import json
import os
from pathlib import Path

import numpy as np

from mrs_keras import plotting
from mrs_keras.basis import default_basis
from mrs_keras.data import load_arrays, open_dataset
from mrs_keras.evaluation.architecture import layer_graph
from mrs_keras.evaluation.interpolation import evaluate_interpolation
from mrs_keras.evaluation.reconstruction import pca_reconstruction, relative_l2, summary
from mrs_keras.evaluation.report import png_bytes
from mrs_keras.evaluation.report_content import interpolation_csv, report_page
from mrs_keras.files import replacing
from mrs_keras.models import CVAE
from mrs_keras.simulation import channels_to_complex
from mrs_keras.training import read_history
from mrs_keras.training.recipe import MODEL_FILE, load_model

PAIRS = {"phi0": ("phi0",), "broadening": ("gamma", "sigma")}
"""Pair of the test split -> parameters in which its two spectra differ."""


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
      output_dir: Defaults to `None`: `evaluation` in the run's folder. It is replaced as a whole.

    Returns:
      The content of `numbers.json`.

    Raises:
      FileNotFoundError: if the model or the dataset is missing.
      ValueError: if the dataset is not of the model's acquisition and metabolites.
    """
    model = load_trained(run_dir)
    builder = open_dataset(data_dir, config)
    splits = {name: load_arrays(builder, name) for name in ("train", "validation", "test")}
    reconstruction = _reconstruct(model, splits["train"], splits["validation"])
    interpolations = _interpolate(model, splits["test"], steps)
    numbers = {
        "reconstruction": {name: reconstruction[name] for name in ("model", "pca", "model_over_pca")},
        "latent_dim": model.latent_dim,
        "active_units": int(np.sum(reconstruction["z_mean"].var(axis=0) > model.active_units.threshold)),
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
    with replacing(Path(output_dir or Path(run_dir) / "evaluation")) as partial:
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


def _interpolate(model: CVAE, test: dict, steps: int) -> dict[str, dict]:
    basis = default_basis().select(model.metabolites)
    ids = test["example_id"].astype(str).tolist()
    results = {}
    for name, varied in PAIRS.items():
        rows = [ids.index(f"{name}_low"), ids.index(f"{name}_high")]
        pair = {feature: values[rows] for feature, values in test.items()}
        results[name] = evaluate_interpolation(model, basis, pair, varied, steps)
    return results


def _interpolation_numbers(result: dict) -> dict:
    numbers = {key: result[key] for key in ("monotone", "r2", "end_point_error")}
    return {**numbers, "largest_distance_from_physical_model": float(result["residual"].max())}
