"""Geodesics from a served model, exported by this version of the package."""

import numpy as np
import pytest

from mrs_keras import export
from mrs_keras.serving.client import Client
from mrs_keras.serving.client.client import GEODESICS_AT_ONCE
from tests.models.cvae_test import small_model

ROWS = GEODESICS_AT_ONCE + 12


@pytest.fixture(scope="module")
def model():
    return small_model()


@pytest.fixture(scope="module")
def server(model, tmp_path_factory):
    from mrs_keras.serving.server import ModelServer

    folder = tmp_path_factory.mktemp("saved_models")
    export(model, folder)
    with ModelServer(folder, grpc_port=0, rest_port=0) as server:
        yield server


@pytest.fixture(scope="module")
def inputs():
    random = np.random.default_rng(0)
    z = random.normal(size=(2, ROWS, 4)).astype(np.float32)
    concentrations = random.uniform([7.5, 3.0], [17.0, 5.5], (2, ROWS, 2)).astype(np.float32)
    return [*z, *concentrations, random.uniform(size=ROWS).astype(np.float32)]


@pytest.mark.parametrize("api", ["grpc", "rest"])
def test_a_client_gets_the_geodesics_of_the_keras_model_in_several_requests(server, model, inputs, api):
    expected = model.interpolate(*inputs, path="geodesic")["spectrum"]
    with Client(getattr(server, f"{api}_url")) as client:
        requests, send = [], client.predict
        client.predict = lambda *arguments: requests.append(arguments) or send(*arguments)
        received = client.interpolate(*inputs, path="geodesic")["spectrum"]
        few = client.interpolate(*(value[:3] for value in inputs), path="geodesic")["spectrum"]
        straight = client.interpolate(*inputs)["spectrum"]
    largest = np.abs(expected).max()
    assert np.abs(received - expected).max() < 1e-5 * largest
    assert np.abs(few - received[:3]).max() < 1e-6 * largest
    assert np.abs(straight - model.interpolate(*inputs)["spectrum"]).max() < 1e-5 * largest
    rows = [len(request[2]["alpha"]) for request in requests if request[1] == "interpolate_geodesic"]
    assert rows == [GEODESICS_AT_ONCE, 12, 3]


def test_a_client_refuses_an_unknown_path(server, inputs):
    with Client(server.grpc_url) as client, pytest.raises(ValueError, match="Unknown `path`"):
        client.interpolate(*inputs, path="arc")
