"""Datasets at any field and sequence, and the basis that they are made from, made again."""

import dataclasses
import json
import shutil

import numpy as np
import pytest

from mrs_keras import Acquisition, Prior, build_dataset, default_basis, open_dataset, simulate_basis
from mrs_keras.basis import basis_for
from mrs_keras.basis.macromolecules import creatine_per_proton
from mrs_keras.data import DatasetDescription, describe_dataset, load_arrays
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.data.dataset import open_or_build
from mrs_keras.evaluation.dataset_physics import DatasetPhysics

SETTINGS = {"spectrometer_frequency_mhz": 127.74, "bandwidth_hz": 2000.0, "points": 1024}
PRESS_35 = {"name": "press", "te1_ms": 11.0, "te2_ms": 24.0}
CONFIG = {"name": "te35", "train": 6, "validation": 2, "acquisition": SETTINGS, "sequence": PRESS_35}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("te35")
    build_dataset("simulated_mrs", CONFIG, path)
    return path


def test_a_config_given_as_a_mapping_makes_spectra_of_its_acquisition_and_sequence(folder):
    builder = open_dataset(config="te35", data_dir=folder)
    description = describe_dataset(builder)
    acquisition = Acquisition(**SETTINGS)
    assert description.acquisition == acquisition
    assert "TE1 11 ms, TE2 24 ms" in description.basis
    prior = Prior.from_preset("naa_pcr", 127.74)
    assert description.prior.to_dict() == prior.to_dict()
    basis = basis_for(["NAA", "PCr"], acquisition, te1_ms=11.0, te2_ms=24.0)
    arrays = load_arrays(builder, "train")
    expected = prior.draw(basis, 0, 6, seed=0)
    np.testing.assert_allclose(arrays["eps"], expected.eps[:, 0], rtol=1e-6)
    assert arrays["spectrum"].shape == (6, acquisition.window_points, 2)
    assert builder.info.metadata["basis_source"] == {"sequence": PRESS_35}


def test_evaluation_and_simulator_make_the_basis_of_the_dataset_again(folder):
    description = describe_dataset(open_dataset(config="te35", data_dir=folder))
    physics = DatasetPhysics.of(description)
    np.testing.assert_array_equal(
        physics.basis.fids, simulate_basis(["NAA", "PCr"], Acquisition(**SETTINGS), te1_ms=11.0, te2_ms=24.0).fids
    )
    again = DatasetDescription.from_metadata(json.loads(json.dumps(description.to_metadata())))
    assert again.basis_source == description.basis_source


def test_the_default_dataset_says_nothing_of_its_basis_source():
    """Its metadata are those of earlier versions, which identify it in runs and on disk."""
    from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder

    metadata = dict(Builder(data_dir="nowhere", config="naa_pcr").info.metadata)
    assert "basis_source" not in metadata
    assert DatasetDescription.from_metadata(metadata).own_basis().names == ("NAA", "PCr")


