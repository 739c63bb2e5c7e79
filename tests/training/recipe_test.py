import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import types

import keras
import numpy as np
import pytest

from mrs_keras import CVAE, Prior, open_dataset, train
from mrs_keras.data import evaluation_batches
from mrs_keras.generation import generate_dataset
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.models.trained import load_model
from mrs_keras.run_folder import checkpoint_file, checkpoint_files, epochs_of, read_history, read_settings
from mrs_keras.training.source import open_source
from tests.conftest import REPOSITORY, run_python
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

SETTINGS = {"epochs": 6, "batch_size": 512, "checkpoint_every": 2}

# Networks that XLA compiles fast.
SMALL = {"latent_dim": 4, "hidden_units": (16,), "latent_prior": {"kind": "mixture", "components": 2}}


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory, data_dir):
    path = tmp_path_factory.mktemp("uninterrupted")
    return path, train(path, data_dir=data_dir, **SETTINGS)


def test_a_run_holds_model_history_checkpoints_and_logs(uninterrupted):
    path, model = uninterrupted
    assert {entry.name for entry in path.iterdir()} == {
        "model.keras",
        "history.csv",
        "checkpoints",
        "tensorboard",
        "settings.json",
    }
    assert sorted(entry.name for entry in (path / "checkpoints").iterdir()) == ["epoch_0004.keras", "epoch_0006.keras"]
    assert list((path / "tensorboard" / "validation").iterdir())
    history = read_history(path)
    np.testing.assert_array_equal(history["epoch"], np.arange(6))
    assert history["val_mean_squared_error"][-1] < history["val_mean_squared_error"][0]
    assert int(model.optimizer.iterations.numpy()) == 6 * 12


