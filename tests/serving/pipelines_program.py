"""Runs the README's examples of tf.data, Keras and TensorFlow Lite, and prints how far they are off, as JSON.

To be run in a process of its own from the root of the repository, with TensorFlow and without this package.
"""

import json
import os
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

from tests.conftest import REPOSITORY
from tests.serving.readme_blocks import python_blocks
from tests.serving.signature_inputs import SAVED_MODELS, difference, inputs_of, rows_beside_nan, with_wrong_rows


def run_block(heading: str) -> dict:
    """Runs the one block below a heading, and returns what it leaves."""
    (block,) = python_blocks(heading)
    namespace = {}
    exec(block, namespace)
    return namespace


def stack(dataset: tf.data.Dataset) -> np.ndarray:
    """Returns the spectra of a dataset of single examples."""
    return np.stack([row["spectrum"] for row in dataset.as_numpy_iterator()])


def tf_data() -> dict:
    """Compares rows of the stage with those of one direct call."""
    example = run_block("tf.data")
    wishes = tf.data.Dataset.range(200).map(example["wanted"])
    direct = example["with_spectrum"](next(iter(wishes.batch(200))))["spectrum"].numpy()
    off = {"as printed": difference(stack(example["generated"](0, 200)), direct)}
    for batch in (1, 7, 200):
        mapped = wishes.batch(batch).map(example["with_spectrum"], num_parallel_calls=4).unbatch()
        off[f"batch of {batch}"] = difference(stack(mapped), direct)
    once, twice = (stack(example["mixed"].unbatch()) for _ in range(2))
    off["every second of the mixed"] = difference(once[1::2], direct)
    off["the others"] = difference(once[::2], stack(example["existing"]))
    return {"off": off, "same twice": bool(np.array_equal(once, twice))}


def layers(modules: dict) -> dict:
    """Compares a layer per signature with the signature, and returns what the classifier learned."""
    off = {}
    for name, module in modules.items():
        for key, signature in module.signatures.items():
            # Strings are nothing for Keras, and it calls `serving_default` without the names of its inputs.
            if key in ("describe", "serving_default"):
                continue
            layer = keras.layers.TFSMLayer(str(SAVED_MODELS[name]), call_endpoint=key)
            inputs = inputs_of(signature)
            received, expected = layer(inputs), signature(**inputs)
            assert set(received) == set(expected)
            off[f"{name} {key}"] = max(difference(received[k].numpy(), v.numpy()) for k, v in expected.items())
    example = run_block("Keras")
    pretrained = keras.layers.TFSMLayer(str(SAVED_MODELS["generator"]), call_endpoint="generate").get_weights()
    frozen = bool(pretrained) and all(
        np.array_equal(a, b) for a, b in zip(example["generator"].get_weights(), pretrained, strict=True)
    )
    return {"off": off, "frozen": frozen, **{name: float(example[name]) for name in ("loss", "accuracy")}}


def tensorflow_lite(modules: dict) -> dict:
    """Compares converted signatures with the signatures, wrong rows too, and returns what converts."""
    result = {"off": {}, "wrong rows": {}}
    for name, key in (("generator", "decode"), ("encoder", "encode"), ("generator", "interpolate")):
        signature = modules[name].signatures[key]
        converter = tf.lite.TFLiteConverter.from_concrete_functions([signature], modules[name])
        content = run_block("TensorFlow Lite")["lite"] if key == "decode" else converter.convert()
        for rows in (1, 5):
            inputs = inputs_of(signature, rows)
            interpreter = tf.lite.Interpreter(model_content=content)
            for place in interpreter.get_input_details():
                value = inputs[place["name"].removeprefix("serving_default_").partition(":")[0]]
                interpreter.resize_tensor_input(place["index"], value.shape)
            run = interpreter.get_signature_runner()
            received, expected = run(**{k: v.numpy() for k, v in inputs.items()}), signature(**inputs)
            off = max(difference(received[k], v.numpy()) for k, v in expected.items())
            result["off"][f"{key} of {rows}"] = off
        expected = {k: v.numpy() for k, v in expected.items()}
        for what, wrong in with_wrong_rows({k: v.numpy() for k, v in inputs.items()}).items():
            result["wrong rows"][f"{key}, {what}"] = rows_beside_nan(run(**wrong), expected)
    generate = modules["generator"].signatures["generate"]
    try:
        tf.lite.TFLiteConverter.from_concrete_functions([generate], modules["generator"]).convert()
        result["generate"] = "converted"
    except Exception as error:
        result["generate"] = str(error)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([generate], modules["generator"])
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
    result["bytes of generate"] = len(converter.convert())
    return result


if __name__ == "__main__":
    modules = {name: tf.saved_model.load(str(path)) for name, path in SAVED_MODELS.items()}
    # The examples name files by relative paths, and some leave one.
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(REPOSITORY / "saved_models", f"{folder}/saved_models")
        os.chdir(folder)
        numbers = {"tf.data": tf_data(), "Keras": layers(modules), "TensorFlow Lite": tensorflow_lite(modules)}
    assert "mrs_keras" not in sys.modules
    print(json.dumps(numbers))
