"""The dataset as its users meet it: built by the real command, read in another process."""

import json
import re
import shlex
import shutil
import subprocess

import numpy as np
import pytest

from mrs_keras import SpectralParameters, default_basis, open_dataset, simulate
from mrs_keras.data import evaluation_batches, load_arrays, training_batches
from mrs_keras.simulation import channels_to_complex
from tests.conftest import REPOSITORY, command, run_python
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

PARAMETERS = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")


@pytest.fixture(scope="module")
def builder(data_dir):
    return open_dataset(data_dir=data_dir)


def test_another_process_reads_the_dataset_without_this_package(data_dir, tmp_path):
    code = """
import sys, json
import tensorflow_datasets as tfds
assert "mrs_keras" not in sys.modules
data, info = tfds.load("simulated_mrs", data_dir=sys.argv[1], with_info=True)
shapes = {name: list(spec.shape) for name, spec in data["train"].element_spec.items()}
counts = {name: sum(1 for _ in split) for name, split in data.items()}
print(json.dumps([shapes, counts, data["train"].element_spec["spectrum"].dtype.name, info.citation, info.description]))
assert "mrs_keras" not in sys.modules
"""
    output = subprocess.run(
        [command("python"), "-c", code, data_dir], capture_output=True, text=True, check=True, cwd=tmp_path
    ).stdout
    shapes, counts, dtype, citation, description = json.loads(output.splitlines()[-1])
    assert counts == {"train": 6000, "validation": 2000, "test": 4}
    assert (shapes["spectrum"], dtype) == ([252, 2], "float32")
    assert shapes["concentrations"] == [2]
    assert shapes["baseline"] == [10]
    assert all(shapes[name] == [] for name in ("gamma", "sigma", "eps", "phi0", "phi1", "example_id"))
    assert "abstract 5027" in description
    assert all(word in citation for word in ("5027", "FSL-MRS", "fitting challenge"))


def test_every_feature_says_what_it_is_and_in_what_unit(builder):
    features = builder.info.features
    units = {"concentrations": "mM", "gamma": "1/s", "sigma": "1/s", "eps": "rad/s", "phi0": "rad", "phi1": "rad/Hz"}
    for name, unit in units.items():
        assert features[name].doc.desc.endswith(f", {unit}")
        assert unit in features[name].doc.value_range
    assert all(features[name].doc.desc for name in features)


def test_the_stored_parameters_make_the_stored_spectra(builder):
    arrays = load_arrays(builder, "validation")
    parameters = SpectralParameters(**{name: arrays[name][:200] for name in PARAMETERS})
    again = simulate(parameters, default_basis(), dtype=np.complex128)
    stored = channels_to_complex(arrays["spectrum"][:200])
    errors = np.linalg.norm(again - stored, axis=1) / np.linalg.norm(stored, axis=1)
    assert errors.max() < 1e-6  # the parameters are stored as float32


def test_splits_hold_different_examples_within_the_prior(builder):
    train, validation = (load_arrays(builder, split) for split in ("train", "validation"))
    assert len(np.unique(np.concatenate([train["baseline"], validation["baseline"]]), axis=0)) == 8000
    for name, (low, high) in {"gamma": (2, 25), "sigma": (2, 25), "eps": (-20, 20), "phi0": (-1.5, 1.5)}.items():
        assert low <= train[name].min() < low + 0.01 * (high - low)
        assert high - 0.01 * (high - low) < train[name].max() <= high
    np.testing.assert_array_less(train["concentrations"].max(axis=0), [17.001, 5.501])
    np.testing.assert_array_less([7.499, 2.999], train["concentrations"].min(axis=0))


def test_the_test_split_is_two_pairs_that_differ_in_the_varied_parameters_alone(builder):
    test = load_arrays(builder, "test")
    ids = test["example_id"].astype(str).tolist()
    assert sorted(ids) == ["broadening_high", "broadening_low", "phi0_high", "phi0_low"]
    for pair, varied in {"phi0": {"phi0"}, "broadening": {"gamma", "sigma"}}.items():
        low, high = ids.index(f"{pair}_low"), ids.index(f"{pair}_high")
        different = {name for name in PARAMETERS if not np.array_equal(test[name][low], test[name][high])}
        assert different == varied


def test_a_longer_split_begins_with_the_same_examples(tmp_path):
    splits = []
    for size in (5, 70):
        config = SimulatedMrsConfig(name=f"size{size}", train=size, validation=1, snr=20.0)
        builder = Builder(data_dir=tmp_path, config=config)
        builder.download_and_prepare()
        splits.append(load_arrays(builder, "train"))
    for name, values in splits[0].items():
        np.testing.assert_array_equal(values, splits[1][name][:5])