def test_the_same_config_is_reused_and_another_one_of_its_name_is_refused(folder):
    assert open_or_build("simulated_mrs", CONFIG, folder).info.splits["train"].num_examples == 6
    other = {**CONFIG, "sequence": {"name": "press", "te1_ms": 12.0, "te2_ms": 23.0}}
    with pytest.raises(ValueError, match="config 'te35' with other settings.*basis .found"):
        open_or_build("simulated_mrs", other, folder)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "must have a `name`.*Give it a name"),
        ({"field": 7.0}, "Received: .*field. Leave out field"),
        ({"acquisition": {"echo_time_ms": 35.0}}, "`acquisition` has unknown settings.*Received: echo_time_ms"),
        ({"acquisition": {"bandwidth_hz": 0.0}}, "`bandwidth_hz` must be a finite number above 0"),
        ({"sequence": {"te1_ms": 11.0}}, "`sequence` must have a name"),
        ({"sequence": {"name": "press", "te_ms": 35.0}}, "no such time"),
        ({"basis": "b.npz"}, "A basis from a file has a sequence of its own"),
    ],
)
def test_configs_that_make_no_sense_are_refused_and_leave_nothing(tmp_path, changes, message):
    with pytest.raises(ValueError, match=message):
        build_dataset("simulated_mrs", {**CONFIG, **changes}, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def basis_file(tmp_path):
    """A basis of a scanner of the same field, with other points, bandwidth and scale, and without macromolecules."""
    basis = simulate_basis(["NAA", "PCr"], Acquisition(127.73, 4000.0, 8192), te1_ms=11.0, te2_ms=24.0)
    path = tmp_path / "theirs.npz"
    dataclasses.replace(basis, fids=0.02 * basis.fids).save(path)
    return path


def test_a_basis_from_a_file_is_resampled_to_the_acquisition_and_its_peaks_stay_in_ppm(basis_file):
    acquisition = Acquisition(**SETTINGS)
    basis = BasisSource(file=str(basis_file)).basis(["NAA", "PCr"], acquisition)
    assert basis.acquisition == acquisition
    expected = simulate_basis(["NAA", "PCr"], acquisition, te1_ms=11.0, te2_ms=24.0).fids
    # Away from the first points, which ring after the band is cropped.
    errors = np.linalg.norm(50 * basis.fids[10:] - expected[10:], axis=0) / np.linalg.norm(expected[10:], axis=0)
    assert errors.max() < 0.02


def test_macromolecules_that_a_file_lacks_have_the_scale_of_its_creatine(basis_file):
    basis = BasisSource(file=str(basis_file)).basis(["NAA", "MM09", "PCr"], Acquisition(**SETTINGS))
    assert basis.names == ("NAA", "MM09", "PCr")
    assert abs(basis.fids[0, 1]) == pytest.approx(0.02 * 3, rel=0.07)
    assert creatine_per_proton(basis) == pytest.approx(0.02, rel=0.07)


def test_a_dataset_of_a_file_finds_it_again_unless_it_is_missing_or_another(basis_file, tmp_path):
    config = {"name": "theirs", "train": 4, "validation": 1, "acquisition": SETTINGS, "basis": str(basis_file)}
    description = describe_dataset(build_dataset(config=config, data_dir=tmp_path))
    assert description.basis_source.to_dict() == {"file": str(basis_file)}
    assert DatasetPhysics.of(description).basis.acquisition == Acquisition(**SETTINGS)
    shutil.move(basis_file, tmp_path / "moved.npz")
    moved = {**config, "basis": str(tmp_path / "moved.npz")}
    assert build_dataset(config=moved, data_dir=tmp_path).info.splits["train"].num_examples == 4
    with pytest.raises(FileNotFoundError, match="theirs.npz' is missing.*--basis FILE"):
        DatasetPhysics.of(description)
    simulate_basis(["NAA", "PCr"], Acquisition(127.73, 4000.0, 8192), te1_ms=30.0, te2_ms=70.0).save(basis_file)
    with pytest.raises(ValueError, match="has changed since the dataset was built"):
        DatasetPhysics.of(description)


@pytest.mark.parametrize(
    ("names", "settings", "message"),
    [
        (["NAA", "Glu"], {}, "Missing: Glu. Received: .*theirs.npz' with NAA, PCr"),
        (["NAA"], {"spectrometer_frequency_mhz": 123.2}, "of another field. Expected 123.2 MHz. Received: 127.73 MHz"),
        (["NAA"], {"points": 8192}, "cannot be resampled.*too short"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_with_its_name(basis_file, names, settings, message):
    with pytest.raises(ValueError, match=message):
        BasisSource(file=str(basis_file)).basis(names, Acquisition(**{**SETTINGS, **settings}))


def test_the_source_of_the_default_basis_gives_the_embedded_one():
    np.testing.assert_array_equal(BasisSource().basis(["NAA", "PCr"]).fids, default_basis().fids)
