import csv
import os
import signal
import subprocess
import sys

import keras
import numpy as np
import pytest

from mrs_keras import train
from mrs_keras.training import read_history

SETTINGS = {"epochs": 6, "batch_size": 512, "checkpoint_every": 2}


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


def test_a_training_killed_between_checkpoints_resumes_to_the_same_bits(uninterrupted, data_dir, tmp_path):
    code = """
import os, sys
import keras
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


def test_a_finished_training_is_loaded_and_not_repeated(uninterrupted, data_dir):
    path, model = uninterrupted
    before = (path / "model.keras").stat().st_mtime_ns
    again = train(path, data_dir=data_dir, **SETTINGS)
    assert (path / "model.keras").stat().st_mtime_ns == before
    for ours, theirs in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_other_settings_in_the_same_folder_are_refused(uninterrupted, data_dir):
    with pytest.raises(ValueError, match=r"other settings: batch_size \(there 512, asked 64\).*another folder"):
        train(uninterrupted[0], data_dir=data_dir, **{**SETTINGS, "batch_size": 64})


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


def test_a_training_that_diverges_saves_no_model(data_dir, tmp_path):
    with pytest.raises(RuntimeError, match="diverged.*lower learning rate"):
        train(tmp_path, data_dir=data_dir, **{**SETTINGS, "epochs": 2}, learning_rate=1e12)
    assert not (tmp_path / "model.keras").exists()


def test_a_missing_dataset_leaves_no_run(tmp_path):
    with pytest.raises(FileNotFoundError, match="No finished dataset"):
        train(tmp_path / "run", data_dir=tmp_path / "data")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "change", [{"epochs": 0}, {"batch_size": -1}, {"learning_rate": 0.0}, {"seed": -1}, {"preset": "x"}]
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


def test_the_trained_model_loads_with_keras_alone(uninterrupted):
    assert type(keras.models.load_model(uninterrupted[0] / "model.keras")).__name__ == "CVAE"
