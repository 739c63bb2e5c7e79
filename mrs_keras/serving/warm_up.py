"""Warm-up requests: what TF-Serving runs before a version answers, so that no user waits for a graph's first run."""

from pathlib import Path

import numpy as np

from mrs_keras.serving.description import ModelDescription, input_kind
from mrs_keras.serving.tensorflow_alone import tensorflow as tf

WARM_UP = "assets.extra/tf_serving_warmup_requests"
"""Where TF-Serving looks for them in the folder of an export."""

ROWS = (1, 32)
"""Rows of the requests: a user's one spectrum, and a batch as servers make them."""


def write_warm_up(path: Path, model_name: str, signatures: dict, description: ModelDescription) -> None:
    """Writes requests to each signature, TFRecord of TF-Serving's `PredictionLog`.

    Args:
      path: file to write.
      model_name: name that the model is served under.
      signatures: signature name -> function of the SavedModel.
      description: of the model; it gives the concentrations, in the middle of their ranges.
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
                        value += np.mean(description.labels.ranges, axis=1).astype(value.dtype)
                    request.inputs[spec.name].CopyFrom(tf.make_tensor_proto(value))
                log = prediction_log_pb2.PredictionLog(predict_log=prediction_log_pb2.PredictLog(request=request))
                writer.write(log.SerializeToString(deterministic=True))
