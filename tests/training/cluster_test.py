"""TF_CONFIG, and how workers meet before they train."""

import json
import socket
import threading
import time

import pytest

from mrs_keras.cli import main
from mrs_keras.training.cluster import Cluster, cluster_from_environment
from mrs_keras.training.rendezvous import meet
from tests.training.worker_processes import free_ports

TWO = {"worker": ["a:1", "b:2"]}


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{cluster", "must be valid JSON. Received: '{cluster'"),
        ("[]", "must hold the objects `cluster` and `task`"),
        ({"cluster": TWO}, "must hold the objects `cluster` and `task`"),
        ({"cluster": {**TWO, "ps": ["c:3"]}, "task": {"type": "worker", "index": 0}}, "Received: 'ps'"),
        ({"cluster": TWO, "task": {"type": "worker", "index": 2}}, "Expected: worker 0 to 1. Received.*index=2"),
        ({"cluster": TWO, "task": {"type": "worker", "index": "0"}}, "index='0'"),
        ({"cluster": TWO, "task": {"type": "chief", "index": 0}}, "type='chief'"),
        ({"cluster": {"worker": ["a:1", "a:1"]}, "task": {"type": "worker", "index": 0}}, "each process once"),
        ({"cluster": {"worker": []}, "task": {"type": "worker", "index": 0}}, "each process once"),
        ({"cluster": {"worker": "a:1"}, "task": {"type": "worker", "index": 0}}, "must be a list"),
        ({"cluster": {"worker": ["a", "b:2"]}, "task": {"type": "worker", "index": 0}}, "'host:port'.*Received: 'a'"),
        ({"cluster": {"worker": ["a:99999", "b:2"]}, "task": {"type": "worker", "index": 0}}, "a port of 1 to 65535"),
        ({"cluster": {"worker": [5, "b:2"]}, "task": {"type": "worker", "index": 0}}, "Received: 5"),
    ],
)
def test_a_malformed_tf_config_is_refused_with_one_that_would_do(config, message, monkeypatch, capsys):
    text = config if isinstance(config, str) else json.dumps(config)
    with pytest.raises(ValueError, match=f"{message}.*Set it for example to.*unset it"):
        cluster_from_environment({"TF_CONFIG": text})
    monkeypatch.setenv("TF_CONFIG", text)
    assert main(["train"]) == 1
    assert "TF_CONFIG" in capsys.readouterr().err


def test_the_chief_is_the_first_worker_or_the_one_that_is_named_so():
    def cluster(jobs, kind, index):
        config = {"cluster": jobs, "task": {"type": kind, "index": index}}
        return cluster_from_environment({"TF_CONFIG": json.dumps(config)})

    assert cluster(TWO, "worker", 0) == Cluster(("a:1", "b:2"), 0)
    assert cluster(TWO, "worker", 0).is_chief
    assert not cluster(TWO, "worker", 1).is_chief
    with_chief = {**TWO, "chief": ["c:3"]}
    assert cluster(with_chief, "chief", 0) == Cluster(("c:3", "a:1", "b:2"), 0)
    assert cluster(with_chief, "worker", 1) == Cluster(("c:3", "a:1", "b:2"), 2)


def test_no_tf_config_or_one_process_is_no_cluster():
    assert cluster_from_environment({}) is None
    assert cluster_from_environment({"TF_CONFIG": " "}) is None
    alone = {"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 0}}
    assert cluster_from_environment({"TF_CONFIG": json.dumps(alone)}) is None


def met(statements, timeout_s=10.0, delay_s=0.0) -> list:
    """Has workers meet in threads; returns for each the meeting or what it raised."""
    workers = tuple(f"localhost:{port}" for port in free_ports(len(statements)))
    results = [None] * len(statements)

    def run(index):
        time.sleep(delay_s * index)
        try:
            results[index] = meet(Cluster(workers, index), statements[index], timeout_s)
        except (OSError, ValueError) as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=(index,)) for index in range(len(statements))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_three_workers_meet_though_they_start_one_after_the_other():
    meetings = met([{"seed": 0}] * 3, delay_s=0.5)
    for index, meeting in enumerate(meetings):
        others = {0, 1, 2} - {index}
        assert set(meeting.called) == set(meeting.callers) == others
        # TensorFlow's server needs the port next.
        socket.create_server(("", int(meeting.cluster.address.split(":")[1]))).close()
        meeting.close()


def test_workers_with_other_settings_or_another_checkpoint_do_not_start():
    errors = met([{"seed": 0, "checkpoint": "epoch_0002.keras"}, {"seed": 0, "checkpoint": None}])
    assert "worker 1 differs in checkpoint (here 'epoch_0002.keras', there None)" in str(errors[0])
    assert "worker 0 differs in checkpoint (here None, there 'epoch_0002.keras')" in str(errors[1])
    assert "one folder that they share" in str(errors[0])


def test_a_worker_that_does_not_answer_is_named_after_the_time_out():
    own, silent = free_ports(2)
    with socket.create_server(("localhost", silent)):  # takes calls and says nothing, as a hung program
        cluster = Cluster((f"localhost:{own}", f"localhost:{silent}", "host.invalid:2222"), 0)
        start = time.monotonic()
        with pytest.raises(TimeoutError, match="within 1 s. Expected: the 3 workers") as raised:
            meet(cluster, {}, 1.0)
    assert time.monotonic() - start < 30
    assert f"localhost:{silent}: something answers, but not a worker that waits to start" in str(raised.value)
    assert "host.invalid:2222: no answer" in str(raised.value)
    assert "--worker-timeout" in str(raised.value)


def test_the_command_ends_with_a_message_where_the_other_machine_is_silent(data_dir, tmp_path, monkeypatch, capsys):
    here, there = free_ports(2)
    config = {
        "cluster": {"worker": [f"localhost:{here}", f"localhost:{there}"]},
        "task": {"type": "worker", "index": 0},
    }
    monkeypatch.setenv("TF_CONFIG", json.dumps(config))
    arguments = ["train", "--output", str(tmp_path / "run"), "--data-dir", str(data_dir), "--worker-timeout", "0.5"]
    assert main(arguments) == 1
    error = capsys.readouterr().err
    assert "Not all workers met within 0.5 s. Expected: the 2 workers of TF_CONFIG." in error
    assert f"Received, at worker 0: localhost:{there}: no answer" in error
    assert not (tmp_path / "run").exists()
    assert main([*arguments[:-1], "0"]) == 1
    assert "`worker_timeout_s` must be a finite number above 0" in capsys.readouterr().err


def test_a_port_that_is_taken_is_named():
    taken, other = free_ports(2)
    with socket.create_server(("", taken)), pytest.raises(OSError, match=f"Worker 0 cannot open its port {taken}"):
        meet(Cluster((f"localhost:{taken}", f"localhost:{other}"), 0), {}, 0.5)


def test_two_processes_that_think_they_are_the_same_worker_do_not_start():
    first, second = free_ports(2)
    workers = (f"localhost:{first}", f"localhost:{second}")
    errors = []

    def run(workers):
        try:
            meet(Cluster(workers, 0), {}, 5.0)
        except (OSError, ValueError) as error:
            errors.append(str(error))

    # On the second machine the ports are the other way round, but the index was copied from the first.
    threads = [threading.Thread(target=run, args=(workers,)), threading.Thread(target=run, args=(workers[::-1],))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert any("says that it is worker 0" in error for error in errors)
