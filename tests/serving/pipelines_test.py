"""The README's examples give the numbers of the SavedModels, in processes that have TensorFlow and not this package."""

import importlib.util
import json

import pytest

from tests.conftest import run_python

RUN = "import runpy, sys; runpy.run_module(sys.argv[1], run_name='__main__')"


@pytest.fixture(scope="module")
def numbers():
    return json.loads(run_python(RUN, "tests.serving.pipelines_program").stdout.splitlines()[-1])


def test_a_stage_of_tf_data_gives_the_rows_of_direct_calls_whatever_the_batch(numbers, measured):
    off = numbers["tf.data"]["off"]
    measured(f"tf.data stage: off by {max(off.values()):.1e} of the largest value")
    assert max(off.values()) <= 1e-6


def test_a_stream_mixed_with_generated_spectra_is_the_same_each_time(numbers):
    assert numbers["tf.data"]["same twice"]


def test_a_layer_of_keras_gives_what_its_signature_gives(numbers, measured):
    off = numbers["Keras"]["off"]
    measured(f"TFSMLayer: off by {max(off.values()):.1e} of the largest value")
    assert {"encoder encode", "generator decode", "generator generate"} <= set(off)
    assert max(off.values()) <= 1e-5


def test_a_classifier_behind_the_frozen_generator_learns(numbers, measured):
    loss, accuracy = numbers["Keras"]["loss"], numbers["Keras"]["accuracy"]
    measured(f"classifier behind the frozen generator, on unseen spectra: accuracy {accuracy:.2f}, loss {loss:.2f}")
    # Chance is 0.5, and a loss of log(2) = 0.69.
    assert accuracy > 0.75
    assert loss < 0.5
    assert numbers["Keras"]["frozen"]


def test_tensorflow_lite_gives_what_the_savedmodel_gives(numbers, measured):
    for name, off in numbers["TensorFlow Lite"]["off"].items():
        measured(f"TensorFlow Lite, {name}: off by {off:.1e} of the largest value")
        assert off <= 1e-4


def test_tensorflow_lite_answers_a_wrong_row_with_nan_and_the_others_as_ever(numbers, measured):
    off = numbers["TensorFlow Lite"]["wrong rows"]
    assert {what.partition(",")[0] for what in off} == {"decode", "encode", "interpolate"}
    measured(f"TensorFlow Lite, rows beside a wrong one: off by {max(off.values()):.1e} of the largest value")
    assert max(off.values()) <= 1e-4, off


def test_tensorflow_lite_lacks_the_hash_of_generate(numbers):
    """Or the README must say otherwise."""
    lite = numbers["TensorFlow Lite"]
    assert "BitwiseXor" in lite["generate"]
    assert lite["bytes of generate"] > 1e6


@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("tf2onnx") is None, reason="needs the extra `onnx`")
def test_onnx_gives_what_the_savedmodel_gives_with_nan_for_wrong_rows_and_lacks_the_hash_of_generate(measured):
    result = json.loads(run_python(RUN, "tests.serving.onnx_program").stdout.splitlines()[-1])
    for name, off in result["off"].items():
        measured(f"ONNX, {name}: off by {off:.1e} of the largest value")
        assert off <= 1e-4
    off = result["wrong rows"]
    assert {what.partition(",")[0] for what in off} == {"decode", "encode", "interpolate", "serving_default"}
    measured(f"ONNX, rows beside a wrong one: off by {max(off.values()):.1e} of the largest value")
    assert max(off.values()) <= 1e-4, off
    # Or the README must say otherwise.
    assert set(result["refused"]) == {"generate", "interpolate_geodesic"}
    assert "Bitcast" in result["refused"]["generate"]
