"""The signatures of the SavedModels, for servers and other TensorFlow programs."""

import dataclasses
from typing import Any, Protocol

import numpy as np

from mrs_keras.serving.description import ModelDescription, input_kind
from mrs_keras.serving.graph_checks import FINITE, FROM_0_TO_1, Rule, checked, nan_where_wrong, within
from mrs_keras.serving.tensorflow_alone import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class Signature:
    """A signature of an export.

    Attributes:
      name: name of the signature, and of the methods of `CVAE` and of the client.
      folder: folder of its SavedModel.
      inputs: names of the inputs, in order; `input_kind` gives their kinds.
    """

    name: str
    folder: str
    inputs: tuple[str, ...]


INTERPOLATED = ("z_a", "z_b", "concentrations_a", "concentrations_b", "alpha")

SIGNATURES = (
    Signature("encode", "encoder", ("spectrum", "concentrations")),
    Signature("decode", "generator", ("z", "concentrations")),
    Signature("generate", "generator", ("concentrations", "seed")),
    Signature("interpolate", "generator", INTERPOLATED),
    Signature("interpolate_geodesic", "generator", INTERPOLATED),
)
"""All signatures except `describe`, which every folder has; the first of a folder is its default."""

FOLDERS = tuple(dict.fromkeys(signature.folder for signature in SIGNATURES))


class Servable(Protocol):
    """Protocol of a model that can be exported, such as `mrs_keras.CVAE`."""

    description: ModelDescription

    def signature_functions(self) -> dict[str, Any]:
        """Returns name of a signature -> function of a dict of tensors to a dict of tensors."""

    def signature_variables(self) -> dict[str, list]:
        """Returns folder -> the variables that the functions of its signatures read."""


# Every function takes one dict: its keys become the names of the signature's inputs, and `TFSMLayer` can call it.


class ServedModule(tf.Module):
    """The SavedModel of a folder: its signatures with their checks, and `describe`.

    Args:
      folder: one of `FOLDERS`.
      model: trained model.
      description: output of `describe`, with the version and ID of the export.
    """

    def __init__(self, folder: str, model: Servable, description: ModelDescription):
        super().__init__(folder)
        # Keras gives TensorFlow a copy of each variable to save. A SavedModel that tracks the models themselves
        # restores these copies, while its functions read the variables: Python's loader corrects this, but TF-Serving
        # and all other sessions find no value. So track the variables, and hide the models from TensorFlow in closures.
        self.weights = [variable.value for variable in model.signature_variables()[folder]]
        functions = model.signature_functions()
        self._names = [signature.name for signature in SIGNATURES if signature.folder == folder]
        for signature in SIGNATURES:
            if signature.folder == folder:
                setattr(self, signature.name, _graph_of(functions[signature.name], signature.inputs, description))
        self.describe = _describe_function(description)

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        functions = {name: getattr(self, name) for name in self._names}
        return {"serving_default": functions[self._names[0]], **functions, "describe": self.describe}


def _graph_of(function: Any, names: tuple[str, ...], description: ModelDescription):
    """Returns a graph function of a dict with these inputs that checks them first."""
    specs, rules = {}, {}
    for name in names:
        kind = input_kind(name)
        dtype = tf.int64 if kind == "seed" else tf.float32
        specs[name] = tf.TensorSpec((None, *description.shapes[kind]), dtype, name)
        if rule := _rule(kind, description):
            rules[name] = rule

    def graph(inputs):
        passed, right = checked(inputs, rules)
        return nan_where_wrong(function(passed), right)

    return tf.function(graph, input_signature=[specs])


def _rule(kind: str, description: ModelDescription) -> Rule | None:
    if kind == "concentrations":
        return within(description.labels)
    return {"spectrum": FINITE, "z": FINITE, "alpha": FROM_0_TO_1}.get(kind)


def _describe_function(description: ModelDescription):
    """Returns the function that returns the description, once per row of its input.

    TF-Serving and its REST API batch along the first axis and require an input: hence the rows. The input has a
    default, so that gRPC clients and `loaded.describe()` can omit it.
    """
    default = tf.constant([0], tf.int64)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, "row")])
    def describe(row=default):
        rows = tf.shape(checked({"row": row}, {})[0]["row"])
        values = {name: _constant(value) for name, value in description.to_outputs().items()}
        return {name: tf.broadcast_to(value, tf.concat([rows, tf.shape(value)], 0)) for name, value in values.items()}

    return describe


def _constant(value: np.ndarray) -> tf.Tensor:
    return tf.constant(value.tolist(), tf.string) if value.dtype == object else tf.constant(value)
