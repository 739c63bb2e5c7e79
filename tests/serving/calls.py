"""Bare calls of a server, without the client of the package: what is tested is what goes over the wire."""

import json

import grpc
import numpy as np
import tensorflow as tf
import urllib3
from tensorflow_serving.apis import (
    get_model_metadata_pb2,
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.conftest import REPOSITORY

SAVED_MODELS = REPOSITORY / "saved_models"


def rows_for(name: str, rows: int, seed: int = 0) -> np.ndarray:
    """Values that the pretrained models take for an input of this name."""
    random = np.random.default_rng([seed, *name.encode()])
    if name.startswith("concentrations"):
        return random.uniform([7.5, 3.0], [17.0, 5.5], (rows, 2)).astype(np.float32)
    if name == "seed":
        return random.integers(-(2**63), 2**63 - 1, rows)
    if name == "row":
        return np.arange(rows)
    shape = {"spectrum": (rows, 252, 2), "alpha": (rows,)}.get(name, (rows, 16))
    return random.uniform(0, 1, shape).astype(np.float32)


def decode_in_rows(**changed) -> dict:
    """A REST request to `decode` of two rows, whose second has these inputs instead."""
    row = {"z": [0.5] * 16, "concentrations": [12.0, 4.5]}
    return {"signature_name": "decode", "instances": [row, {**row, **changed}]}


class Calls:
    """Calls of one server over both APIs."""

    def __init__(self, server):
        self.channel = grpc.insecure_channel(
            server.grpc_url.removeprefix("grpc://"), [("grpc.max_receive_message_length", -1)]
        )
        self.prediction = prediction_service_pb2_grpc.PredictionServiceStub(self.channel)
        self.model = model_service_pb2_grpc.ModelServiceStub(self.channel)
        self.http = urllib3.PoolManager(maxsize=32, retries=False)
        self.rest_url = server.rest_url

    def close(self):
        self.channel.close()
        self.http.clear()

    def predict(self, model, signature, inputs, version=None, outputs=()) -> dict:
        """Returns output name -> array of a gRPC call; raises `grpc.RpcError`."""
        request = predict_pb2.PredictRequest(output_filter=outputs)
        self.fill(request.model_spec, model, version)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = self.prediction.Predict(request, timeout=60)
        self.spec = response.model_spec
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def status(self, model, version=None) -> dict:
        """Returns version -> state and status of a gRPC call."""
        request = get_model_status_pb2.GetModelStatusRequest()
        self.fill(request.model_spec, model, version)
        entries = self.model.GetModelStatus(request, timeout=60).model_version_status
        return {entry.version: entry for entry in entries}

    def metadata(self, model, version=None, fields=("signature_def",)):
        request = get_model_metadata_pb2.GetModelMetadataRequest(metadata_field=fields)
        self.fill(request.model_spec, model, version)
        return self.prediction.GetModelMetadata(request, timeout=60)

    def rest(self, method, path, body=None, **options):
        """Returns status and JSON of a REST call; a body that is no text or bytes is written as JSON."""
        if body is not None and not isinstance(body, str | bytes):
            body = json.dumps(body)
        response = self.http.request(method, self.rest_url + path, body=body, **options)
        assert response.headers["Content-Type"] == "application/json"
        return response.status, json.loads(response.data)

    @staticmethod
    def fill(spec, model, version):
        spec.name = model
        if version is not None:
            spec.version.value = version
