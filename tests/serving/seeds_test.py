"""The same seed gives the same spectrum to the last bit by every way to ask for it: int64 never become doubles."""

import numpy as np
import pytest
import tensorflow as tf
import urllib3

from mrs_keras.serving import load_export
from mrs_keras.serving.client import Client
from mrs_keras.serving.server import ModelServer
from tests.serving.calls import SAVED_MODELS

# A double holds neither the third nor the last: it would make 2^53 and 2^63 of them.
SEEDS = [0, -1, 2**53 + 1, -(2**63), 2**63 - 1]
CONCENTRATIONS = [12.0, 4.5]


@pytest.fixture(scope="module")
def server():
    with ModelServer(SAVED_MODELS, grpc_port=0, rest_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def in_process():
    _, generator = load_export(SAVED_MODELS)

    def generate(seeds):
        rows = tf.constant([CONCENTRATIONS] * len(seeds))
        outputs = generator.signatures["generate"](concentrations=rows, seed=tf.constant(seeds, tf.int64))
        return {name: value.numpy() for name, value in outputs.items()}

    return generate


def ask(url: str, body: str) -> dict:
    answer = urllib3.request("POST", f"{url}/v1/models/generator:predict", body=body)
    assert answer.status == 200, answer.data
    return answer.json()


def assert_same(received, expected):
    for name, values in expected.items():
        np.testing.assert_array_equal(np.asarray(received[name], np.float32), values)


@pytest.mark.parametrize("seeds", [*([seed] for seed in SEEDS), SEEDS])
@pytest.mark.parametrize("given_as", [list, np.int64])
@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_the_client_gets_the_spectrum_of_a_seed_that_is_generated_in_process(server, in_process, api, given_as, seeds):
    with Client(getattr(server, f"{api}_url")) as client:
        assert_same(client.generate([CONCENTRATIONS] * len(seeds), given_as(seeds)), in_process(seeds))


@pytest.mark.parametrize("seeds", [*([seed] for seed in SEEDS), SEEDS])
def test_integers_in_bare_json_give_the_spectrum_of_a_seed_that_is_generated_in_process(server, in_process, seeds):
    columns = f'{{"concentrations": {[CONCENTRATIONS] * len(seeds)}, "seed": {seeds}}}'
    outputs = ask(server.rest_url, f'{{"signature_name": "generate", "inputs": {columns}}}')["outputs"]
    assert_same(outputs, in_process(seeds))
    instances = ", ".join(f'{{"concentrations": {CONCENTRATIONS}, "seed": {seed}}}' for seed in seeds)
    rows = ask(server.rest_url, f'{{"signature_name": "generate", "instances": [{instances}]}}')["predictions"]
    assert_same({name: [row[name] for row in rows] for name in rows[0]}, in_process(seeds))


def test_seeds_that_one_double_stands_for_have_different_spectra(in_process):
    """Else the tests above would say nothing."""
    for seed in (2**53 + 1, 2**63 - 1):
        ours, neighbours = in_process([seed])["spectrum"], in_process([seed - 1])["spectrum"]
        assert float(seed) == float(seed - 1)
        assert np.abs(ours - neighbours).max() > 0.1 * np.abs(ours).max()
