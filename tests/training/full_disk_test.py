"""No space left while a training writes: a message, and everything that was finished before is still there."""

import os
import shutil
import subprocess
from pathlib import Path

import keras
import numpy as np
import pytest

from mrs_keras import train
from mrs_keras.files import explaining_a_full_disk
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.run_folder import read_history
from mrs_keras.training.callbacks import Checkpoint
from tests.conftest import run_python

SETTINGS = {"epochs": 4, "batch_size": 2000, "checkpoint_every": 1}

SMALL = {"latent_dim": 4, "hidden_units": (32, 16), "latent_prior": {"kind": "mixture", "components": 2}}


@pytest.fixture
def small(monkeypatch):
    preset = CVAE_PRESETS["base"]
    monkeypatch.setitem(CVAE_PRESETS, "base", {**preset, "config": {**preset["config"], **SMALL}})
    monkeypatch.setattr("mrs_keras.training.speed.compiles", lambda strategy: False)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 8 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("only root can mount a small file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def filled(folder: Path, but_for: int) -> Path:
    """Fills a file system but for some bytes; returns the file to remove to have its space again."""
    ballast = folder / "ballast"
    statistics = os.statvfs(folder)
    ballast.write_bytes(bytes(statistics.f_bavail * statistics.f_frsize - but_for))
    return ballast


@pytest.mark.slow
def test_a_disk_full_in_the_middle_of_a_checkpoint_keeps_the_earlier_one(
    small, small_disk, data_dir, tmp_path, monkeypatch
):
    run = small_disk / "run"
    ballast = []

    def fill(self, epoch, logs=None):
        if epoch == 1:  # too little for the second checkpoint
            size = (run / "checkpoints" / "epoch_0001.keras").stat().st_size
            ballast.append(filled(small_disk, size // 2))

    monkeypatch.setattr(Checkpoint, "on_epoch_begin", fill)
    with pytest.raises(OSError, match="no space left to write to.*untouched.*run the same command again"):
        train(run, data_dir=data_dir, **SETTINGS)
    assert [path.name for path in (run / "checkpoints").iterdir()] == ["epoch_0001.keras"]
    assert keras.models.load_model(run / "checkpoints" / "epoch_0001.keras").optimizer.iterations.numpy() == 3
    assert not (run / "model.keras").exists()
    monkeypatch.undo()
    ballast[0].unlink()
    preset = CVAE_PRESETS["base"]
    monkeypatch.setitem(CVAE_PRESETS, "base", {**preset, "config": {**preset["config"], **SMALL}})
    monkeypatch.setattr("mrs_keras.training.speed.compiles", lambda strategy: False)
    resumed = train(run, data_dir=data_dir, **SETTINGS)
    whole = train(tmp_path / "whole", data_dir=data_dir, **SETTINGS)
    for ours, theirs in zip(resumed.get_weights(), whole.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(read_history(run)["epoch"], np.arange(4))


def test_a_limit_on_file_sizes_is_told_like_a_full_disk(tmp_path):
    code = """
import resource, sys
from pathlib import Path
from mrs_keras import CVAE
from mrs_keras.files import explaining_a_full_disk
from mrs_keras.training.callbacks import save_model
model = CVAE.from_preset("base", hidden_units=(64,))
folder = Path(sys.argv[1])
save_model(model, folder / "epoch_0001.keras")
resource.setrlimit(resource.RLIMIT_FSIZE, ((folder / "epoch_0001.keras").stat().st_size // 2,) * 2)
with explaining_a_full_disk(folder, "Free some."):
    save_model(model, folder / "epoch_0002.keras")
"""
    process = run_python(code, tmp_path, check=False)
    assert process.returncode == 1
    assert f"There is no space left to write to '{tmp_path}'" in process.stderr.splitlines()[-1]
    assert [path.name for path in tmp_path.iterdir()] == ["epoch_0001.keras"]
    assert keras.models.load_model(tmp_path / "epoch_0001.keras").hidden_units == (64,)


def test_other_errors_pass_unchanged(tmp_path):
    with pytest.raises(FileNotFoundError, match="^elsewhere$"), explaining_a_full_disk(tmp_path, ""):
        raise FileNotFoundError("elsewhere")
    with pytest.raises(OSError, match="no space left"), explaining_a_full_disk(tmp_path, "Free some."):
        raise RuntimeError("Can't write data (errno = 28, error message = 'No space left on device')")
