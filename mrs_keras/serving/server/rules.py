"""Validation of requests as in TF-Serving: signatures, inputs and outputs (predict_util.cc, saved_model/util.cc)."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from tensorflow.core.framework import tensor_pb2
from tensorflow.core.protobuf import meta_graph_pb2

from mrs_keras.serving.server.status import Code, ServingError, invalid
from mrs_keras.serving.server.tensors import dtype_name, to_array

DEFAULT_SIGNATURE = "serving_default"
_METHODS = ("tensorflow/serving/predict", "tensorflow/serving/classify", "tensorflow/serving/regress")


@dataclasses.dataclass(frozen=True)
class Run:
    """What a session must run for a request.

    Args:
      feeds: names of the input tensors in the graph.
      values: values of `feeds`.
      fetches: names of the output tensors in the graph.
      outputs: names of `fetches` in the signature.
    """

    feeds: tuple[str, ...]
    values: list[np.ndarray]
    fetches: tuple[str, ...]
    outputs: tuple[str, ...]


def plan(
    signatures: Mapping[str, meta_graph_pb2.SignatureDef],
    signature_name: str,
    inputs: Mapping[str, tensor_pb2.TensorProto | np.ndarray],
    output_filter: Sequence[str] = (),
) -> Run:
    """Validates a request and returns what to run for it.

    Args:
      signatures: signatures of the model.
      signature_name: as in the request; empty for `serving_default`.
      inputs: name -> tensor.
      output_filter: outputs to return. Defaults to `()`: all.

    Raises:
      ServingError: FAILED_PRECONDITION for an unknown signature, INVALID_ARGUMENT for inputs or outputs that are
        missing, unknown, of the wrong dtype, or named twice.
    """
    name = signature_name or DEFAULT_SIGNATURE
    if name not in signatures:
        raise ServingError(Code.FAILED_PRECONDITION, f'Serving signature key "{name}" not found.')
    signature = signatures[name]
    if signature.method_name not in _METHODS:
        raise ServingError(
            Code.INTERNAL,
            f"Expected prediction signature method_name to be one of {{{', '.join(_METHODS)}}}. "
            f"Was: {signature.method_name}",
        )
    feeds = _feeds(signature, inputs)
    outputs = _outputs(signature, output_filter)
    return Run(
        tuple(feeds),
        list(feeds.values()),
        tuple(signature.outputs[output].name for output in outputs),
        outputs,
    )


def _feeds(signature, inputs) -> dict[str, np.ndarray]:
    """Returns feed name -> value, including defaults."""
    known, given = sorted(signature.inputs), sorted(inputs)
    if len(given) > len(known) or (len(given) < len(known) and not signature.defaults):
        extra, missing = ([name for name in a if name not in b] for a, b in ((given, known), (known, given)))
        raise invalid(
            f"input size does not match signature: {len(given)}!={len(known)} len({{{','.join(given)}}}) != "
            f"len({{{','.join(known)}}}). Sent extra: {{{','.join(extra)}}}. "
            f"Missing but required: {{{','.join(missing)}}}."
        )
    feeds, used = {}, []
    for name in known:
        info = signature.inputs[name]
        if name in inputs:
            value = inputs[name]
            used.append(name)
        elif name in signature.defaults:
            value = signature.defaults[name]
        else:
            raise invalid(
                f"Signature input alias: {name}(feed name: {info.name}) not found in request and no default value "
                f"provided. Inputs expected to be in the request {{{','.join(given)}}}, or default input alias set: "
                f"{','.join(sorted(signature.defaults))}"
            )
        if not isinstance(value, np.ndarray):
            # TF-Serving leaves the dtype check to the session, or to the concatenation of a batch, which then fails as
            # a whole. Here only the request with the wrong dtype fails, with the message of the session.
            dtype, value = value.dtype, to_array(name, value)
            if dtype != info.dtype:
                raise invalid(
                    f"Expects arg[{len(feeds)}] to be {dtype_name(info.dtype)} but {dtype_name(dtype)} is provided"
                )
        feeds[info.name] = value
    if len(used) != len(given):
        raise invalid(
            f"Inputs contains invalid name. Used request inputs: {','.join(used)}, request input: {','.join(given)}"
        )
    return feeds


def _outputs(signature, output_filter) -> tuple[str, ...]:
    """Returns the names of the requested outputs."""
    seen = []
    for name in output_filter:
        if name not in signature.outputs:
            raise invalid(
                f"output tensor alias not found in signature: {name} Outputs expected to be in the set "
                f"{{{','.join(sorted(signature.outputs))}}}."
            )
        if name in seen:
            raise invalid(f"duplicate output tensor alias: {name}")
        seen.append(name)
    return tuple(seen or sorted(signature.outputs))


def batch_rows(values: Sequence[np.ndarray]) -> int:
    """Returns the number of rows of a request to a batching server (batching_util.h).

    Raises:
      ServingError: INVALID_ARGUMENT if there are no inputs, or they do not have a common first axis.
    """
    if not values:
        raise invalid("Batching Run() must have at least one input tensor")
    if any(value.ndim == 0 for value in values):
        raise invalid("Batching Run() input tensors must have at least one dimension")
    if len({len(value) for value in values}) > 1:
        raise invalid("Batching Run() input tensors must have equal 0th-dimension size")
    return len(values[0])
