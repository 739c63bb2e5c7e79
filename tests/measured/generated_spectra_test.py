"""What `mrs-keras generate` wrote, read back as a measured dataset."""

import dataclasses
import json
import shutil
import warnings

import numpy as np
import pytest

from mrs_keras.generation import generate_dataset
from mrs_keras.measured import MeasuredRecipe, process_folder, read_label_table
from mrs_keras.measured.generated_spectra import open_generated
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.tfrecords import read_examples
from tests.generation.conftest import simulated_rows, stand_in

pytest.importorskip("nifti_mrs")

OUTPUTS = {"spectra.npz": None, "records": "tfds", "spectra.nii.gz": "nifti_mrs", "bids": "bids"}


@pytest.fixture
def source():
    return stand_in()


@pytest.fixture
def noisy(source):
    """The stand-in for a model with noise of a sigma of its own in each row."""

    def with_noise(concentrations, row_seeds):
        rows = simulated_rows(concentrations, row_seeds)
        sigma = 20 + 10 * np.abs(rows["z"][:, :1, None])
        noise = [np.random.default_rng(int(seed)).normal(size=rows["spectrum"].shape[1:]) for seed in row_seeds]
        return {**rows, "spectrum": (rows["spectrum"] + sigma * np.array(noise)).astype(np.float32)}

    def without(z, concentrations):
        # The stand-in's latents tell its spectra, but for `row_seeds`, of which they are made.
        return without.rows

    def remembering(concentrations, row_seeds):
        without.rows = simulated_rows(concentrations, row_seeds)["spectrum"]
        return with_noise(concentrations, row_seeds)

    return dataclasses.replace(source, generate=remembering, decode=without)


@pytest.mark.parametrize("output", OUTPUTS)
def test_the_round_trip_gives_the_same_spectra_and_labels(noisy, tmp_path, output, measured):
    expected = np.load(generate_dataset(noisy, tmp_path / "expected.npz", number=12, seed=4))
    path = generate_dataset(noisy, tmp_path / output, number=12, seed=4, format=OUTPUTS[output])
    recipe = MeasuredRecipe(str(path))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        examples = process_folder(recipe, jobs=1)
    error = np.abs(examples.spectra - expected["spectrum"]).max() / np.abs(expected["spectrum"]).max()
    measured(f"round trip through {output}: off by {error:.1e} of the tallest point")
    assert error < 1e-6
    np.testing.assert_array_equal(recipe.matched_labels[0].astype(np.float32), expected["concentrations"])
    assert examples.ids == [f"sub-{row:06d}_svs" for row in range(12)]
    labels = recipe.describe_labels()
    assert (labels.names, labels.units) == (("NAA", "PCr"), ("mM", "mM"))
    origin = recipe.origin()
    assert (origin["kind"], origin["scale"]) == ("generated", "none")
    assert recipe.target.steps == ("coils", "alignment", "outliers")
    assert recipe.target.acquisition == noisy.description.acquisition
    assert set(recipe.split_of.values()) == {"train", "validation"}
    sigma = examples.numbers["noise_sigma"]
    if OUTPUTS[output] in ("nifti_mrs", "bids"):
        assert sigma.min() * 1.1 > 20
        assert sigma.max() < 30 * 1.1
    else:  # they do not hold it
        assert np.isnan(sigma).all()


@pytest.mark.parametrize("output", OUTPUTS)
def test_sums_and_some_labels_can_be_chosen(source, tmp_path, output):
    path = generate_dataset(source, tmp_path / output, number=5, format=OUTPUTS[output])
    assert MeasuredRecipe(str(path), label_names=["PCr_over_NAA"]).describe_labels().units == ("",)
    with pytest.raises(ValueError, match="has no values of Glu"):
        MeasuredRecipe(str(path), label_names=["Glu"]).describe_labels()


def test_the_table_of_participants_gives_the_labels_with_their_unit(source, tmp_path):
    path = generate_dataset(source, tmp_path / "bids", number=5, format="bids")
    values = labels_of(read_label_table(path / "participants.tsv"), ["NAA", "PCr"])
    assert values.units == ("mM", "mM")
    np.testing.assert_array_equal(values.values, open_generated(path).concentrations)
    recipe = MeasuredRecipe(str(path), labels=str(path / "participants.tsv"), label_names=["PCr"])
    assert recipe.describe_labels().names == ("PCr",)


def test_records_in_several_files_keep_their_order(source, tmp_path, monkeypatch):
    from mrs_keras.generation import write_tfds

    monkeypatch.setattr(write_tfds, "SHARD", 4)
    path = generate_dataset(source, tmp_path / "records", number=10)
    expected = np.load(generate_dataset(source, tmp_path / "spectra.npz", number=10))
    files = open_generated(path).files
    assert [file.entry for file in files] == [0, 1, 2, 3, 0, 1, 2, 3, 0, 1]
    np.testing.assert_array_equal(np.float32(open_generated(path).concentrations), expected["concentrations"])


def test_the_reader_of_records_agrees_with_tensorflow(tmp_path):
    tf = pytest.importorskip("tensorflow")
    feature = {
        "text": tf.train.Feature(bytes_list=tf.train.BytesList(value=[b"one", b"", b"three" * 100])),
        "floats": tf.train.Feature(float_list=tf.train.FloatList(value=[0.5, -1.25, 3e38])),
        "ints": tf.train.Feature(int64_list=tf.train.Int64List(value=[0, -1, 2**62, 127, 128])),
    }
    example = tf.train.Example(features=tf.train.Features(feature=feature))
    path = tmp_path / "examples.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for _ in range(3):
            writer.write(example.SerializeToString())
    examples = list(read_examples(path))
    assert len(examples) == 3
    assert examples[2]["text"] == [b"one", b"", b"three" * 100]
    assert examples[2]["floats"].tolist() == np.float32([0.5, -1.25, 3e38]).tolist()
    assert examples[2]["ints"].tolist() == [0, -1, 2**62, 127, 128]
    path.write_bytes(path.read_bytes()[:-7])
    with pytest.raises(ValueError, match="damaged or cut off"):
        list(read_examples(path))


def test_other_files_and_folders_are_not_taken_for_generated_ones(source, tmp_path):
    np.savez(tmp_path / "other.npz", spectrum=np.zeros(3))
    assert open_generated(tmp_path / "other.npz") is None
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "dataset_description.json").write_text(json.dumps({"Name": "a study"}))
    assert open_generated(tmp_path / "study") is None
    with pytest.raises(NotADirectoryError, match="is a file"):
        _ = MeasuredRecipe(str(tmp_path / "other.npz")).files
    damaged = generate_dataset(source, tmp_path / "spectra.npz", number=3)
    damaged.write_bytes(damaged.read_bytes()[:-200])
    with pytest.raises(ValueError, match="is damaged"):
        open_generated(damaged)


def test_a_file_of_a_folder_that_is_gone_is_named(source, tmp_path):
    path = generate_dataset(source, tmp_path / "bids", number=4, format="bids")
    shutil.rmtree(path / "sub-000002")
    with pytest.raises(ValueError, match="sub-000002_svs.nii.gz"):
        process_folder(MeasuredRecipe(str(path)), jobs=1)
