"""The gRPC API: `PredictionService` and `ModelService`."""

from concurrent.futures import ThreadPoolExecutor

import grpc
from tensorflow_serving.apis import model_service_pb2_grpc, predict_pb2, prediction_service_pb2_grpc

from mrs_keras.serving.server import answers
from mrs_keras.serving.server.status import as_serving_error
from mrs_keras.serving.server.tensors import to_proto
from mrs_keras.serving.server.versions import ServedModels

THREADS = 64

_CODES = {code.value[0]: code for code in grpc.StatusCode}


def grpc_server(models: ServedModels, max_message_bytes: int) -> grpc.Server:
    """Returns a server with both services, not yet bound to a port.

    Args:
      models: models to serve.
      max_message_bytes: maximum size of a request; gRPC itself rejects a larger one with RESOURCE_EXHAUSTED.
    """
    server = grpc.server(
        ThreadPoolExecutor(THREADS, thread_name_prefix="grpc"),
        options=[
            ("grpc.max_receive_message_length", max_message_bytes),
            ("grpc.max_send_message_length", -1),
            # Otherwise a second server could bind the same port and receive half of the requests.
            ("grpc.so_reuseport", 0),
        ],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(_PredictionService(models), server)
    model_service_pb2_grpc.add_ModelServiceServicer_to_server(_ModelService(models), server)
    return server


def _answer(context, function, *arguments):
    """Returns the result of the function, or aborts the call with its error."""
    try:
        return function(*arguments)
    except Exception as failure:
        error = as_serving_error(failure)
    return context.abort(_CODES[error.code], error.grpc_message)


# Method names are defined by the services.
class _PredictionService(prediction_service_pb2_grpc.PredictionServiceServicer):
    """Predict and GetModelMetadata; Classify, Regress and MultiInference stay UNIMPLEMENTED, as in the base class."""

    def __init__(self, models):
        self._models = models

    def Predict(self, request, context):  # noqa: N802
        return _answer(context, self._predict, request)

    def GetModelMetadata(self, request, context):  # noqa: N802
        return _answer(context, answers.metadata, self._models, request)

    def _predict(self, request):
        ran, outputs = answers.predict(self._models, request.model_spec, request.inputs, request.output_filter)
        response = predict_pb2.PredictResponse(model_spec=ran)
        for name, array in outputs.items():
            response.outputs[name].CopyFrom(to_proto(array))
        return response


class _ModelService(model_service_pb2_grpc.ModelServiceServicer):
    """GetModelStatus; the configuration cannot be changed over the network."""

    def __init__(self, models):
        self._models = models

    def GetModelStatus(self, request, context):  # noqa: N802
        return _answer(context, answers.status, self._models, request)
