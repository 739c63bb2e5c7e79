"""Warm-up requests, which TF-Serving runs before a version is available: no user waits for the first run of a graph."""

from pathlib import Path

import numpy as np

from mrs_keras.serving.description import ModelDescription, input_kind
from mrs_keras.serving.tensorflow_alone import tensorflow as tf

WARM_UP = "assets.extra/tf_serving_warmup_requests"
"""Path in the folder of an export where TF-Serving expects them."""

ROWS = (1, 32)
"""Rows of the requests: a single spectrum, and a typical batch of a server."""


def write_warm_up(path: Path, model_name: str, signatures: dict, description: ModelDescription) -> None:
    """Writes requests for each signature, as TFRecord file of TF-Serving's `PredictionLog`.

    Args:
      path: file to write.
      model_name: name under which the model is served.
      signatures: signature name -> function of the SavedModel.
      description: description of the model; the concentrations are the centres of its ranges.
    """
    from tensorflow_serving.apis import predict_pb2, prediction_log_pb2

    with tf.io.TFRecordWriter(str(path)) as writer:
        for signature, function in signatures.items():
            for rows in ROWS:
                request = predict_pb2.PredictRequest()
                request.model_spec.name, request.model_spec.signature_name = model_name, signature
                for spec in tf.nest.flatten(function.input_signature):
                    value = np.zeros((rows, *spec.shape[1:]), spec.dtype.as_numpy_dtype)
                    if input_kind(spec.name) == "concentrations":
                        value += ((description.labels.low + description.labels.high) / 2).astype(value.dtype)
                    request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
                writer.write(log.SerializeToString(deterministic=True))
