"""The command `mrs-keras explore`: what it says where it cannot start."""

import socket
import subprocess
import sys

import pytest

from tests.conftest import REPOSITORY


def explore(*arguments) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "mrs_keras.cli", "explore", "--no-browser", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=REPOSITORY, timeout=300)


def test_a_port_in_use_and_a_wrong_address_end_it_with_a_message():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = explore("--port", taken.getsockname()[1], "--url", "http://localhost:1")
    assert done.returncode == 1
    assert "Another program may be using the port" in done.stderr
    done = explore("--url", "grpc://localhost:8500")
    assert done.returncode == 1
    assert "REST API" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--run", "nowhere"), "No trained model in 'nowhere'"),
        (("--saved-models", "tests"), "There is no export in 'tests'"),
    ],
)
def test_a_model_that_is_not_there_ends_it_with_a_message(arguments, words):
    done = explore(*arguments)
    assert done.returncode == 1
    assert words in done.stderr
    assert "Traceback" not in done.stderr
