"""Transport over the gRPC API of TF-Serving."""

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    get_model_status_pb2,
    model_service_pb2_grpc,
    predict_pb2,
    prediction_service_pb2_grpc,
)

from mrs_keras.serving.client.errors import ServingError

OPTIONS = (
    # gRPC's default limit of 4 MiB corresponds to 2,016 rows of `generate`.
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    # Reconnect to a restarted server quickly, not after gRPC's two minutes.
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.min_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 2000),
)


class GrpcTransport:
    """Sends requests over one channel; thread-safe.

    Args:
      address: `"host:port"`.
      secure: whether to use TLS, with gRPC's default root certificates.
    """

    def __init__(self, address: str, secure: bool):
        self._channel = (
            grpc.secure_channel(address, grpc.ssl_channel_credentials(), OPTIONS)
            if secure
            else grpc.insecure_channel(address, OPTIONS)
        )
        self._predictions = prediction_service_pb2_grpc.PredictionServiceStub(self._channel)
        self._models = model_service_pb2_grpc.ModelServiceStub(self._channel)

    def predict(
        self, model: str, version: int | None, signature: str, inputs: dict[str, np.ndarray], timeout_s: float
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature, without retries; raises `ServingError`."""
        request = predict_pb2.PredictRequest()
        _name(request.model_spec, model, version)
        request.model_spec.signature_name = signature
        for name, value in inputs.items():
            request.inputs[name].CopyFrom(tf.make_tensor_proto(value))
        response = _call(self._predictions.Predict, request, timeout_s)
        return {name: tf.make_ndarray(value) for name, value in response.outputs.items()}

    def available_versions(self, model: str, timeout_s: float) -> list[int]:
        """Returns the available versions of a model; raises `ServingError`."""
        request = get_model_status_pb2.GetModelStatusRequest()
        _name(request.model_spec, model, None)
        response = _call(self._models.GetModelStatus, request, timeout_s)
        available = get_model_status_pb2.ModelVersionStatus.AVAILABLE
        return [status.version for status in response.model_version_status if status.state == available]

    def close(self) -> None:
        self._channel.close()


def _name(model_spec, model: str, version: int | None) -> None:
    model_spec.name = model
    if version is not None:
        model_spec.version.value = version


def _call(method, request, timeout_s: float):
    try:
        return method(request, timeout=timeout_s)
    except grpc.RpcError as error:
        code, detail = error.code().name, error.details() or ""
        # A broken connection can surface as any of these.
        lost = code in ("INTERNAL", "UNKNOWN") and ("RST_STREAM" in detail or "Stream removed" in detail)
        raise ServingError("UNAVAILABLE" if lost else code, detail) from error
