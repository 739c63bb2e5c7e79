"""What a signature makes of an input that it must refuse, where TensorFlow runs it: an error, or NaN by XLA.

For TensorFlow Lite and ONNX see pipelines_test.py, for C++ cpp_loader_test.py, for servers contract_test.py.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.serving.signature_inputs import SAVED_MODELS, inputs_of, rows_beside_nan, with_wrong_rows

SIGNATURES = [("encoder", "encode"), *(("generator", name) for name in ("decode", "generate", "interpolate"))]


@pytest.fixture(scope="module")
def modules():
    return {name: tf.saved_model.load(str(path)) for name, path in SAVED_MODELS.items()}


@pytest.fixture(params=SIGNATURES, ids=[key for _, key in SIGNATURES])
def signature(modules, request):
    model, key = request.param
    return modules[model].signatures[key]


@pytest.fixture
def inputs(signature):
    return {name: value.numpy() for name, value in inputs_of(signature, rows=3).items()}


def by_function(signature):
    function = tf.function(lambda inputs: signature(**inputs))
    return lambda inputs: function(inputs)


def by_map(signature):
    def run(inputs):
        return next(iter(tf.data.Dataset.from_tensors(inputs).map(lambda row: signature(**row))))

    return run


def eagerly(signature):
    return lambda inputs: signature(**inputs)


@pytest.mark.parametrize("way", [eagerly, by_function, by_map])
def test_python_and_tf_data_refuse_a_wrong_row_as_an_invalid_argument(signature, inputs, way):
    run = way(signature)
    for wrong in with_wrong_rows(inputs).values():
        with pytest.raises(tf.errors.InvalidArgumentError, match=r"must (be finite|lie).*\[1\]"):
            run({name: tf.constant(value) for name, value in wrong.items()})
    # It goes on.
    run({name: tf.constant(value) for name, value in inputs.items()})


def test_xla_answers_a_wrong_row_with_nan_and_the_others_as_ever(signature, inputs, request, measured):
    compiled = tf.function(lambda **tensors: signature(**tensors), jit_compile=True)

    def run(values):
        return {k: v.numpy() for k, v in compiled(**{k: tf.constant(v) for k, v in values.items()}).items()}

    expected = {name: value.numpy() for name, value in signature(**inputs).items()}
    off = {what: rows_beside_nan(run(wrong), expected) for what, wrong in with_wrong_rows(inputs).items()}
    assert len(off) >= 3
    measured(
        f"XLA, {request.node.callspec.id}: rows beside a wrong one off by {max(off.values()):.1e} of the largest value"
    )
    assert max(off.values()) <= 1e-5, off


@pytest.mark.parametrize("with_xla", [False, True])
def test_predict_of_keras_refuses_a_wrong_row_or_answers_it_with_nan_where_it_compiles_by_xla(with_xla):
    generator = keras.layers.TFSMLayer(str(SAVED_MODELS["generator"]), call_endpoint="generate")
    inputs = {
        "concentrations": keras.Input((2,), name="concentrations"),
        "seed": keras.Input((), name="seed", dtype="int64"),
    }
    model = keras.Model(inputs, generator(inputs))
    model.compile(jit_compile=with_xla)
    right = {"concentrations": np.float32([[12, 4], [9, 5], [8, 3.5]]), "seed": np.arange(3)}
    expected = model.predict(right, verbose=0)
    wrong = {**right, "concentrations": np.float32([[12, 4], [9, 99], [8, 3.5]])}
    if with_xla:
        assert rows_beside_nan(model.predict(wrong, verbose=0), expected) <= 1e-5
        return
    with pytest.raises(tf.errors.InvalidArgumentError, match="PCr 3 to 5.5 mM"):
        model.predict(wrong, verbose=0)


def test_xla_answers_where_nothing_is_wrong_without_nan(signature, inputs):
    compiled = tf.function(lambda **tensors: signature(**tensors), jit_compile=True)
    for value in compiled(**{name: tf.constant(value) for name, value in inputs.items()}).values():
        assert np.isfinite(value.numpy()).all()