@pytest.mark.slow
def test_a_training_killed_between_checkpoints_resumes_to_the_same_bits(uninterrupted, data_dir, tmp_path):
    code = """
import os, sys
from mrs_keras.training import callbacks, train
class Killer(callbacks.EpochProgress):
    def on_epoch_end(self, epoch, logs=None):
        if epoch == 4:
            os.kill(os.getpid(), 9)
import mrs_keras.training.recipe as recipe
recipe.EpochProgress = Killer
train(sys.argv[1], data_dir=sys.argv[2], epochs=6, batch_size=512, checkpoint_every=2)
"""
    killed = subprocess.run([sys.executable, "-c", code, tmp_path, data_dir], capture_output=True)
    assert killed.returncode == -signal.SIGKILL
    assert not (tmp_path / "model.keras").exists()
    assert len(read_history(tmp_path)["epoch"]) in (4, 5)  # the row of the epoch may not have reached the disk
    resumed = train(tmp_path, data_dir=data_dir, **SETTINGS)
    for ours, theirs in zip(resumed.get_weights(), uninterrupted[1].get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name, values in read_history(uninterrupted[0]).items():
        np.testing.assert_allclose(read_history(tmp_path)[name], values, rtol=1e-6)


@pytest.mark.slow
def test_the_latent_density_is_fitted_when_the_training_is_done(uninterrupted, data_dir):
    model = uninterrupted[1]
    again = load_model(uninterrupted[0] / "checkpoints" / "epoch_0006.keras", "")
    assert not again.latent_prior.is_fitted
    steps = int(again.optimizer.iterations.numpy())
    again.fit_latent_density(evaluation_batches(open_dataset(data_dir=data_dir), "train"), most_steps=steps)
    for ours, theirs in zip(again.latent_prior.get_weights(), model.latent_prior.get_weights(), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)


@pytest.fixture
def endless(monkeypatch):
    """The preset `endless` with a small network and short epochs."""
    preset = CVAE_PRESETS["endless"]
    short = {"epochs": 4, "steps_per_epoch": 5, "batch_size": 32}
    changed = {**preset, "config": {**preset["config"], **SMALL}, "training": {**preset["training"], **short}}
    monkeypatch.setitem(CVAE_PRESETS, "endless", changed)
    monkeypatch.setattr("mrs_keras.training.source.DENSITY_EXAMPLES", 320)


@pytest.mark.slow
def test_the_endless_simulator_trains_and_resumes_to_the_same_bits(endless, data_dir, tmp_path):
    whole = train(tmp_path / "whole", data_dir=data_dir, preset="endless", checkpoint_every=2)
    assert int(whole.optimizer.iterations.numpy()) == 20
    shutil.copytree(tmp_path / "whole", tmp_path / "resumed")
    for path in ("model.keras", "checkpoints/epoch_0004.keras"):
        (tmp_path / "resumed" / path).unlink()
    resumed = train(tmp_path / "resumed", data_dir=data_dir, preset="endless", checkpoint_every=2)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.slow
def test_the_endless_simulator_trains_on_the_brain_with_effects_and_noise(endless, tmp_path):
    config = SimulatedMrsConfig(name="brain", prior="brain_press_te30", train=8, validation=100)
    Builder(data_dir=tmp_path, config=config).download_and_prepare()
    model = train(tmp_path / "run", data_dir=tmp_path, preset="endless", config="brain")
    history = read_history(tmp_path / "run")["loss"]
    assert history[-1] < history[0]
    assert len(model.labels) == len(Prior.from_preset("brain_press_te30").metabolites) == 30
    assert model.latent_prior.is_fitted
    settings = {"source": "simulator", "batch_size": 16, "seed": 0, "steps_per_epoch": 5}
    batch = next(iter(open_source(open_dataset(config="brain", data_dir=tmp_path), settings).batches))
    assert batch["spectrum"].shape == (16, 252, 2)


def test_what_generate_wrote_can_be_trained_on(tmp_path):
    folder = generate_dataset(REPOSITORY / "saved_models", tmp_path / "generated", number=300)
    model = train(tmp_path / "run", dataset=folder, epochs=2, batch_size=64, changes=SMALL)
    assert model.labels.names == ("NAA", "PCr")
    settings = read_settings(tmp_path / "run")
    assert (settings["dataset"], settings["config"]) == (str(folder.resolve()), None)
    assert read_history(tmp_path / "run")["epoch"].tolist() == [0, 1]


def test_the_endless_simulator_never_shows_a_spectrum_twice(data_dir):
    settings = {"source": "simulator", "batch_size": 32, "seed": 0, "steps_per_epoch": 5}
    epochs = [open_source(open_dataset(data_dir=data_dir), settings, epoch).batches.take(5) for epoch in range(3)]
    spectra = np.concatenate([batch["spectrum"].numpy() for epoch in epochs for batch in epoch])
    assert len(np.unique(spectra[:, 100, 0])) == len(spectra) == 3 * 5 * 32


def test_a_dataset_that_the_simulator_cannot_make_is_refused(data_dir):
    builder = open_dataset(data_dir=data_dir)
    metadata = {**builder.info.metadata, "basis": "another.BASIS"}
    other = types.SimpleNamespace(info=types.SimpleNamespace(metadata=metadata))
    with pytest.raises(ValueError, match="of the basis 'another.BASIS'.*such as 'base'"):
        open_source(other, {"source": "simulator", "batch_size": 32, "seed": 0, "steps_per_epoch": 5})


def test_a_finished_training_is_loaded_and_not_repeated(uninterrupted, data_dir):
    path, model = uninterrupted
    before = (path / "model.keras").stat().st_mtime_ns
    again = train(path, data_dir=data_dir, **SETTINGS)
    assert (path / "model.keras").stat().st_mtime_ns == before
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_other_settings_in_the_same_folder_are_refused(uninterrupted, data_dir):
    with pytest.raises(ValueError, match=r"other settings: batch_size \(found 512, requested 64\).*another folder"):
        train(uninterrupted[0], data_dir=data_dir, **{**SETTINGS, "batch_size": 64})


@pytest.mark.slow
def test_a_half_written_checkpoint_is_not_resumed_from(uninterrupted, data_dir, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    whole = uninterrupted[0] / "checkpoints" / "epoch_0004.keras"
    # What a process killed while it writes a checkpoint leaves behind.
    (tmp_path / "checkpoints" / ".partial-epoch_0005.keras").write_bytes(whole.read_bytes()[:1000])
    model = train(tmp_path, data_dir=data_dir, **{**SETTINGS, "epochs": 1})
    assert int(model.optimizer.iterations.numpy()) == 12


def test_a_damaged_checkpoint_is_named(uninterrupted, data_dir, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    whole = uninterrupted[0] / "checkpoints" / "epoch_0004.keras"
    (tmp_path / "checkpoints" / "epoch_0004.keras").write_bytes(whole.read_bytes()[:1000])
    with pytest.raises(ValueError, match="epoch_0004.keras' cannot be read.*Remove it"):
        train(tmp_path, data_dir=data_dir, **SETTINGS)


@pytest.mark.slow
def test_a_training_that_diverges_saves_no_model(data_dir, tmp_path):
    with pytest.raises(RuntimeError, match="diverged.*lower learning rate"):
        train(tmp_path, data_dir=data_dir, **{**SETTINGS, "epochs": 2}, learning_rate=1e12, changes=SMALL)
    assert not (tmp_path / "model.keras").exists()
    assert not checkpoint_files(tmp_path)


@pytest.mark.parametrize(
    ("dataset", "message"),
    [
        ({"config": "brain_press_te30"}, "not built yet. It has 22,004 examples.*--build"),
        ({"dataset": "theirs"}, "No finished dataset"),
        ({"dataset": "./nowhere"}, "no dataset in './nowhere'"),
    ],
)
def test_a_missing_dataset_leaves_no_run(tmp_path, dataset, message):
    with pytest.raises(FileNotFoundError, match=message):
        train(tmp_path / "run", data_dir=tmp_path / "data", **dataset)
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "data").exists()


@pytest.mark.slow
def test_a_small_dataset_of_ours_that_is_missing_is_built_and_that_is_said(tmp_path, capsys):
    train(tmp_path / "run", data_dir=tmp_path / "data", epochs=1, batch_size=3000, changes=SMALL)
    assert "Building the dataset simulated_mrs/naa_pcr, once." in capsys.readouterr().err
    assert open_dataset(data_dir=tmp_path / "data").info.splits["train"].num_examples == 6000


@pytest.mark.parametrize(
    "change",
    [
        {"checkpoint_every": 0},
        {"checkpoint_every": -2},
        {"epochs": 0},
        {"batch_size": -1},
        {"learning_rate": 0.0},
        {"seed": -1},
        {"preset": "x"},
    ],
)
def test_settings_out_of_range_are_refused(data_dir, tmp_path, change):
    with pytest.raises(ValueError, match=f"`{next(iter(change))}`"):
        train(tmp_path / "run", data_dir=data_dir, **change)


def test_rows_cut_in_half_are_removed_from_a_history(tmp_path):
    from mrs_keras.training.callbacks import cut_history

    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\n0,1.0\n1,0.5\n2,0.2\n3")
    cut_history(path, 2)
    with path.open(newline="") as file:
        assert list(csv.reader(file)) == [["epoch", "loss"], ["0", "1.0"], ["1", "0.5"]]
    cut_history(path, 0)
    assert not os.path.exists(path)


TWO_REPLICAS = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from mrs_keras import train
strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
train(sys.argv[1], data_dir=sys.argv[2], epochs=int(sys.argv[3]), batch_size=512, checkpoint_every=2, strategy=strategy)
"""


@pytest.mark.slow
def test_a_training_on_several_devices_runs_and_goes_on_from_one_on_a_single_device(uninterrupted, data_dir, tmp_path):
    shutil.copytree(uninterrupted[0] / "checkpoints", tmp_path / "checkpoints")
    shutil.copy(uninterrupted[0] / "settings.json", tmp_path)
    shutil.copy(uninterrupted[0] / "history.csv", tmp_path)
    (tmp_path / "checkpoints" / "epoch_0006.keras").unlink()
    run_python(TWO_REPLICAS, tmp_path, data_dir, 6)
    ours, theirs = read_history(tmp_path), read_history(uninterrupted[0])
    np.testing.assert_array_equal(ours["epoch"], theirs["epoch"])
    # Replicas draw other noise than a single device: alike, not equal.
    np.testing.assert_allclose(ours["val_mean_squared_error"], theirs["val_mean_squared_error"], rtol=0.5)


def test_another_dataset_or_model_in_the_same_folder_is_refused(uninterrupted, data_dir, tmp_path, monkeypatch):
    shutil.copytree(uninterrupted[0], tmp_path, dirs_exist_ok=True)
    changed = {**CVAE_PRESETS["base"], "config": {**CVAE_PRESETS["base"]["config"], "latent_dim": 8}}
    with monkeypatch.context() as patch:
        patch.setitem(CVAE_PRESETS, "base", changed)
        with pytest.raises(ValueError, match="other settings: model"):
            train(tmp_path, data_dir=data_dir, **SETTINGS)
    settings = json.loads((tmp_path / "settings.json").read_text())
    settings["fingerprint"]["seed"] = 9
    (tmp_path / "settings.json").write_text(json.dumps(settings))
    with pytest.raises(ValueError, match="other settings: fingerprint"):
        train(tmp_path, data_dir=data_dir, **SETTINGS)


@pytest.mark.slow
def test_a_second_training_in_the_same_folder_is_refused_and_named_while_the_first_runs(data_dir, tmp_path):
    code = """
import sys
import keras
from mrs_keras import train
class Wait(keras.callbacks.Callback):
    def on_epoch_begin(self, epoch, logs=None):
        print("training", flush=True)
        sys.stdin.readline()
import mrs_keras.training.recipe as recipe
callbacks = recipe._callbacks
recipe._callbacks = lambda *arguments: [*callbacks(*arguments), Wait()]
train(sys.argv[1], data_dir=sys.argv[2], epochs=1, batch_size=2000)
"""
    arguments = [sys.executable, "-c", code, tmp_path / "run", data_dir]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen(arguments, cwd=REPOSITORY, **pipes) as first:
        while "training" not in first.stdout.readline():
            assert first.poll() is None
        settings = {"data_dir": data_dir, "epochs": 1, "batch_size": 2000}
        with pytest.raises(ValueError, match=rf"Another training writes to .*run': process {first.pid} on"):
            train(tmp_path / "run", **settings)
        first.kill()
    assert train(tmp_path / "run", **settings).built  # a lock does not outlive its process


def test_the_newest_of_many_checkpoints_is_the_one_of_most_epochs(tmp_path):
    for epochs in (9990, 10000, 20):
        path = checkpoint_file(tmp_path, epochs)
        path.parent.mkdir(exist_ok=True)
        path.touch()
    assert [epochs_of(path) for path in checkpoint_files(tmp_path)] == [20, 9990, 10000]


def test_a_checkpoint_of_another_architecture_is_refused(data_dir, tmp_path):
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    other = CVAE.from_preset("base", open_dataset(data_dir=data_dir).info.metadata, hidden_units=(8,))
    other.compile("adam")
    other.optimizer.build(other.trainable_variables)
    path = tmp_path / "run" / "checkpoints" / "epoch_0002.keras"
    other.save(path)
    with pytest.raises(
        ValueError, match=r"of another model: hidden_units \(found \[8\], expected \[512, 256, 128\]\).*Remove"
    ):
        train(tmp_path / "run", data_dir=data_dir, **SETTINGS)
    keras.Sequential([keras.layers.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ValueError, match="of another model: a Sequential, expected a CVAE"):
        train(tmp_path / "run", data_dir=data_dir, **SETTINGS)


def test_more_replicas_than_examples_in_a_batch_are_refused_before_anything_is_written(data_dir, tmp_path):
    code = """
import sys
import tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
from mrs_keras import train
strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(4)])
train(sys.argv[1], data_dir=sys.argv[2], batch_size=3, strategy=strategy)
"""
    process = run_python(code, tmp_path / "run", data_dir, check=False)
    assert process.returncode == 1
    message = process.stderr.splitlines()[-1]
    assert "`batch_size` is the global batch size and must be at least the number of replicas" in message
    assert "Expected: 4 or more. Received: batch_size=3" in message
    assert not (tmp_path / "run").exists()
