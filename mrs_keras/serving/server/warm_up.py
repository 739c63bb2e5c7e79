"""Warm-up: runs the warm-up requests of an export before it becomes available (saved_model_warmup_util.cc)."""

from pathlib import Path

import tensorflow as tf
from google.protobuf.message import DecodeError

from mrs_keras.serving.server.model import LoadedModel
from mrs_keras.serving.server.status import Code, ServingError, as_serving_error, invalid
from mrs_keras.serving.warm_up import WARM_UP

MOST_RECORDS = 1000


def warm_up(model: LoadedModel, path: Path) -> int:
    """Runs the warm-up requests of a version and returns their number, 0 if it has none.

    Args:
      model: model loaded from `path`.
      path: folder of the version.

    Raises:
      ServingError: if a request fails; DATA_LOSS if the file is not a valid TFRecord file; INVALID_ARGUMENT if a record
        cannot be parsed or there are more than 1,000.
    """
    from tensorflow_serving.apis import prediction_log_pb2

    file = path / WARM_UP
    if not file.exists():
        return 0
    count = 0
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            count += 1
            if count > MOST_RECORDS:
                raise invalid(f"Number of warmup records exceeds the maximum ({MOST_RECORDS}) at {file}")
            log = prediction_log_pb2.PredictionLog.FromString(record)
            kind = log.WhichOneof("log_type")
            if kind != "predict_log":
                raise ServingError(Code.UNIMPLEMENTED, f"Unsupported log_type for warmup: {kind}")
            request = log.predict_log.request
            model.predict(request.model_spec.signature_name, request.inputs, request.output_filter, batched=False)
    except DecodeError as error:
        raise invalid(f"Failed to parse warmup record: {count} from {file}") from error
    except tf.errors.DataLossError as error:
        message = f"{error.message}. Please verify your warmup data is in TFRecord format."
        raise ServingError(Code.DATA_LOSS, message) from error
    except tf.errors.OpError as error:
        raise as_serving_error(error) from error
    return count
