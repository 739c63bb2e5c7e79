"""Many clients at once, and a server that is killed under them."""

import re
import signal
import socket
import subprocess
import threading
import time

import numpy as np
import pytest

from mrs_keras.serving import load_export
from mrs_keras.serving.client import Client, ServingError
from tests.conftest import REPOSITORY, command

CLIENTS, LOST_EVERY = 32, 50


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture
def start_server():
    """Starts `mrs-keras serve` at the given ports, as a user does, and waits until it answers."""
    processes = []

    def start(grpc_port: int, rest_port: int) -> subprocess.Popen:
        ports = ["--grpc-port", str(grpc_port), "--rest-port", str(rest_port)]
        process = subprocess.Popen(
            [command("mrs-keras"), "serve", "--saved-models", REPOSITORY / "saved_models", *ports],
            stdout=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
        told = ""
        while not re.search(rf"http://127\.0\.0\.1:{rest_port}", told):
            line = process.stdout.readline()
            assert line, f"the server ended: {told}"
            told += line
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def ask(urls: list[str], number: int) -> tuple[list, list]:
    """Has 32 clients ask for `number` spectra, each by its own seed.

    Every 50th answer is lost on its way, after the server gave it: the client asks again, and is answered twice.

    Returns:
      All answers of the server, by seed, those that were lost first; and the failures.
    """
    answers, failures, numbers = [[] for _ in range(number)], [], iter(range(number))
    lock = threading.Lock()
    concentrations = concentrations_of(number)

    def losing(predict):
        def wrapper(model, version, signature, inputs, timeout_s):
            outputs = predict(model, version, signature, inputs, timeout_s)
            if signature == "generate":
                (k,) = inputs["seed"]
                if k % LOST_EVERY == 0 and not answers[k]:
                    answers[k].append(outputs["spectrum"][0])
                    raise ServingError("UNAVAILABLE", "lost")
            return outputs

        return wrapper

    def work(url):
        with Client(url) as client:
            client._transport.predict = losing(client._transport.predict)
            while True:
                with lock:
                    k = next(numbers, None)
                if k is None:
                    return
                try:
                    answers[k].append(client.generate(concentrations[k : k + 1], [k])["spectrum"][0])
                except Exception as error:
                    failures.append(error)

    threads = [threading.Thread(target=work, args=(urls[i % len(urls)],)) for i in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers, failures


def concentrations_of(number: int) -> np.ndarray:
    return np.random.default_rng(0).uniform([7.5, 3.0], [17.0, 5.5], (number, 2)).astype(np.float32)


def check_answers(answers: list, failures: list) -> float:
    """Asserts that each seed has the one spectrum that it has in this process; returns the largest difference."""
    import tensorflow as tf

    assert not failures, failures[:3]
    assert [len(received) for received in answers] == [1 + (k % LOST_EVERY == 0) for k in range(len(answers))]
    number = len(answers)
    _, generator = load_export(REPOSITORY / "saved_models")
    inputs = {"concentrations": tf.constant(concentrations_of(number)), "seed": tf.range(number, dtype=tf.int64)}
    expected = generator.signatures["generate"](**inputs)["spectrum"].numpy()
    differences = [
        np.abs(one - spectrum).max() for received, spectrum in zip(answers, expected, strict=True) for one in received
    ]
    difference = max(differences) / np.abs(expected).max()
    assert difference < 1e-6
    return difference


@pytest.mark.slow
def test_of_10000_requests_from_32_clients_none_is_lost(start_server, measured):
    grpc_port, rest_port = free_port(), free_port()
    start_server(grpc_port, rest_port)
    start = time.monotonic()
    answers, failures = ask([f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}"], 10_000)
    seconds = time.monotonic() - start
    difference = check_answers(answers, failures)
    measured(f"10,000 requests from 32 clients in {seconds:.0f} s: none lost, off by {difference:.1e}")


@pytest.mark.slow
def test_a_server_that_is_killed_and_started_again_under_load_loses_no_request(start_server, measured):
    grpc_port, rest_port = free_port(), free_port()
    server = start_server(grpc_port, rest_port)
    killed = []

    def kill_and_restart():
        nonlocal server
        for kind in (signal.SIGKILL, signal.SIGTERM):
            time.sleep(2)
            server.send_signal(kind)
            server.wait()
            killed.append(time.monotonic())
            server = start_server(grpc_port, rest_port)

    killer = threading.Thread(target=kill_and_restart)
    killer.start()
    start = time.monotonic()
    urls = [f"grpc://127.0.0.1:{grpc_port}", f"http://127.0.0.1:{rest_port}"]
    answers, failures = ask(urls, 20_000)
    ended = time.monotonic()
    killer.join()
    assert len(killed) == 2
    assert max(killed) < ended, "the requests ended before the server was killed twice"
    difference = check_answers(answers, failures)
    measured(f"20,000 requests in {ended - start:.0f} s, server killed twice: none lost, off by {difference:.1e}")
