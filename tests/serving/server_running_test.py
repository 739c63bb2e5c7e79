"""Many requests at once, limits, and the command."""

import concurrent.futures
import http.client
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.cli import main
from mrs_keras.cli.serve import DOCKER_COMMAND
from mrs_keras.serving.client import Client
from mrs_keras.serving.server import ModelServer
from mrs_keras.serving.server.batching import BatchQueue
from mrs_keras.serving.server.model import LoadedModel
from mrs_keras.serving.server.status import Code, ServingError
from tests.conftest import REPOSITORY, run_python
from tests.serving.calls import SAVED_MODELS, Calls, rows_for


def test_each_of_200_requests_from_16_threads_gets_its_own_rows():
    sizes = np.random.default_rng(0).integers(1, 40, 200)
    everything = {name: rows_for(name, sizes.sum()) for name in ("concentrations", "seed")}
    requests = [
        {name: values[end - size : end] for name, values in everything.items()}
        for size, end in zip(sizes, np.cumsum(sizes), strict=True)
    ]
    with ModelServer(SAVED_MODELS, grpc_port=0, rest_port=0) as server:
        calls = Calls(server)

        def ask(index):
            if index % 4:
                return calls.predict("generator", "generate", requests[index])
            inputs = {name: value.tolist() for name, value in requests[index].items()}
            body = {"signature_name": "generate", "inputs": inputs}
            _, answer = calls.rest("POST", "/v1/models/generator:predict", body)
            return {name: np.array(value) for name, value in answer["outputs"].items()}

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, range(len(requests))))
        calls.close()
    assert [len(answer["z"]) for answer in answers] == sizes.tolist()
    generate = tf.saved_model.load(str(SAVED_MODELS / "generator" / "2")).signatures["generate"]
    for name, expected in generate(**{name: tf.constant(value) for name, value in everything.items()}).items():
        served = np.concatenate([answer[name] for answer in answers])
        np.testing.assert_allclose(served, expected, atol=1e-6 * np.abs(expected).max())


def queue_of(run, **changed):
    return BatchQueue(run, **{"max_batch_size": 4, "timeout_s": 0.0, "max_batches": 2, "names": ("x",), **changed})


def test_requests_that_wait_run_together_and_a_full_queue_is_unavailable():
    sizes, started, go_on = [], threading.Event(), threading.Event()

    def run(values):
        sizes.append(len(values[0]))
        started.set()
        go_on.wait()
        return [values[0] * 2]

    queue = queue_of(run)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        first = pool.submit(queue, [np.array([0.0])])
        started.wait()
        later = []
        for row in range(1, 8):
            later.append(pool.submit(queue, [np.array([float(row)])]))
            # In this order.
            while sum(batch.rows for batch in queue._batches) < row:
                time.sleep(1e-3)
        # 7 rows wait, in batches of 4 and 3; two more do not fit.
        with pytest.raises(
            ServingError, match="The batch scheduling queue to which this task was submitted is full"
        ) as e:
            queue([np.zeros(2)])
        assert e.value.code == Code.UNAVAILABLE
        go_on.set()
        assert [future.result()[0].tolist() for future in (first, *later)] == [[2.0 * row] for row in range(8)]
    assert sizes == [1, 4, 3]


def test_an_error_of_a_batch_goes_to_all_its_requests_and_not_beyond():
    def run(values):
        if np.isnan(values[0]).any():
            raise ValueError("not a number")
        return values

    queue = queue_of(run, timeout_s=0.3, max_batch_size=2)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(queue, [np.array([value])]) for value in (1.0, np.nan)]
        assert [str(future.exception()) for future in futures] == ["not a number"] * 2
        assert pool.submit(queue, [np.array([3.0])]).result()[0].tolist() == [3.0]


def test_requests_of_different_shapes_do_not_run_together():
    queue = queue_of(lambda values: values, timeout_s=0.3, max_batch_size=2)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = [pool.submit(queue, [np.ones((1, columns))]) for columns in (2, 3)]
        for error in (future.exception() for future in futures):
            assert error.code == Code.FAILED_PRECONDITION
            assert "Tensors with name 'x' from different tasks have different shapes" in error.message


def test_a_lone_request_waits_no_longer_than_the_timeout():
    assert queue_of(lambda values: values, timeout_s=0.05)([np.ones(1)])[0].tolist() == [1.0]


def test_a_request_without_rows_is_refused_whoever_its_neighbours_are():
    model = LoadedModel(SAVED_MODELS / "generator" / "2", max_batch_size=1024, timeout_s=0.3, max_batches=10)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        several, none = (
            pool.submit(model.predict, "decode", {name: rows_for(name, rows) for name in ("z", "concentrations")})
            for rows in (2, 0)
        )
        with pytest.raises(tf.errors.InvalidArgumentError, match="same number of rows, at least one"):
            none.result()
        assert several.result()["spectrum"].shape == (2, 252, 2)
    model.retire()


