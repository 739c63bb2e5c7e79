import dataclasses
import json

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras import CVAE
from mrs_keras.data import evaluation_batches, load_arrays, training_batches
from mrs_keras.generation import generate_dataset, write_tfds


@pytest.fixture
def folder(source, tmp_path):
    return generate_dataset(source, tmp_path / "generated", number=1500, seed=2)


@pytest.fixture
def expected(source, tmp_path):
    return np.load(generate_dataset(source, tmp_path / "spectra.npz", number=1500, seed=2))


def test_tfds_reads_the_spectra_and_their_labels(folder, expected):
    builder = tfds.builder_from_directory(folder)
    assert builder.info.splits["train"].num_examples == 1500
    arrays = load_arrays(builder, "train")
    assert sorted(arrays) == ["concentrations", "example_id", "spectrum", "z"]
    assert arrays["example_id"].tolist() == [b"generated_%010d" % k for k in range(1500)]
    for name in ("spectrum", "concentrations", "z"):
        np.testing.assert_array_equal(arrays[name], expected[name])


def test_tensorflow_alone_reads_the_records(folder, expected):
    """The wire format itself: bytes of little-endian float32, as the TFDS features say."""
    records = tf.data.TFRecordDataset([str(path) for path in sorted(folder.glob("*.tfrecord-*"))])
    example = tf.train.Example.FromString(next(iter(records)).numpy()).features.feature
    spectrum = np.frombuffer(example["spectrum"].bytes_list.value[0], "<f4").reshape(252, 2)
    np.testing.assert_array_equal(spectrum, expected["spectrum"][0])
    np.testing.assert_array_equal(
        np.array(example["concentrations"].float_list.value, np.float32), expected["concentrations"][0]
    )


def test_a_model_is_made_for_and_trains_on_the_dataset(folder):
    builder = tfds.builder_from_directory(folder)
    model = CVAE.from_preset("base", builder.info.metadata, hidden_units=(16,), latent_dim=4)
    assert model.spectrum_scale == 2500.0
    assert model.labels.ranges == ((7.5, 17.0), (3.0, 5.5))
    model.compile("adam")
    batches, steps = training_batches(builder, 256, seed=0)
    assert steps == 6  # 1,350 of 1,500: a tenth is held out
    assert evaluation_batches(builder).unbatch().reduce(0, lambda count, _: count + 1) == 150
    losses = model.fit(batches, steps_per_epoch=steps, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert losses[-1] < losses[0]


def test_the_metadata_say_where_the_spectra_come_from(folder, source):
    metadata = tfds.builder_from_directory(folder).info.metadata
    assert metadata["labels"]["names"] == ["NAA", "PCr"]
    assert metadata["acquisition"] == source.description.acquisition.to_dict()
    assert metadata["seed"] == 2
    assert metadata["origin"]["generator"]["model"] == "conditional variational autoencoder"
    assert metadata["origin"]["generator"]["run"] == "runs/stand_in"
    assert metadata["origin"]["generator"]["latent_prior"] == "fitted"


def test_a_large_dataset_is_written_in_files_and_batch_by_batch(source, tmp_path, monkeypatch):
    generated, written = [], []
    add = tfds.core.SequentialWriter.add_examples

    def counted(concentrations, row_seeds):
        generated.append(len(concentrations))
        return source.generate(concentrations, row_seeds)

    def recorded(writer, examples):
        written.append((len(generated), len(examples["train"])))
        add(writer, examples)

    monkeypatch.setattr(tfds.core.SequentialWriter, "add_examples", recorded)
    monkeypatch.setattr(write_tfds, "SHARD", 1000)
    folder = generate_dataset(dataclasses.replace(source, generate=counted), tmp_path / "generated", number=2500)
    # Each batch is on disk before the next is generated.
    assert written == [(1, 1024), (2, 1024), (3, 452)]
    builder = tfds.builder_from_directory(folder)
    assert builder.info.splits["train"].shard_lengths == [1000, 1000, 500]
    expected = np.load(generate_dataset(source, tmp_path / "spectra.npz", number=2500))["spectrum"]
    np.testing.assert_array_equal(load_arrays(builder, "train")["spectrum"], expected)


def test_an_earlier_dataset_is_replaced_as_a_whole(folder, source):
    with pytest.raises(FileExistsError, match="already something"):
        generate_dataset(source, folder, number=10)
    (folder / "stray").touch()
    generate_dataset(source, folder, number=10, overwrite=True)
    assert tfds.builder_from_directory(folder).info.splits["train"].num_examples == 10
    assert not (folder / "stray").exists()
    assert json.loads((folder / "dataset_info.json").read_text())["name"] == "generated_mrs"
