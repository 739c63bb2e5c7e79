"""Worker processes on loopback, each of them the command `mrs-keras train` with a small network."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.conftest import REPOSITORY

SMALL = {"latent_dim": 4, "hidden_units": [32, 16], "latent_prior": {"kind": "mixture", "components": 2}}

# 6,000 spectra: 3 batches of 1999, which no number of workers divides, and one of 3.
TRAINING = {"--epochs": 4, "--batch-size": 1999, "--checkpoint-every": 1}

CODE = """
import json, sys
from mrs_keras.models import CVAE_PRESETS
CVAE_PRESETS["base"]["config"].update(json.loads(sys.argv[1]))
from mrs_keras.cli import main
sys.exit(main(sys.argv[2:]))
"""


def free_ports(number: int) -> list[int]:
    """Returns ports of loopback that were free a moment ago."""
    with_sockets = [socket.create_server(("localhost", 0)) for _ in range(number)]
    ports = [opened.getsockname()[1] for opened in with_sockets]
    for opened in with_sockets:
        opened.close()
    return ports


def tf_config(ports: list[int], index: int) -> str:
    workers = [f"localhost:{port}" for port in ports]
    return json.dumps({"cluster": {"worker": workers}, "task": {"type": "worker", "index": index}})


def start(folder: Path, data_dir: Path, config: str | None = None, **options) -> subprocess.Popen:
    """Starts `mrs-keras train` in a process of its own."""
    options = {**TRAINING, **{f"--{name.replace('_', '-')}": value for name, value in options.items()}}
    arguments = ["train", "--output", folder, "--data-dir", data_dir, *(x for pair in options.items() for x in pair)]
    environment = {name: value for name, value in os.environ.items() if name != "TF_CONFIG"}
    return subprocess.Popen(
        [sys.executable, "-c", CODE, json.dumps(SMALL), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=REPOSITORY,
        env=environment | ({} if config is None else {"TF_CONFIG": config}),
    )


def start_workers(folder: Path, data_dir: Path, number: int = 2, **options) -> list[subprocess.Popen]:
    """Starts worker processes that train one model together."""
    ports = free_ports(number)
    return [start(folder, data_dir, tf_config(ports, index), **options) for index in range(number)]


def outputs(processes: list[subprocess.Popen], timeout: float = 240) -> list[str]:
    """Waits for processes to end and returns what they printed; none outlives the test."""
    try:
        return [process.communicate(timeout=timeout)[0] for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def kill_when(victim: subprocess.Popen, condition, timeout: float = 240) -> None:
    """Kills a process with SIGKILL as soon as a condition holds."""
    end = time.monotonic() + timeout
    while not condition():
        assert victim.poll() is None, victim.communicate()[0]
        assert time.monotonic() < end
        time.sleep(0.02)
    victim.send_signal(signal.SIGKILL)
