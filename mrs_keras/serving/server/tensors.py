"""Conversion of TensorProtos to arrays and back, with the encoding of TF-Serving."""

import math

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import tensor_pb2, types_pb2

from mrs_keras.serving.server.status import invalid

LARGEST_BYTES = 1 << 30
"""Maximum size of a tensor in a request: a TensorProto of a few bytes can describe a tensor that fills the memory."""

# TF-Serving writes the typed fields, not `tensor_content` (kAsProtoField in predict_util.cc).
_FIELDS = {
    np.dtype(np.float32): "float_val",
    np.dtype(np.float64): "double_val",
    np.dtype(np.int64): "int64_val",
    np.dtype(np.int32): "int_val",
    np.dtype(np.int16): "int_val",
    np.dtype(np.int8): "int_val",
    np.dtype(np.uint8): "int_val",
    np.dtype(np.uint32): "uint32_val",
    np.dtype(np.uint64): "uint64_val",
    np.dtype(np.bool_): "bool_val",
    np.dtype(object): "string_val",
}
_FLOAT_VAL_TAG = bytes([tensor_pb2.TensorProto.FLOAT_VAL_FIELD_NUMBER << 3 | 2])


def dtype_name(dtype: int) -> str:
    """Returns the name of a `DataType` as in TensorFlow's error messages: `float`, `double`, `int64`, `string`."""
    return types_pb2.DataType.Name(dtype).removeprefix("DT_").lower() if dtype else "INVALID"


def to_array(name: str, proto: tensor_pb2.TensorProto) -> np.ndarray:
    """Returns the tensor as an array of its shape and dtype; strings as `bytes` objects.

    Args:
      name: name of the input, for the message.
      proto: tensor of a request.

    Raises:
      ServingError: INVALID_ARGUMENT if it is not a valid tensor, or is larger than 1 GiB.
    """
    try:
        dtype = tf.dtypes.as_dtype(proto.dtype)
        shape = [dim.size for dim in proto.tensor_shape.dim]
        if proto.tensor_shape.unknown_rank or any(size < 0 for size in shape):
            raise ValueError("its shape is not known")
        if math.prod(shape) * max(dtype.size or 0, 1) > LARGEST_BYTES:
            raise ValueError("it is too large")
        array = tf.make_ndarray(proto)
    except (ValueError, TypeError, MemoryError, OverflowError) as error:
        raise invalid(f"tensor parsing error: {name}") from error
    return array


def to_proto(array: np.ndarray) -> tensor_pb2.TensorProto:
    """Returns an array, with strings as objects, as a TensorProto."""
    field = _FIELDS.get(array.dtype)
    if field is None:
        return tf.make_tensor_proto(array)
    proto = tensor_pb2.TensorProto(dtype=tf.dtypes.as_dtype(array.dtype).as_datatype_enum)
    for size in array.shape:
        proto.tensor_shape.dim.add(size=size)
    if field == "float_val":
        # The wire format of a packed field equals the array's memory. Adding single numbers takes 30 times as long.
        content = np.ascontiguousarray(array, "<f4").tobytes()
        proto.MergeFromString(_FLOAT_VAL_TAG + _varint(len(content)) + content)
    else:
        getattr(proto, field).extend(array.ravel().tolist())
    return proto


def _varint(number: int) -> bytes:
    """Encodes a number as a protobuf varint: 7 bits per byte, lowest first."""
    output = bytearray()
    while number > 127:
        output.append(number & 127 | 128)
        number >>= 7
    output.append(number)
    return bytes(output)
