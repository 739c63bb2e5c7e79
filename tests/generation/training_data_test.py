"""Labels that are drawn as the training data had them."""

import dataclasses
import json
import warnings

import numpy as np
import pytest
import scipy.stats

from mrs_keras import default_basis, open_dataset
from mrs_keras.data import describe_dataset
from mrs_keras.data.description import DatasetDescription
from mrs_keras.data.training_data import TrainingData, training_data_of
from mrs_keras.generation import generate_dataset
from mrs_keras.run_folder import SETTINGS_FILE
from mrs_keras.simulation import ExampleRecipe, JointNormal, Prior

UNIFORM = Prior.from_preset("naa_pcr")
COVARIANCE = np.array([[1.0, 0.32], [0.32, 0.16]])  # a correlation of 0.8
JOINT = JointNormal(("NAA", "PCr"), [12.0, 4.2], COVARIANCE)


def run_of(folder, description, dataset="simulated_mrs", config="naa_pcr"):
    """What a training leaves in its folder about its data."""
    folder.mkdir(exist_ok=True)
    settings = {"dataset": str(dataset), "config": config, "fingerprint": description.to_metadata()}
    (folder / SETTINGS_FILE).write_text(json.dumps(settings))
    return folder


def simulated(prior):
    return DatasetDescription.of_recipe(ExampleRecipe(prior, default_basis().select(prior.metabolites)))


@pytest.fixture
def joint(tmp_path):
    prior = dataclasses.replace(UNIFORM, concentrations={name: JOINT[name] for name in ("NAA", "PCr")})
    return training_data_of(run_of(tmp_path / "run", simulated(prior)))


def test_labels_of_a_joint_prior_are_drawn_from_it(source, joint, tmp_path, measured):
    wide = dataclasses.replace(source.description.labels, ranges=((0.0, 30.0), (0.0, 9.0)))
    description = dataclasses.replace(source.description, labels=wide)
    source = dataclasses.replace(source, training_data=joint, description=description)
    data = np.load(generate_dataset(source, tmp_path / "spectra.npz", number=3000, seed=1))
    drawn = data["concentrations"]
    assert "jointly from the prior" in json.loads(str(data["metadata"]))["origin"]["concentrations_are"]
    correlation = np.corrcoef(drawn.T)[0, 1]
    measured(f"labels of a joint prior: correlation {correlation:.3f} of 0.8")
    assert correlation == pytest.approx(0.8, abs=4 * (1 - 0.8**2) / 3000**0.5)
    for column, mean, variance in zip(drawn.T, (12.0, 4.2), np.diag(COVARIANCE), strict=True):
        assert scipy.stats.kstest(column, scipy.stats.norm(mean, variance**0.5).cdf).pvalue > 0.01
    short = np.load(generate_dataset(source, tmp_path / "short.npz", number=7, seed=1))["concentrations"]
    np.testing.assert_array_equal(short, drawn[:7])


def test_independent_uniform_labels_are_drawn_as_ever(tmp_path):
    known = training_data_of(run_of(tmp_path / "run", simulated(UNIFORM)))
    assert known.draw_labels is None
    assert known.labels_are == TrainingData.labels_are
    assert known.echo_time_ms == 30.0


def test_labels_of_a_dataset_are_rows_of_its_training_split(source, tmp_path):
    rng = np.random.default_rng(0)
    naa = rng.uniform(10.5, 16, 40)
    given = {"NAA": naa.tolist(), "PCr": (0.3 * naa).tolist()}
    folder = generate_dataset(source, tmp_path / "dataset", concentrations=given)
    description = describe_dataset(open_dataset(folder))
    described = dataclasses.replace(description, origin={"echo_time_ms": 35.0, "repetition_time_ms": 2000.0})
    known = training_data_of(run_of(tmp_path / "run", described, folder, None))
    assert "36 training examples, with replacement" in known.labels_are  # a tenth is held out
    assert (known.echo_time_ms, known.repetition_time_ms) == (35.0, 2000.0)
    drawn = known.draw_labels(0, 500, 3)
    rows = np.stack([np.float32(given["NAA"]), np.float32(given["PCr"])], axis=1)
    assert {tuple(row) for row in drawn} <= {tuple(row) for row in rows}
    assert len({tuple(row) for row in drawn}) > 30
    np.testing.assert_array_equal(known.draw_labels(100, 110, 3), drawn[100:110])


def test_a_dataset_that_is_gone_gives_a_warning_and_uniform_labels(source, tmp_path):
    description = DatasetDescription(default_basis().acquisition, source.description.labels, 1.0)
    run = run_of(tmp_path / "run", description, tmp_path / "gone", None)
    with pytest.warns(UserWarning, match="drawn uniformly in their ranges, independently: .*gone"):
        assert training_data_of(run).draw_labels is None


def test_a_model_without_settings_is_not_asked(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert training_data_of(tmp_path).draw_labels is None


def test_times_that_a_training_knows_are_in_the_header(source, tmp_path):
    nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")
    known = TrainingData(echo_time_ms=35.0, repetition_time_ms=2000.0)
    source = dataclasses.replace(source, training_data=known)
    header = nifti_mrs.NIFTI_MRS(generate_dataset(source, tmp_path / "a.nii.gz", number=1)).hdr_ext
    assert (header["EchoTime"], header["RepetitionTime"]) == (0.035, 2.0)
    given = generate_dataset(source, tmp_path / "b.nii.gz", number=1, echo_time_ms=30.0)
    assert nifti_mrs.NIFTI_MRS(given).hdr_ext["EchoTime"] == 0.03
