"""Measures the served generator under load, beside the bare SavedModel and its matrix products alone.

    python benchmarks/serving.py --help

Starts `mrs-keras serve` in a process of its own, or takes the server at `--grpc` and `--rest`. Clients are threads of
this process, each with one request at a time. Prints one table, all of it measured in the same run.
"""

import argparse
import contextlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tensorflow as tf
from gemm_floor import Floor, flop, forward_products

from mrs_keras.models import CVAE
from mrs_keras.serving import load_export
from mrs_keras.serving.client import Client
from mrs_keras.serving.json_arrays import read_json, writable, write_json

SAVED_MODELS = Path(__file__).parents[1] / "saved_models"


@contextlib.contextmanager
def served(saved_models: Path):
    """Serves the models in a process of its own; gives the addresses of gRPC and REST."""
    command = [sys.executable, "-m", "mrs_keras.cli", "serve", "--saved-models", str(saved_models)]
    process = subprocess.Popen([*command, "--grpc-port", "0", "--rest-port", "0"], stdout=subprocess.PIPE, text=True)
    try:
        urls = {}
        while len(urls) < 2:
            line = process.stdout.readline()
            if not line:
                raise SystemExit("The server did not start.")
            for url in re.findall(r"(?:grpc|http)://[\w.:]+", line):
                urls["gRPC" if url.startswith("grpc") else "REST"] = url
        yield urls
    finally:
        process.terminate()
        process.wait()


