"""Tensors as JSON values, read and written as in TF-Serving's json_tensor.cc."""

import base64
import binascii
import json

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

from mrs_keras.serving.json_arrays import writable, write_json
from mrs_keras.serving.server.status import Code, ServingError, invalid
from mrs_keras.serving.server.tensors import dtype_name

_SHOWN = 256
_FLOATS = (types_pb2.DT_FLOAT, types_pb2.DT_DOUBLE)
_INTEGERS = {
    # Narrower types are read as int32.
    **dict.fromkeys((types_pb2.DT_INT32, types_pb2.DT_INT16, types_pb2.DT_INT8, types_pb2.DT_UINT8), np.int32),
    types_pb2.DT_INT64: np.int64,
    types_pb2.DT_UINT32: np.uint32,
    types_pb2.DT_UINT64: np.uint64,
}


def debug_string(value) -> str:
    """Returns the beginning of a JSON value, for messages."""
    parts, length = [], 0
    for part in json.JSONEncoder().iterencode(value):
        parts.append(part)
        length += len(part)
        if length >= _SHOWN:
            break
    return "".join(parts)[:_SHOWN]


def is_base64(value) -> bool:
    """Returns whether a value encodes bytes: `{"b64": "..."}`."""
    return isinstance(value, dict) and value.keys() == {"b64"} and isinstance(value["b64"], str)


def tensor(value, dtype: int, strict: bool) -> np.ndarray:
    """Returns a JSON value, nested lists or a scalar, as an array.

    Args:
      value: result of `json.loads`.
      dtype: `DataType` of the array; numbers are neither rounded to integers nor read from strings.
      strict: whether to check every value: required if there may be booleans, which NumPy treats as 0 and 1.

    Raises:
      ServingError: INVALID_ARGUMENT if lists are ragged or a value has the wrong type.
    """
    array = None if strict else _quick(value, dtype)
    if array is None:
        shape = []
        inner = value
        while isinstance(inner, list):
            shape.append(len(inner))
            if not inner:
                break
            inner = inner[0]
        leaves = []
        _collect(value, 0, shape, dtype, leaves)
        array = np.empty(len(leaves), tf.dtypes.as_dtype(dtype).as_numpy_dtype)
        with np.errstate(over="ignore"):
            array[:] = leaves
        array = array.reshape(shape)
    return array


def _quick(value, dtype: int) -> np.ndarray | None:
    """Returns numbers as NumPy reads them, or `None` if each value must be checked."""
    if dtype not in _FLOATS and dtype not in _INTEGERS:
        return None
    try:
        array = np.asarray(value)
    except (ValueError, OverflowError):
        return None
    target = tf.dtypes.as_dtype(dtype).as_numpy_dtype
    if dtype in _FLOATS:
        if array.dtype.kind not in "fiu":
            return None
        # A number that is too large becomes infinite, as in C++; the model rejects it.
        with np.errstate(over="ignore"):
            return array.astype(target)
    return array.astype(target) if np.can_cast(array.dtype, target) or not array.size else None


def _collect(value, level, shape, dtype, leaves) -> None:
    """Appends the values of nested lists of this shape to `leaves`."""
    if not isinstance(value, list):
        if level != len(shape):
            raise invalid(
                f"JSON Value: {debug_string(value)} found at incorrect level: {level + 1} in the JSON DOM. "
                f"Expected at level: {len(shape)}"
            )
        leaves.append(_leaf(value, dtype))
        return
    if level >= len(shape):
        raise invalid(f"Encountered list at unexpected level: {level} expected < {len(shape)}")
    if len(value) != shape[level]:
        raise invalid(
            f"Encountered list at unexpected size: {len(value)} at level: {level} expected size: {shape[level]}"
        )
    for item in value:
        _collect(item, level + 1, shape, dtype, leaves)


def _leaf(value, dtype):
    """Returns one element of a tensor."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if dtype in _FLOATS and number:
        try:
            return float(value)
        except OverflowError:
            return float("inf") if value > 0 else float("-inf")
    if dtype in _INTEGERS and number and isinstance(value, int):
        limits = np.iinfo(_INTEGERS[dtype])
        if limits.min <= value <= limits.max:
            return value
    if dtype == types_pb2.DT_STRING:
        if is_base64(value):
            try:
                return base64.b64decode(value["b64"], validate=True)
            except binascii.Error as error:
                raise invalid("Unable to base64 decode") from error
        if isinstance(value, dict):
            raise invalid(f"JSON Value: {debug_string(value)} not formatted correctly for base64 data")
        if isinstance(value, str):
            return value.encode()
    if dtype == types_pb2.DT_BOOL and isinstance(value, bool):
        return value
    if dtype not in (*_FLOATS, *_INTEGERS, types_pb2.DT_STRING, types_pb2.DT_BOOL):
        message = f"Conversion of JSON Value: {debug_string(value)} to type: {dtype_name(dtype)}"
        raise ServingError(Code.UNIMPLEMENTED, message)
    kind = "Number" if number else {bool: str(value), dict: "Object", str: "String"}.get(type(value), "Null")
    raise invalid(f"JSON Value: {debug_string(value)} Type: {kind} is not of expected type: {dtype_name(dtype)}")


def write_answer(outputs: dict[str, np.ndarray], in_rows: bool) -> bytes:
    """Returns the JSON of a response; a single output has no name.

    Args:
      outputs: name -> array.
      in_rows: whether to write `predictions` with one value per row, or `outputs` with one value per output.

    Raises:
      ServingError: INVALID_ARGUMENT if `in_rows` and the outputs have no common first axis.
    """
    texts = {name: _as_text(name, array) for name, array in outputs.items()}
    if not in_rows:
        return write_json({"outputs": _bare_or_named({name: writable(array) for name, array in texts.items()})})
    for name, array in texts.items():
        if array.ndim == 0:
            raise invalid(f"Tensor name: {name} has no shape information ")
    if len({len(array) for array in texts.values()}) > 1:
        raise invalid("Tensors have inconsistent batch size")
    rows = zip(*(map(writable, array) for array in texts.values()), strict=True)
    return write_json({"predictions": [_bare_or_named(dict(zip(texts, row, strict=True))) for row in rows]})


def _bare_or_named(values: dict):
    return next(iter(values.values())) if len(values) == 1 else values


def _as_text(name: str, array: np.ndarray) -> np.ndarray:
    """Converts TensorFlow strings, which are bytes, to their JSON form; returns other arrays unchanged."""
    array = np.asarray(array)
    if array.dtype != object:
        return array
    binary = name.endswith("_bytes")
    texts = np.empty(array.shape, object)
    for index, value in np.ndenumerate(array):
        texts[index] = {"b64": base64.b64encode(value).decode()} if binary else value.decode(errors="replace")
    return texts