def test_an_epoch_holds_every_example_once_in_an_order_of_its_own(builder):
    batches, steps = training_batches(builder, 1000, seed=0)
    epochs = [
        np.concatenate([batch["concentrations"] for batch in chunk])
        for chunk in np.split(np.array(list(batches.take(2 * steps)), dtype=object), 2)
    ]
    sorted_epochs = [epoch[np.lexsort(epoch.T)] for epoch in epochs]
    np.testing.assert_array_equal(*sorted_epochs)
    assert not np.array_equal(*epochs)


def test_an_epoch_has_the_same_order_whichever_epoch_training_starts_with(builder):
    batches, steps = training_batches(builder, 2000, seed=4)
    resumed, _ = training_batches(builder, 2000, seed=4, first_epoch=1)
    for one, other in zip(batches.skip(steps).take(steps), resumed.take(steps), strict=True):
        np.testing.assert_array_equal(one["spectrum"], other["spectrum"])


def test_the_global_seed_of_tensorflow_does_not_change_the_order(builder):
    import tensorflow as tf

    orders = []
    for global_seed in (0, 1):
        tf.random.set_seed(global_seed)
        orders.append(next(iter(training_batches(builder, 64, seed=2)[0]))["concentrations"])
    np.testing.assert_array_equal(*orders)


def test_evaluation_batches_are_one_pass_in_a_fixed_order(builder):
    passes = [np.concatenate([b["concentrations"] for b in evaluation_batches(builder)]) for _ in range(2)]
    assert passes[0].shape == (2000, 2)
    np.testing.assert_array_equal(*passes)


def test_a_missing_dataset_is_named_with_the_command_that_builds_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="tfds build tfds_builders/simulated_mrs"):
        open_dataset(data_dir=tmp_path)


def test_a_half_written_dataset_is_not_taken_for_a_finished_one(data_dir, tmp_path):
    version = next((data_dir / "simulated_mrs" / "naa_pcr").iterdir())
    # TFDS writes into a folder of this name, and renames it at the end.
    half = tmp_path / "simulated_mrs" / "naa_pcr" / f"incomplete.ABC123_{version.name}"
    shutil.copytree(version, half)
    with pytest.raises(FileNotFoundError, match="No finished dataset"):
        open_dataset(data_dir=tmp_path)


@pytest.mark.parametrize("damage", ["missing", "cut short"])
def test_a_damaged_dataset_is_refused(data_dir, tmp_path, damage):
    shutil.copytree(data_dir / "simulated_mrs", tmp_path / "simulated_mrs")
    shard = next((tmp_path / "simulated_mrs").rglob("*-train.tfrecord*"))
    if damage == "missing":
        shard.unlink()
    else:
        with shard.open("rb+") as file:
            file.truncate(shard.stat().st_size - 1)
    with pytest.raises(ValueError, match="split 'train' .* is damaged. Expected 13626000 bytes"):
        open_dataset(data_dir=tmp_path)


@pytest.mark.parametrize("damage", ["flipped byte", "dataset_info.json cut", "no features.json", "metadata.json cut"])
def test_damage_that_leaves_the_size_is_named_too(data_dir, tmp_path, damage):
    shutil.copytree(data_dir / "simulated_mrs", tmp_path / "simulated_mrs")
    folder = next((tmp_path / "simulated_mrs").rglob("features.json")).parent
    if damage == "flipped byte":
        shard = next(folder.glob("*-train.tfrecord*"))
        content = bytearray(shard.read_bytes())
        content[5000] ^= 1
        shard.write_bytes(content)
    elif damage == "no features.json":
        (folder / "features.json").unlink()
    else:
        file = folder / damage.removesuffix(" cut")
        file.write_text(file.read_text()[:100])
    for read in (lambda builder: load_arrays(builder, "train"), lambda builder: training_batches(builder, 64, seed=0)):
        with pytest.raises(ValueError, match="is damaged.*Remove that folder and build the dataset again"):
            read(open_dataset(data_dir=tmp_path))


def test_a_dataset_with_nan_is_refused(builder, monkeypatch):
    batch = {"example_id": np.array([b"a", b"b"]), "spectrum": np.full((2, 252, 2), np.nan, np.float32)}
    dataset = type("Dataset", (), {"as_numpy_iterator": lambda self: iter([batch])})
    monkeypatch.setattr(builder, "as_dataset", lambda *arguments, **options: dataset())
    with pytest.raises(ValueError, match="`spectrum of the split 'train'` must be finite"):
        load_arrays(builder, "train")


def test_the_newest_version_is_opened_and_others_are_left(data_dir, tmp_path):
    version = next((data_dir / "simulated_mrs" / "naa_pcr").iterdir())
    for number in ("2.9.0", "2.10.0"):
        copy = tmp_path / "simulated_mrs" / "naa_pcr" / number
        shutil.copytree(version, copy)
        info = copy / "dataset_info.json"
        info.write_text(info.read_text().replace('"version": "2.0.0"', f'"version": "{number}"'))
    assert str(open_dataset(data_dir=tmp_path).version) == "2.10.0"


