"""Arrays as JSON and back, by orjson: what server and client of the REST API have in common.

TF-Serving writes a float32 so that it reads back as the same float32, whole numbers with ".0", and NaN and infinity by
their names (json_tensor.cc). orjson does the first two: it takes the shortest such number, where TF-Serving takes 6
digits, or 9 where 6 are not enough. Readers of JSON go through a double, which costs one float32 alone its last bit:
7.038531e-26.
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
    """Returns what `write_json` writes for an array, or a scalar, as TF-Serving would.

    Args:
      array: array-like of numbers, booleans or strings.
    """
    # NumPy's own strings lose zeros at their end.
    array = np.asarray(array, object if isinstance(array, str) else None, order="C")
    # orjson takes scalars of NumPy, and no array without axes.
    value = array[()]
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return value
    # It writes null for NaN and infinity alike.
    names = (json.dumps(number).encode() for number in array[~np.isfinite(array)].tolist())
    return orjson.Fragment(re.sub(b"null", lambda _: next(names), write_json(value)))


def read_json(data: bytes, convert: Callable[[Any], Any] = lambda content: content) -> Any:
    """Returns what JSON says, integers of 64 bits exactly.

    Args:
      data: JSON.
      convert: takes the content and returns what is wanted of it, such as arrays. Defaults to the content itself.

    Raises:
      json.JSONDecodeError: if it is not JSON in the strict sense, which knows no NaN and nothing after its end.
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
    """Returns arrays of strings, and of other types that orjson does not know, as lists."""
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    raise TypeError(f"Type is not JSON serializable: {type(value).__name__}")