def inputs_of(signature: str, rows: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(0)
    values = {
        "concentrations": random.uniform([7.5, 3.0], [17.0, 5.5], (rows, 2)).astype(np.float32),
        "z": random.normal(size=(rows, 16)).astype(np.float32),
        "seed": np.arange(rows),
    }
    names = {"decode": ("z", "concentrations"), "generate": ("concentrations", "seed")}
    return {name: values[name] for name in names[signature]}


def bare_seconds(calls: dict, seconds: float, turns: int = 5) -> dict[str, list[float]]:
    """Returns the seconds of each call in this process, by name, which take turns."""
    times = {name: [] for name in calls}
    for _ in range(turns):
        for name, call in calls.items():
            call()
            ends = time.perf_counter() + seconds / turns
            while (start := time.perf_counter()) < ends:
                call()
                times[name].append(time.perf_counter() - start)
    return times


def load(client: Client, signature: str, inputs: dict, clients: int, seconds: float) -> tuple[np.ndarray, float]:
    """Returns the latencies of all requests, s, and the requests per second, of so many clients at once."""
    client.predict("generator", signature, inputs)
    latencies, barrier = [[] for _ in range(clients)], threading.Barrier(clients + 1)

    def work(own):
        barrier.wait()
        start = time.perf_counter()
        while not own or time.perf_counter() - start < seconds:
            sent = time.perf_counter()
            client.predict("generator", signature, inputs)
            own.append(time.perf_counter() - sent)

    threads = [threading.Thread(target=work, args=(own,)) for own in latencies]
    for thread in threads:
        thread.start()
    barrier.wait()
    start = time.perf_counter()
    for thread in threads:
        thread.join()
    passed = time.perf_counter() - start
    every = np.concatenate(latencies)
    return every, len(every) / passed


def json_table(spectra: np.ndarray, seconds: float) -> str:
    """Returns how long an answer takes to write and to read, beside the json of Python's standard library."""

    def as_array(answer):
        return np.asarray(answer["outputs"], np.float32)

    ways = {
        "JSON, standard library": (
            lambda: json.dumps({"outputs": spectra.tolist()}).encode(),
            lambda data: as_array(json.loads(data)),
        ),
        "JSON, server and client": (
            lambda: write_json({"outputs": writable(spectra)}),
            lambda data: read_json(data, as_array),
        ),
    }
    calls, sizes = {}, {}
    for name, (write, read) in ways.items():
        data = write()
        sizes[name] = len(data)
        calls[name, "write"] = write
        calls[name, "read"] = lambda data=data, read=read: read(data)
        assert np.array_equal(calls[name, "read"](), spectra)
    times = {call: np.median(values) * 1e3 for call, values in bare_seconds(calls, seconds).items()}
    reference = next(iter(ways))
    lines = [f"{'':32s}{'write ms':>9}{'read ms':>9}{'x faster':>9}{'x faster':>9}{'':4}MB"]
    for name in ways:
        write, read = times[name, "write"], times[name, "read"]
        faster = times[reference, "write"] / write, times[reference, "read"] / read
        lines.append(f"{name:32s}{write:9.2f}{read:9.2f}{faster[0]:9.1f}{faster[1]:9.1f}{sizes[name] / 1e6:6.2f}")
    return "\n".join(lines)


def row(name: str, clients, times, spectra_per_s: float, bare: float, floor: float) -> str:
    milliseconds = "".join(f"{value * 1e3:9.2f}" for value in np.percentile(times, (50, 95, 99))) if len(times) else ""
    ratios = f"{spectra_per_s / bare:9.2f}{spectra_per_s / floor:9.1%}"
    return f"{name:32s}{clients:>8}{milliseconds:27s}{spectra_per_s:11.0f}{ratios}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[1, 32, 1024], help="spectra per request")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32], help="requests at once")
    parser.add_argument("--seconds", type=float, default=2.0, help="seconds of each entry")
    parser.add_argument("--grpc", metavar="URL", help="of a running server, such as grpc://localhost:8500")
    parser.add_argument("--rest", metavar="URL", help="of a running server, such as http://localhost:8501")
    arguments = parser.parse_args()

    given = {name: url for name, url in (("gRPC", arguments.grpc), ("REST", arguments.rest)) if url}
    # The network of the preset that saved_models holds, its weights do not matter for the time.
    network = CVAE.from_preset("base").generator
    _, generator = load_export(SAVED_MODELS)
    compiled = tf.function(lambda inputs: network(inputs, training=False))
    with contextlib.nullcontext(given) if given else served(SAVED_MODELS) as urls:
        print(f"{len(os.sched_getaffinity(0))} cores; server: {'given' if given else 'mrs-keras serve, on loopback'}")
        for rows in arguments.batch_sizes:
            products = forward_products(network, rows)
            floor = Floor(products, with_torch=False)
            for _ in range(5):
                floor_seconds = floor.turn()
            print(f"\nbatch {rows}: {flop(products) / 1e6:.1f} MFLOP of matrix products")
            print(f"{'':32s}{'clients':>8}{'p50':>9}{'p95':>9}{'p99':>9}{'spectra':>11}{'x bare':>9}{'share of':>9}")
            print(f"{'':32s}{'':>8}{'ms':>9}{'ms':>9}{'ms':>9}{'per s':>11}{'call':>9}{'floor':>9}")
            at_floor = rows / floor_seconds
            print(row("matrix products alone, fastest", "", [], at_floor, np.nan, at_floor))
            tensors = {
                signature: {name: tf.constant(value) for name, value in inputs_of(signature, rows).items()}
                for signature in ("decode", "generate")
            }
            times = bare_seconds(
                {
                    "Keras generator, compiled": lambda tensors=tensors: compiled(tensors["decode"]),
                    "decode": lambda tensors=tensors: generator.signatures["decode"](**tensors["decode"]),
                    "generate": lambda tensors=tensors: generator.signatures["generate"](**tensors["generate"]),
                },
                arguments.seconds,
            )
            bare = {name: rows / np.mean(values) for name, values in times.items()}
            for name, values in times.items():
                label = name if name not in tensors else f"{name}, bare SavedModel"
                print(row(label, "", values, bare[name], bare[name], at_floor))
            spectra = generator.signatures["generate"](**tensors["generate"])["spectrum"].numpy()
            print(json_table(spectra, arguments.seconds))
            for signature in tensors:
                for api, url in urls.items():
                    for clients in arguments.clients:
                        with Client(url, timeout_s=120) as client:
                            inputs = inputs_of(signature, rows)
                            latencies, per_s = load(client, signature, inputs, clients, arguments.seconds)
                        spectra_per_s = rows * per_s
                        label = f"{signature}, {api}"
                        print(row(label, clients, latencies, spectra_per_s, bare[signature], at_floor), flush=True)


if __name__ == "__main__":
    main()
