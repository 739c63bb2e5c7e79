"""Datasets without a prior, a basis or test pairs: what is left out, and what is not."""

import importlib
import json
import shutil

import pytest

from mrs_keras import evaluate
from mrs_keras.data import load_arrays
from mrs_keras.generation import generate_dataset
from tests.conftest import REPOSITORY

# `mrs_keras.evaluation.evaluate` is a function.
MODULE = importlib.import_module("mrs_keras.evaluation.evaluation")


def edited_copy(data_dir, path, metadata=None, splits=None):
    """Copies the default dataset, and changes its metadata and the names of its splits."""
    shutil.copytree(data_dir / "simulated_mrs", path / "simulated_mrs")
    folder = next((path / "simulated_mrs").rglob("2.0.0/metadata.json")).parent
    if metadata is not None:
        content = json.loads((folder / "metadata.json").read_text())
        (folder / "metadata.json").write_text(json.dumps(metadata(content)))
    if splits is not None:
        info = json.loads((folder / "dataset_info.json").read_text())
        info["splits"] = [split for split in info["splits"] if split["name"] in splits]
        (folder / "dataset_info.json").write_text(json.dumps(info))
    return path


def without_physics(metadata):
    """What `mrs-keras generate` knows of its dataset."""
    return {**metadata, "prior": None, "basis": None}


@pytest.fixture(scope="module")
def measured(tmp_path_factory, run_dir, data_dir):
    """An evaluation on spectra with concentrations and nothing else."""
    folder = edited_copy(data_dir, tmp_path_factory.mktemp("data"), without_physics, ("train", "validation"))
    output_dir = tmp_path_factory.mktemp("evaluate") / "evaluation"
    columns = ("example_id", "spectrum", "concentrations")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            MODULE, "load_arrays", lambda *arguments: {name: load_arrays(*arguments)[name] for name in columns}
        )
        numbers = evaluate(run_dir, data_dir=folder, output_dir=output_dir)
    return output_dir, numbers


def test_without_physics_all_else_is_measured(measured):
    _, numbers = measured
    assert numbers["reconstruction"].keys() == {"model", "pca", "model_over_pca"}
    assert numbers["reconstruction"]["pca"]["median"] == pytest.approx(0.0455, abs=0.001)
    assert numbers["spectra"] == {"validation": 2000, "generated": 2000, "fitted": 0}
    generation = dict(numbers["generation"])
    assert generation.pop("default_prior") == "fitted"
    assert generation.keys() == {"fitted", "standard_normal"}
    for scores in generation.values():
        assert scores.keys() == {"density", "coverage", "classifier"}
    latent_space = numbers["latent_space"]
    assert len(latent_space["kl_per_unit"]) == 16
    assert latent_space["labels"].keys() == latent_space["mutual_information"].keys() == {"NAA", "PCr"}
    assert latent_space["parameters"] == {}


def test_the_numbers_and_the_report_say_what_is_left_out(measured):
    path, numbers = measured
    assert not {"interpolation", "random_pairs", "noise"} & numbers.keys()
    assert set(numbers["left_out"]) == {
        "parameters of the reconstructions",
        "concentrations, physicality and marginals of generated spectra",
        "disentanglement",
        "interpolation of test pairs",
        "interpolation of random pairs",
        "noise",
    }
    page = (path / "report.html").read_text(encoding="utf-8")
    for what, why in numbers["left_out"].items():
        assert what in page
        assert why in page
    assert not (path / "interpolation.csv").exists()
    assert {file.stem for file in path.glob("*.png")} == {
        "reconstruction",
        "generated_coverage",
        "latent_space",
        "figure1_model",
        "learning_curves",
    }


def test_the_table_shows_what_was_measured(measured):
    table = (measured[0] / "table.txt").read_text()
    for measured_row in ("validation error of the cVAE", "fitted prior: validation data covered", "labels that leak"):
        assert measured_row in table
    for left_out in ("distance from physics", "interpolation", "random pairs", "None", "nan"):
        assert left_out not in table


@pytest.mark.slow
def test_without_a_test_split_the_paths_of_test_pairs_are_left_out(run_dir, data_dir, tmp_path, monkeypatch):
    folder = edited_copy(data_dir, tmp_path, splits=("train", "validation"))
    monkeypatch.setattr("mrs_keras.evaluation.scope.GENERATED", 50)
    monkeypatch.setattr("mrs_keras.evaluation.random_pairs.PAIRS", 2)
    numbers = evaluate(run_dir, data_dir=folder, output_dir=tmp_path / "evaluation")
    assert numbers["left_out"] == {"interpolation of test pairs": "the dataset has no test split"}
    assert "interpolation" not in numbers
    assert {"random_pairs", "generation", "latent_space"} <= numbers.keys()
    page = (tmp_path / "evaluation" / "report.html").read_text(encoding="utf-8")
    assert "Left out: interpolation of test pairs, because the dataset has no test split." in page


def test_what_generate_wrote_is_evaluated_on_the_tenth_that_is_held_out(run_dir, tmp_path):
    folder = generate_dataset(REPOSITORY / "saved_models", tmp_path / "generated", number=600)
    numbers = evaluate(run_dir, dataset=folder, output_dir=tmp_path / "evaluation")
    assert numbers["spectra"] == {"validation": 60, "generated": 2000, "fitted": 0}
    assert set(numbers["left_out"]) >= {"disentanglement", "interpolation of test pairs", "noise"}
    assert numbers["reconstruction"]["model"]["median"] < 0.1