@pytest.mark.parametrize(
    ("outputs", "message"),
    [(np.float32(0), "Batched output tensor has 0 dimensions"), (np.zeros(3), "does not equal the sum")],
)
def test_outputs_without_the_rows_of_the_inputs_are_an_error(outputs, message):
    with pytest.raises(ServingError, match=message) as error:
        queue_of(lambda values: [outputs])([np.zeros(2)])
    assert error.value.code == Code.FAILED_PRECONDITION


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"grpc_port": 70000}, "`grpc_port` must be at most 65535"),
        ({"rest_port": -1}, "`rest_port` must be a whole number"),
        ({"max_batch_size": 0}, "`max_batch_size` must be a whole number"),
        ({"batch_timeout_ms": -1.0}, "`batch_timeout_ms` must be a finite number"),
        ({"poll_s": 0.0}, "`poll_s` must be a finite number"),
        ({"max_message_mb": 0}, "`max_message_mb` must be a whole number"),
    ],
)
def test_a_wrong_option_is_refused(option, message):
    with pytest.raises(ValueError, match=message):
        ModelServer(SAVED_MODELS, **option)


@pytest.mark.parametrize("name", ["grpc_port", "rest_port"])
def test_a_port_that_is_taken_is_named(name, tmp_path):
    shutil.copytree(SAVED_MODELS / "encoder", tmp_path / "encoder")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ports = {"grpc_port": 0, "rest_port": 0, name: taken.getsockname()[1]}
        with pytest.raises(OSError, match=f"cannot listen on `{name}`.*{ports[name]}.*give another port"):
            ModelServer(tmp_path, **ports).start()


def test_a_server_that_stops_tells_rest_clients_to_go_and_leaves_none_without_an_answer(tmp_path):
    """A client that keeps its connection and never rests must not hold the server, nor be cut off."""
    shutil.copytree(SAVED_MODELS / "encoder", tmp_path / "encoder")
    failures, answered, stopped = [], [], threading.Event()
    server = ModelServer(tmp_path, grpc_port=0, rest_port=0).start()
    host, port = server.rest_url.removeprefix("http://").split(":")

    def ask_for_ever():
        connection = http.client.HTTPConnection(host, int(port), timeout=20)
        try:
            while not stopped.is_set():
                connection.request("GET", "/v1/models/encoder")
                response = connection.getresponse()
                assert response.status == 200
                response.read()
                answered.append(1)
                if response.will_close:
                    return
            failures.append("was never told")
        except Exception as error:
            failures.append(error)

    clients = [threading.Thread(target=ask_for_ever) for _ in range(4)]
    for client in clients:
        client.start()
    while len(answered) < 100:
        time.sleep(0.01)
    start = time.monotonic()
    server.stop()
    seconds = time.monotonic() - start
    stopped.set()
    for client in clients:
        client.join()
    assert not failures
    assert seconds < 4


def test_a_request_that_was_on_its_way_when_the_server_began_to_stop_is_answered(tmp_path):
    shutil.copytree(SAVED_MODELS / "encoder", tmp_path / "encoder")
    server = ModelServer(tmp_path, grpc_port=0, rest_port=0).start()
    host, port = server.rest_url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=20)
    stopping = threading.Thread(target=server.stop)
    for is_last in (False, True):
        if is_last:
            stopping.start()
            while not server._rest.stopping:
                time.sleep(1e-3)
        connection.request("GET", "/v1/models/encoder")
        response = connection.getresponse()
        assert (response.status, response.will_close) == (200, is_last)
        response.read()
    stopping.join()


def test_a_rest_client_that_waits_for_leave_to_send_gets_it_at_once(tmp_path):
    shutil.copytree(SAVED_MODELS / "generator", tmp_path / "generator")
    body = b'{"signature_name": "generate", "inputs": {"concentrations": [[12.0, 4.5]], "seed": [0]}}'
    with ModelServer(tmp_path, grpc_port=0, rest_port=0) as server:
        host, port = server.rest_url.removeprefix("http://").split(":")
        with socket.create_connection((host, int(port)), timeout=20) as connection:
            head = f"POST /v1/models/generator:predict HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(body)}\r\n"
            connection.sendall(f"{head}Expect: 100-continue\r\n\r\n".encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 Continue")
            connection.sendall(body)
            assert connection.recv(1000).startswith(b"HTTP/1.1 200")


def test_a_server_on_an_address_of_ip_version_6_answers_on_both_apis(tmp_path):
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            pass
    except OSError as error:
        pytest.skip(f"this machine has no IPv6: {error}")
    shutil.copytree(SAVED_MODELS / "encoder", tmp_path / "encoder")
    with ModelServer(tmp_path, host="::1", grpc_port=0, rest_port=0) as server:
        for url in (server.grpc_url, server.rest_url):
            assert "[::1]" in url
            with Client(url) as client:
                assert client.describe("encoder").latent_dim == 16


def test_the_command_serves_until_it_is_told_to_stop():
    code = "from mrs_keras.cli import main; main(['serve', '--grpc-port', '0', '--rest-port', '0'])"
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        urls = dict(process.stdout.readline().split(": ") for _ in range(2))
        with urllib.request.urlopen(urls["REST"].strip() + "/v1/models/generator") as response:
            assert json.load(response)["model_version_status"][0]["state"] == "AVAILABLE"
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_the_help_gives_the_docker_command_to_copy_and_does_not_load_tensorflow(capsys):
    with pytest.raises(SystemExit):
        main(["serve", "--help"])
    assert f"\n{DOCKER_COMMAND}\n" in capsys.readouterr().out
    code = (
        "import sys; from mrs_keras.cli import main\ntry: main(['serve', '--help'])\nexcept SystemExit: pass\n"
        "assert not {'tensorflow', 'numpy', 'grpc'} & set(sys.modules)"
    )
    run_python(code)
