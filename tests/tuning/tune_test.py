"""The hyper-parameter search."""

import csv
import importlib.util
import json
import signal
import subprocess
import sys

import pytest

from mrs_keras.cli import main
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.tuning.search import TABLE_FILE, tune, tune_table

SPACE = {
    "latent_dim": {"values": (2, 3, 4)},
    "hidden_width": {"values": (8, 16)},
    "kl_weight_end": {"range": (0.5, 2.0)},
    "learning_rate": {"range": (1e-3, 1e-2)},
    "batch_size": {"values": (400, 600)},
}
# A preset that trains in a moment.
SMALL = {
    "config": {"latent_dim": 3, "hidden_units": (16, 8, 4), "latent_prior": {"kind": "mixture", "components": 2}},
    "training": {"batch_size": 400, "learning_rate": 5e-3},
}
KILLED = """
import os, sys
import mrs_keras.training.recipe as recipe
from mrs_keras.training.callbacks import EpochProgress
from tests.tuning.tune_test import SPACE, small_preset, tune
class Killer(EpochProgress):
    def on_epoch_end(self, epoch, logs=None):
        if len(os.listdir(os.path.join(sys.argv[1], "trials"))) == 4:  # two trials, and the state of the search
            os.kill(os.getpid(), 9)
recipe.EpochProgress = Killer
small_preset()
tune(sys.argv[1], data_dir=sys.argv[2], trials=3, epochs=2, space=SPACE)
"""


def small_preset(presets=CVAE_PRESETS):
    base = presets["base"]
    presets["base"] = {**base, **{part: {**base[part], **changes} for part, changes in SMALL.items()}}


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setitem(CVAE_PRESETS, "base", CVAE_PRESETS["base"])
    small_preset()


@pytest.mark.slow
def test_a_search_killed_in_a_training_goes_on_where_it_stopped(small, data_dir, tmp_path, capsys):
    killed = subprocess.run([sys.executable, "-c", KILLED, tmp_path, data_dir], capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    first, second = (tmp_path / "trials" / f"trial_{number}" / "training" for number in (0, 1))
    assert (first / "model.keras").exists()
    assert not (second / "model.keras").exists()
    made = [(first / "model.keras").stat().st_mtime_ns, (second / "checkpoints/epoch_0001.keras").stat().st_mtime_ns]

    rows = tune(tmp_path, data_dir=data_dir, trials=3, epochs=2, space=SPACE, progress=True)
    assert made == [
        (first / "model.keras").stat().st_mtime_ns,
        (second / "checkpoints/epoch_0001.keras").stat().st_mtime_ns,
    ]
    printed = capsys.readouterr().out
    assert "Trial 1 of 3" not in printed
    assert "Trial 2 of 3" in printed
    assert "Trial 3 of 3" in printed
    assert sorted(row["trial"] for row in rows) == [1, 2, 3]
    assert {row["status"] for row in rows} == {"completed"}
    losses = [row["held_out_loss"] for row in rows]
    assert losses == sorted(losses)
    preset = next(row for row in rows if row["trial"] == 1)
    assert [preset[name] for name in SPACE] == [3, 16, 1.2, 5e-3, 400]
    for row in rows:
        assert (tmp_path / row["folder"] / "model.keras").exists()
        assert row["held_out_loss"] == pytest.approx(row["reconstruction_loss"] + row["latent_loss"], rel=1e-9)
    with (tmp_path / TABLE_FILE).open(newline="") as file:
        written = list(csv.DictReader(file))
    assert [int(row["trial"]) for row in written] == [row["trial"] for row in rows]
    assert [float(row["held_out_loss"]) for row in written] == losses
    assert tune_table(rows).splitlines()[1].split()[0] == str(rows[0]["trial"])

    # Between two files of its state: the trial is on disk, the search does not know of it.
    lost = tmp_path / "trials" / "trial_2" / "trial.json"
    lost.write_text(json.dumps({**json.loads(lost.read_text()), "status": "RUNNING", "metrics": {"metrics": {}}}))
    state = lost.parents[1] / "oracle.json"
    known = json.loads(state.read_text())
    state.write_text(
        json.dumps({**known, "start_order": known["start_order"][:2], "end_order": known["end_order"][:2]})
    )
    again = tune(tmp_path, data_dir=data_dir, trials=3, epochs=2, space=SPACE)
    assert [{**row, "seconds": 0} for row in again] == [{**row, "seconds": 0} for row in rows]
    with pytest.raises(ValueError, match="holds a training with other settings: epochs"):
        tune(tmp_path, data_dir=data_dir, trials=3, epochs=5, space=SPACE)


@pytest.mark.slow
def test_trials_that_diverge_stand_last_in_the_table_and_do_not_end_the_search(small, data_dir, tmp_path, capsys):
    space = {"learning_rate": {"range": (1e29, 1e30)}}
    rows = tune(tmp_path, data_dir=data_dir, trials=2, epochs=1, space=space, progress=True)
    assert [(row["trial"], row["status"]) for row in rows] == [(1, "completed"), (2, "failed")]
    assert rows[1]["held_out_loss"] is None
    assert "Trial 2 failed: " in capsys.readouterr().out
    assert tune_table(rows).splitlines()[2].split()[-1] == "-"


def test_without_keras_tuner_the_command_says_how_to_install_it(monkeypatch, tmp_path, capsys):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "keras_tuner" else find(name))
    assert main(["tune", "--output", str(tmp_path / "search")]) == 1
    message = capsys.readouterr().err
    assert "needs the package keras-tuner" in message
    assert 'pip install ".[tune]"' in message
    assert not (tmp_path / "search").exists()


def test_the_help_is_short(capsys):
    with pytest.raises(SystemExit):
        main(["tune", "--help"])
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) < 25
    assert "default: 20" in printed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": 0}, "`trials`"),
        ({"epochs": 0}, "`epochs`"),
        ({"preset": "huge"}, "`preset`"),
        ({"space": {"width": {"values": (1,)}}}, "Unknown `space`.*'hidden_width'.*Received: space='width'"),
        ({"space": {}}, "`space` must name at least one"),
    ],
)
def test_arguments_out_of_range_are_refused(data_dir, tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        tune(tmp_path / "search", data_dir=data_dir, **change)
    assert not (tmp_path / "search").exists()