def test_a_killed_build_leaves_no_dataset_and_the_next_build_holds_the_same_examples_as_any_other(data_dir, tmp_path):
    code = """
import os, sys
from mrs_keras.simulation import ExampleRecipe
from tfds_builders.simulated_mrs import simulated_mrs_dataset_builder as module
calls, simulate = 0, ExampleRecipe.simulate
def killed(*arguments, **options):
    global calls
    calls += 1
    if calls == 5:
        os.kill(os.getpid(), 9)
    return simulate(*arguments, **options)
ExampleRecipe.simulate = killed
module.Builder(data_dir=sys.argv[1]).download_and_prepare()
"""
    assert run_python(code, tmp_path, check=False, env={"PYTHONPATH": str(REPOSITORY)}).returncode == -9
    with pytest.raises(FileNotFoundError, match="No finished dataset"):
        open_dataset(data_dir=tmp_path)
    from mrs_keras.data import build_dataset

    other, rebuilt = open_dataset(data_dir=data_dir), build_dataset(data_dir=tmp_path)
    assert rebuilt.info.splits["train"].num_examples == 6000
    for split in ("train", "test"):
        for one, again in zip(*(b.as_dataset(split, batch_size=2000) for b in (other, rebuilt)), strict=True):
            for name in one:
                np.testing.assert_array_equal(one[name], again[name])


@pytest.mark.parametrize("batch_size", [0, -1, 2.5])
def test_a_batch_size_that_is_no_count_is_refused(builder, batch_size):
    with pytest.raises(ValueError, match="`batch_size` must be a whole number"):
        training_batches(builder, batch_size, seed=0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train": 6}, r"examples of train \(found 5, requested 6\)"),
        ({"seed": 1}, r"seed \(found 0, requested 1\)"),
        ({"snr": 20.0}, r"snr \(found null, requested 20.0\)"),
        ({"prior": "brain_press_te30"}, "labels .*prior"),
    ],
)
def test_a_configs_name_used_again_with_other_settings_is_refused(tmp_path, changes, message):
    settings = {"name": "small", "train": 5, "validation": 1}
    Builder(data_dir=tmp_path, config=SimulatedMrsConfig(**settings)).download_and_prepare()
    Builder(data_dir=tmp_path, config=SimulatedMrsConfig(**settings)).download_and_prepare()  # the same is reused
    before = load_arrays(open_dataset(config="small", data_dir=tmp_path), "train")
    with pytest.raises(ValueError, match=rf"config 'small' with other settings.*{message}.*another `name`"):
        Builder(data_dir=tmp_path, config=SimulatedMrsConfig(**settings | changes)).download_and_prepare()
    after = load_arrays(open_dataset(config="small", data_dir=tmp_path), "train")
    np.testing.assert_array_equal(before["spectrum"], after["spectrum"])


@pytest.mark.slow
def test_the_command_says_so_too_and_builds_again_on_request(tmp_path):
    def build(train, *options):
        config = json.dumps({"name": "small", "train": train, "validation": 1})
        folder = REPOSITORY / "tfds_builders" / "simulated_mrs"
        arguments = [command("tfds"), "build", folder, "--data_dir", tmp_path, "--config", config, *options]
        return subprocess.run(arguments, capture_output=True, text=True, cwd=tmp_path)

    Builder(data_dir=tmp_path, config=SimulatedMrsConfig(name="small", train=3, validation=1)).download_and_prepare()
    refused = build(4)
    assert refused.returncode != 0
    assert "examples of train (found 3, requested 4)" in refused.stderr
    assert build(4, "--overwrite").returncode == 0
    assert open_dataset(config="small", data_dir=tmp_path).info.splits["train"].num_examples == 4


@pytest.mark.parametrize("train", [0, -5, 10.5, "many"])
def test_a_number_of_examples_that_is_none_is_refused_and_leaves_nothing(tmp_path, train):
    with pytest.raises(ValueError, match="`train` must be a whole number of at least 1"):
        Builder(data_dir=tmp_path, config=SimulatedMrsConfig(name="none", train=train)).download_and_prepare()
    assert list(tmp_path.iterdir()) == []


def test_a_missing_dataset_names_a_command_that_can_be_copied(tmp_path):
    folder = tmp_path / "my data"
    with pytest.raises(FileNotFoundError) as caught:
        open_dataset(config="brain_press_te30", data_dir=folder)
    (printed,) = re.findall(r"`(tfds build [^`]*)`", str(caught.value))
    assert shlex.split(printed)[3:] == ["--config", "brain_press_te30", "--data_dir", str(folder)]
