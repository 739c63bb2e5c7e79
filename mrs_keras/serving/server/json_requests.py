"""Parsing of REST prediction requests, in rows (`instances`) or columns (`inputs`): json_tensor.cc of TF-Serving."""

import json
from collections.abc import Mapping

import numpy as np
from tensorflow.core.protobuf import meta_graph_pb2

from mrs_keras.serving.json_arrays import read_json
from mrs_keras.serving.server.json_tensors import debug_string, is_base64, tensor
from mrs_keras.serving.server.status import ServingError, invalid

TensorInfos = Mapping[str, meta_graph_pb2.TensorInfo]


def parse(body: bytes) -> dict:
    """Returns the JSON object at the start of a body; anything after it is ignored, as in TF-Serving.

    Raises:
      ServingError: INVALID_ARGUMENT if there is none.
    """
    if not body:
        raise invalid("JSON Parse error: The document is empty")
    try:
        document = _parse(body)
    except json.JSONDecodeError as error:
        raise invalid(f"JSON Parse error: {error.msg} at offset: {error.pos}") from error
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise invalid(f"JSON Parse error: {error}") from error
    if not isinstance(document, dict):
        raise _wrong(document, "Is not object")
    return document


def _parse(body: bytes):
    try:
        return read_json(body)
    except json.JSONDecodeError:
        # TF-Serving also accepts NaN and infinity, and stops at the end of the first value.
        return json.JSONDecoder().raw_decode(body.decode().lstrip())[0]


def read_signature_name(document: dict) -> str:
    """Returns the name of the signature; empty if the request has none."""
    name = document.get("signature_name", "")
    # A lone surrogate is valid in JSON, but not in a protobuf string.
    if not isinstance(name, str) or any("\ud800" <= letter <= "\udfff" for letter in name):
        raise _wrong(document, "not formatted correctly. 'signature_name' key must be a string value.")
    return name


def read_inputs(document: dict, infos: TensorInfos, strict: bool) -> tuple[dict[str, np.ndarray], bool]:
    """Returns input name -> array, and whether the request is in rows, as the response then is.

    Args:
      document: result of `parse`.
      infos: input name -> `TensorInfo` of the signature.
      strict: whether to check every value: required if there may be booleans, which NumPy treats as numbers.

    Raises:
      ServingError: INVALID_ARGUMENT if the request does not match the signature.
    """
    if "instances" in document and "inputs" in document:
        raise _wrong(document, "Not formatted correctly expecting only one of 'inputs' or 'instances' keys to exist ")
    try:
        if "instances" in document:
            rows = document["instances"]
            if not isinstance(rows, list):
                raise _wrong(document, "Expecting 'instances' to be an list/array")
            if not rows:
                raise _wrong(document, "No values in 'instances' array")
            return _from_rows(rows, infos, strict), True
        if "inputs" in document:
            return _from_columns(document["inputs"], infos, strict), False
    except RecursionError as error:
        raise invalid("JSON Value: lists are nested too deeply") from error
    raise invalid("Missing 'inputs' or 'instances' key")


def _wrong(value, message: str) -> ServingError:
    return invalid(f"JSON Value: {debug_string(value)} {message}")


def _is_row_object(value) -> bool:
    return isinstance(value, dict) and not is_base64(value)


def _from_rows(rows: list, infos: TensorInfos, strict: bool) -> dict[str, np.ndarray]:
    names = sorted(infos)
    if not isinstance(rows[0], dict) and len(names) > 1:
        raise invalid(
            "instances is a plain list, but expecting list of objects as multiple input tensors required as per "
            "tensorinfo_map"
        )
    objects = _is_row_object(rows[0])
    for index, row in enumerate(rows):
        if objects and not _is_row_object(row):
            raise invalid(f"Expecting object but got list at item {index} of input list")
        if not objects and _is_row_object(row):
            raise invalid(f"Expecting value/list but got object at item {index} of input list")
        if objects and row.keys() != infos.keys():
            for name in row.keys() - infos.keys():
                raise invalid(
                    f"Failed to process element: {index} key: {name} of 'instances' list. "
                    f"Error: INVALID_ARGUMENT: JSON object: does not have named input: {name}"
                )
            raise invalid(
                f"Failed to process element: {index} of 'instances' list. JSON object: {debug_string(row)} keys must "
                f"be equal to: {','.join(names)}"
            )
    columns = {name: [row[name] for row in rows] for name in names} if objects else {names[0]: rows}
    return {
        name: _stacked(name if objects else None, column, infos[name].dtype, strict) for name, column in columns.items()
    }


def _stacked(name: str | None, column: list, dtype: int, strict: bool) -> np.ndarray:
    """Returns one input of all rows as an array of shape (rows, ...)."""
    try:
        return tensor(column, dtype, strict)
    except ServingError:
        # Find the row that caused it.
        first = None
        for index, value in enumerate(column):
            where = f"Failed to process element: {index}{'' if name is None else f' key: {name}'} of 'instances' list."
            try:
                array = tensor(value, dtype, strict)
            except ServingError as error:
                raise invalid(f"{where} Error: INVALID_ARGUMENT: {error.message}") from error
            first = array if first is None else first
            if array.size != first.size:
                message = f"Expecting tensor size: {first.size} but got: {array.size}"
                raise invalid(f"{where} Error: INVALID_ARGUMENT: {message}") from None
            if array.shape != first.shape:
                message = f"Expecting shape {list(first.shape)} but got: {list(array.shape)}"
                raise invalid(f"{where} Error: INVALID_ARGUMENT: {message}") from None
        raise


def _from_columns(value, infos: TensorInfos, strict: bool) -> dict[str, np.ndarray]:
    if not _is_row_object(value):
        if len(infos) > 1:
            raise invalid(
                "inputs is a plain value/list, but expecting an object as multiple input tensors required as per "
                "tensorinfo_map"
            )
        return {name: tensor(value, info.dtype, strict) for name, info in infos.items()}
    for name in sorted(infos):
        if name not in value:
            raise invalid(f"Missing named input: {name} in 'inputs' object.")
    # Names that the signature does not have are ignored, as in TF-Serving.
    return {name: tensor(value[name], info.dtype, strict) for name, info in infos.items()}
