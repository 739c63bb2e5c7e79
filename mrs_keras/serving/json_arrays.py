"""Conversion of arrays to JSON and back with orjson, shared by the server and the client of the REST API.

TF-Serving writes a float32 so that it reads back as the same float32, integral values with ".0", and NaN and infinity
by name (json_tensor.cc). orjson does the first two: it writes the shortest such number, TF-Serving 6 digits, or 9 if
needed. JSON parsers go through a double, which changes the last bit of exactly one float32: 7.038531e-26.
"""

import gc
import json
import re
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import orjson

_pausing = threading.Lock()


def write_json(content: Any) -> bytes:
    """Returns JSON of data whose arrays come from `writable`."""
    return orjson.dumps(content, default=_as_lists, option=orjson.OPT_SERIALIZE_NUMPY)


def writable(array: Any) -> Any:
    """Converts an array or a scalar to an object that `write_json` writes as TF-Serving would.

    Args:
      array: array-like of numbers, booleans or strings.
    """
    # NumPy's own strings lose trailing null characters.
    array = np.asarray(array, object if isinstance(array, str) else None, order="C")
    # orjson accepts NumPy scalars, but not 0-d arrays.
    value = array[()]
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return value
    # orjson writes both NaN and infinity as null.
    names = (json.dumps(number).encode() for number in array[~np.isfinite(array)].tolist())
    return orjson.Fragment(re.sub(b"null", lambda _: next(names), write_json(value)))


def read_json(data: bytes, convert: Callable[[Any], Any] = lambda content: content) -> Any:
    """Returns what JSON says, integers of 64 bits exactly.

    Args:
      data: JSON.
      convert: takes the content and returns what is wanted of it, such as arrays. Defaults to the content itself.

    Raises:
      json.JSONDecodeError: if it is not strictly valid JSON, which excludes NaN and trailing data.
    """
    # A spectrum is hundreds of lists. In a process that holds TensorFlow, the garbage collector would go over all its
    # objects again and again because of them, which takes seven times as long as the reading. Lists that are converted
    # here are gone before it looks.
    with _pausing:
        collects = gc.isenabled()
        gc.disable()
        try:
            return convert(orjson.loads(data))
        finally:
            if collects:
                gc.enable()


def _as_lists(value: Any) -> Any:
    """Returns arrays of strings, and of other dtypes that orjson does not support, as lists."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")
