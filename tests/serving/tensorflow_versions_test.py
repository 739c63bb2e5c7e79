"""The SavedModels give the same numbers in other versions of TensorFlow, each in an environment of its own.

Environments are made by pip, which takes minutes, or taken from a folder that has them as `2.19` and `2.20`:

    MRS_KERAS_TENSORFLOW_VENVS=folder pytest -m slow tests/serving/tensorflow_versions_test.py
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from tests.serving.signature_inputs import SAVED_MODELS, difference, inputs_of

# Runs with python -I: neither this package nor the folder of the tests is on its path.
PROGRAM = """
import sys
import numpy as np, tensorflow as tf

folder, version = sys.argv[1:3]
assert tf.__version__.startswith(version)
output = {}
for path in sys.argv[3:]:
    name = path.split("/")[-2]
    module = tf.saved_model.load(path)
    for key, signature in module.signatures.items():
        inputs = {k: tf.constant(v) for k, v in np.load(f"{folder}/{name} {key}.npz").items()}
        output.update({f"{name} {key} {k}": v.numpy() for k, v in signature(**inputs).items()})
generate = module.signatures["generate"]
converter = tf.lite.TFLiteConverter.from_concrete_functions([generate], module)
converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS, tf.lite.OpsSet.SELECT_TF_OPS]
interpreter = tf.lite.Interpreter(model_content=converter.convert())
inputs = np.load(f"{folder}/generator generate.npz")
for place in interpreter.get_input_details():
    value = inputs["seed" if "seed" in place["name"] else "concentrations"]
    interpreter.resize_tensor_input(place["index"], value.shape)
try:
    lite = interpreter.get_signature_runner()(**inputs)
    output.update({f"lite generate {k}": v for k, v in lite.items()})
except RuntimeError as error:
    assert "Flex delegate" in str(error)
assert "mrs_keras" not in sys.modules
# Strings as bytes of fixed length: no pickle.
np.savez(f"{folder}/output.npz", **{k: v.astype(bytes) if v.dtype == object else v for k, v in output.items()})
"""


def python_with_tensorflow(version: str, folder: Path, measured) -> Path:
    """Returns the Python of an environment with this version of TensorFlow, and makes it where none was given."""
    if given := os.environ.get("MRS_KERAS_TENSORFLOW_VENVS"):
        return Path(given) / version / "bin" / "python"
    start = time.monotonic()
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = folder / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"tensorflow=={version}.*"]
    done = subprocess.run(install, capture_output=True, text=True)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        pytest.skip(f"pip cannot install TensorFlow {version}: {last}")
    measured(f"TensorFlow {version}: installed in {time.monotonic() - start:.0f} s")
    return python


@pytest.mark.slow
@pytest.mark.parametrize("version", ["2.19", "2.20"])
def test_another_version_of_tensorflow_gives_the_same_numbers(version, tmp_path, measured):
    expected = {}
    for name, path in SAVED_MODELS.items():
        module = tf.saved_model.load(str(path))
        for key, signature in module.signatures.items():
            inputs = inputs_of(signature, rows=64)
            np.savez(tmp_path / f"{name} {key}.npz", **{k: v.numpy() for k, v in inputs.items()})
            expected.update({f"{name} {key} {k}": v.numpy() for k, v in signature(**inputs).items()})
    python = python_with_tensorflow(version, tmp_path / "environment", measured)
    done = subprocess.run(
        [python, "-I", "-c", PROGRAM, tmp_path, version, *SAVED_MODELS.values()],
        capture_output=True,
        text=True,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
    received = dict(np.load(tmp_path / "output.npz"))
    # The Flex delegate, which `generate` needs in TensorFlow Lite, left the package after 2.19.
    lite = {f"lite generate {k}": expected[f"generator generate {k}"] for k in ("spectrum", "z")}
    if version == "2.19":
        off = max(difference(received.pop(name), value) for name, value in lite.items())
        measured(f"TensorFlow {version}, generate in TensorFlow Lite with Flex: off by {off:.1e} of the largest value")
        assert off <= 1e-4
    assert set(received) == set(expected)
    off = {name: difference(received[name], value) for name, value in expected.items()}
    worst = max(off, key=off.get)
    measured(f"TensorFlow {version}: off by {off[worst]:.1e} of the largest value ({worst})")
    assert off[worst] <= 1e-5
