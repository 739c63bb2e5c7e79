"""Two processes that train one model, each the command `mrs-keras train` with TF_CONFIG, on loopback."""

import json
import signal
import time

import keras
import numpy as np
import pytest

from mrs_keras.run_folder import checkpoint_files, read_history
from tests.conftest import run_python
from tests.training.worker_processes import SMALL, TRAINING, free_ports, kill_when, outputs, start_workers, tf_config

# One process, without XLA: it draws other random numbers.
ONE_PROCESS = """
import json, sys
import tensorflow as tf
from mrs_keras import train
from mrs_keras.models import CVAE_PRESETS
CVAE_PRESETS["base"]["config"].update(json.loads(sys.argv[3]))
strategy = tf.distribute.MirroredStrategy(["CPU:0"])
train(sys.argv[1], data_dir=sys.argv[2], epochs=4, batch_size=1999, checkpoint_every=1, strategy=strategy)
"""


def weights(folder) -> np.ndarray:
    model = keras.models.load_model(folder / "model.keras")
    return np.concatenate([weight.ravel() for weight in model.get_weights()])


def networks(folder) -> np.ndarray:
    """Without the latent density, whose fit is no smooth function of the weights."""
    model = keras.models.load_model(folder / "model.keras")
    return np.concatenate([np.ravel(weight) for weight in model.encoder.get_weights() + model.generator.get_weights()])


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory, data_dir):
    folder = tmp_path_factory.mktemp("two")
    workers = start_workers(folder, data_dir)
    printed = outputs(workers)
    assert [worker.returncode for worker in workers] == [0, 0], printed
    return folder


def test_two_workers_train_the_same_model_as_one(two_workers, data_dir, tmp_path, measured):
    run_python(ONE_PROCESS, tmp_path, data_dir, json.dumps(SMALL))
    one, two = networks(tmp_path), networks(two_workers)
    difference = np.abs(one - two).max()
    measured(f"two workers and one process, 16 Adam steps: weights differ by {difference:.1e} (< 1e-5)")
    assert difference < 1e-5
    ours, theirs = read_history(two_workers), read_history(tmp_path)
    for name, values in theirs.items():
        np.testing.assert_allclose(ours[name], values, rtol=1e-3, err_msg=name)


def test_the_chief_alone_writes_the_run(two_workers):
    assert {entry.name for entry in two_workers.iterdir()} == {
        "model.keras",
        "history.csv",
        "checkpoints",
        "tensorboard",
        "settings.json",
    }
    assert [path.name for path in checkpoint_files(two_workers)] == [
        "epoch_0003.keras",
        "epoch_0004.keras",
    ]
    np.testing.assert_array_equal(read_history(two_workers)["epoch"], np.arange(4))
    assert len(list((two_workers / "tensorboard" / "train").glob("events*"))) == 1


def killed_and_resumed(victim, data_dir, folder) -> None:
    """Kills one of two workers after a checkpoint, expects the other to stop, and starts both again."""
    workers = start_workers(folder, data_dir)
    kill_when(workers[victim], lambda: (folder / "checkpoints" / "epoch_0002.keras").exists())
    killed = time.monotonic()
    printed = outputs(workers, timeout=120)
    assert time.monotonic() - killed < 120
    assert workers[victim].returncode == -signal.SIGKILL
    assert workers[1 - victim].returncode == 1, printed[1 - victim]
    assert f"mrs-keras train: Worker {victim} (localhost:" in printed[1 - victim]
    assert "start the same command again on all machines" in printed[1 - victim]
    assert not (folder / "model.keras").exists()
    workers = start_workers(folder, data_dir)
    printed = outputs(workers)
    assert [worker.returncode for worker in workers] == [0, 0], printed


@pytest.mark.slow
def test_a_killed_worker_stops_the_job_and_a_restart_ends_with_the_same_weights(two_workers, data_dir, tmp_path):
    killed_and_resumed(1, data_dir, tmp_path)
    np.testing.assert_allclose(weights(tmp_path), weights(two_workers), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(read_history(tmp_path)["epoch"], np.arange(TRAINING["--epochs"]))


@pytest.mark.slow
def test_a_killed_chief_stops_the_job_and_a_restart_ends_with_the_same_weights(two_workers, data_dir, tmp_path):
    killed_and_resumed(0, data_dir, tmp_path)
    np.testing.assert_allclose(weights(tmp_path), weights(two_workers), rtol=0, atol=1e-6)


@pytest.mark.slow
def test_a_worker_that_ends_after_the_meeting_is_not_waited_for():
    code = """
import os, sys, threading
from mrs_keras.training import liveness
from mrs_keras.training.cluster import Cluster, cluster_from_environment
from mrs_keras.training.rendezvous import meet
from mrs_keras.training.replicas import default_strategy
cluster = cluster_from_environment()
threading.Thread(target=lambda: meet(Cluster(cluster.workers, 1), {}, 30.0).close()).start()
meet(cluster, {}, 30.0)
liveness.connecting.__wrapped__.__defaults__ = (5.0,)
default_strategy(cluster)
"""
    process = run_python(code, check=False, env={"TF_CONFIG": tf_config(free_ports(2), 0)})
    assert process.returncode == -signal.SIGKILL
    assert "did not connect to the other workers within 5 s, although they had met" in process.stderr


@pytest.mark.slow
def test_a_batch_smaller_than_the_number_of_workers_is_refused_by_both(data_dir, tmp_path):
    workers = start_workers(tmp_path / "run", data_dir, batch_size=1)
    for worker, printed in zip(workers, outputs(workers), strict=True):
        assert worker.returncode == 1
        assert "Expected: 2 or more. Received: batch_size=1" in printed
    assert not (tmp_path / "run").exists()
