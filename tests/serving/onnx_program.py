"""Runs the README's example of ONNX, converts the other signatures by it, and prints how far they are off, as JSON.

To be run in a process of its own, with TensorFlow, tf2onnx and onnxruntime, and without this package.
"""

import json
import os
import sys
import tempfile

import numpy as np
import onnxruntime
import tensorflow as tf
import tf2onnx

from tests.conftest import REPOSITORY
from tests.serving.readme_blocks import python_blocks
from tests.serving.signature_inputs import SAVED_MODELS, difference, inputs_of, rows_beside_nan, with_wrong_rows


def convert(signature, convert_erfc) -> onnxruntime.InferenceSession:
    """Converts a signature as the README does."""
    specs = list(signature.structured_input_signature[1].values())
    names = [spec.name for spec in specs]
    model, _ = tf2onnx.convert.from_function(
        tf.function(lambda *values: signature(**dict(zip(names, values, strict=True)))),
        input_signature=specs,
        opset=18,
        custom_op_handlers={"Erfc": (convert_erfc, [])},
    )
    for unused in [value for value in model.graph.input if value.name not in names]:
        model.graph.input.remove(unused)
    return onnxruntime.InferenceSession(model.SerializeToString())


def run(session: onnxruntime.InferenceSession, inputs: dict) -> dict[str, np.ndarray]:
    """Returns output name -> array."""
    return dict(zip([output.name for output in session.get_outputs()], session.run(None, inputs), strict=True))


if __name__ == "__main__":
    example, off, wrong_rows, refused = {}, {}, {}, {}
    (block,) = python_blocks("ONNX")
    with tempfile.TemporaryDirectory() as folder:
        os.symlink(REPOSITORY / "saved_models", f"{folder}/saved_models")
        os.chdir(folder)
        exec(block, example)
    for name, path in SAVED_MODELS.items():
        module = tf.saved_model.load(str(path))
        for key, signature in module.signatures.items():
            try:
                session = example["session"] if key == "decode" else convert(signature, example["convert_erfc"])
            except Exception as error:
                refused[key] = str(error)
                continue
            for rows in (1, 5):
                tensors = inputs_of(signature, rows)
                inputs = {k: v.numpy() for k, v in tensors.items()}
                expected = {k: v.numpy() for k, v in signature(**tensors).items()}
                received = run(session, inputs)
                off[f"{name} {key} of {rows}"] = max(difference(received[k], v) for k, v in expected.items())
            for what, wrong in with_wrong_rows(inputs).items():
                wrong_rows[f"{key}, {what}"] = rows_beside_nan(run(session, wrong), expected)
    assert "mrs_keras" not in sys.modules
    print(json.dumps({"off": off, "wrong rows": wrong_rows, "refused": refused}))
