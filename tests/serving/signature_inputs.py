"""Inputs for any signature of an export, made from their names, types and shapes."""

import json
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tests.conftest import REPOSITORY

SAVED_MODELS = {name: REPOSITORY / "saved_models" / name / "2" for name in ("encoder", "generator")}
"""Name -> folder of the pretrained pair."""


def inputs_for(specs: Mapping[str, tuple[np.dtype, Sequence]], rows: int = 5, seed: int = 0) -> dict[str, np.ndarray]:
    """Draws inputs that a signature accepts.

    Args:
      specs: name of the input -> its type and its shape, batch axis first.
      rows: size of the batch axis.
      seed: of the draw.
    """
    extra = json.loads((SAVED_MODELS["generator"] / "assets.extra" / "mrs_keras.json").read_text())
    low, high = np.array(extra["concentration_range_mm"]).T
    random = np.random.default_rng(seed)
    inputs = {}
    for name, (dtype, shape) in sorted(specs.items()):
        size = (rows, *map(int, shape[1:]))
        if name.startswith("concentrations"):
            value = random.uniform(low, high, size)
        elif name == "alpha":
            value = random.uniform(size=size)
        elif np.issubdtype(dtype, np.integer):
            value = random.integers(0, 2**62, size)
        else:
            value = random.normal(size=size)
        inputs[name] = value.astype(dtype)
    return inputs


def inputs_of(signature, rows: int = 5) -> dict[str, tf.Tensor]:
    """Draws inputs that a signature of a module from `tf.saved_model.load` accepts."""
    specs = signature.structured_input_signature[1]
    drawn = inputs_for({name: (spec.dtype.as_numpy_dtype, spec.shape) for name, spec in specs.items()}, rows)
    return {name: tf.constant(value) for name, value in drawn.items()}


def with_wrong_rows(inputs: Mapping[str, np.ndarray]) -> dict[str, dict[str, np.ndarray]]:
    """Returns what is wrong -> the same inputs of a signature with its row 1 so that it must be refused."""
    wrong = {}
    for name, values in inputs.items():
        bounded = name.startswith(("concentrations", "alpha"))
        for value in (np.nan, np.inf, *([99.0] if bounded else [])):
            if np.issubdtype(values.dtype, np.floating):
                changed = np.array(values)
                changed.reshape(len(values), -1)[1, -1] = value
                wrong[f"{name} {value}"] = {**inputs, name: changed}
    return wrong


def rows_beside_nan(received: Mapping[str, np.ndarray], expected: Mapping[str, np.ndarray]) -> float:
    """Returns the difference of all rows but row 1, which must be NaN and nothing else; infinity where it is not."""
    if set(received) != set(expected) or not all(np.isnan(value[1]).all() for value in received.values()):
        return np.inf
    return max(difference(np.delete(received[k], 1, 0), np.delete(expected[k], 1, 0)) for k in expected)


def difference(received: np.ndarray, expected: np.ndarray) -> float:
    """Returns the largest difference by the largest value; of strings 0, or infinity where one differs."""
    if received.shape != expected.shape:
        return np.inf
    if expected.dtype.kind in "OSU":
        return 0.0 if np.array_equal(received.astype(bytes), expected.astype(bytes)) else np.inf
    return float(np.abs(received - expected).max() / max(np.abs(expected).max(), 1e-30))
