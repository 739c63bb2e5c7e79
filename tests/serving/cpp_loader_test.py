"""Both SavedModels in TensorFlow's C++ loader and session, which TF-Serving and other languages use."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE, export
from tests.serving.c_api import CSavedModel, StatusError
from tests.serving.signature_inputs import SAVED_MODELS, difference, inputs_for

INVALID_ARGUMENT = 3
NOT_FOUND = 5


@pytest.fixture(scope="module", params=SAVED_MODELS)
def both(request):
    """A SavedModel in C++ and in Python."""
    path = SAVED_MODELS[request.param]
    with CSavedModel(path) as loaded:
        yield request.param, loaded, tf.saved_model.load(str(path))


def test_every_signature_gives_in_cpp_what_it_gives_in_python(both, measured):
    model, loaded, module = both
    assert set(loaded.signatures) == set(module.signatures)
    for name, definition in loaded.signatures.items():
        specs = {
            key: (tf.as_dtype(info.dtype).as_numpy_dtype, [dim.size for dim in info.tensor_shape.dim])
            for key, info in definition.inputs.items()
        }
        largest = 0.0
        for rows in (1, 5):
            inputs = inputs_for(specs, rows)
            expected = module.signatures[name](**{key: tf.constant(value) for key, value in inputs.items()})
            received = loaded.run(name, inputs)
            assert set(received) == set(expected)
            largest = max(largest, *(difference(received[key], value.numpy()) for key, value in expected.items()))
        measured(f"C++ session, {model} {name}: off by {largest:.1e} of the largest value")
        assert largest <= 1e-6, name


@pytest.mark.parametrize(
    ("preset", "options"),
    [("base", {}), ("base", {"decoder_variance": "learned"}), ("brain", {})],
    ids=["without noise", "with a network for the noise", "with physics and known noise"],
)
def test_a_new_export_has_all_its_weights_in_cpp(preset, options, tmp_path):
    model = CVAE.from_preset(preset, **options)
    paths = export(model, tmp_path)
    rows = {
        "concentrations": np.mean(model.labels.ranges, axis=1, dtype=np.float32)[None],
        "z": np.ones((1, model.latent_dim), np.float32),
        "spectrum": np.ones((1, model.acquisition.window_points, 2), np.float32),
        "seed": np.arange(1),
    }
    for name, signature in (("encoder", "encode"), ("generator", "decode"), ("generator", "generate")):
        module = tf.saved_model.load(str(paths[name]))
        with CSavedModel(paths[name]) as loaded:
            inputs = {key: rows[key] for key in loaded.signatures[signature].inputs}
            received = loaded.run(signature, inputs)
        for key, value in module.signatures[signature](**{k: tf.constant(v) for k, v in inputs.items()}).items():
            assert difference(received[key], value.numpy()) <= 1e-6


GOOD = {"z": np.zeros((2, 16), np.float32), "concentrations": np.float32([[12, 4], [13, 5]])}
NAN = np.float32([[0] * 16, [np.nan] * 16])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"z": GOOD["z"][:1, :15]}, r"\[1,15\] is not compatible with expected shape \[\?,16\]"),
        ({"z": GOOD["z"].astype(np.float64)}, "to be float but double is provided"),
        ({"z": GOOD["z"].astype(np.int32)}, "to be float but int32 is provided"),
        ({"z": NAN}, r"assertion failed: \[`z` must be finite.*\] \[1\] \[nan"),
        ({"z": GOOD["z"][:1]}, r"assertion failed: \[All inputs must have the same number of rows.*\] \[1 2\]"),
        ({"concentrations": np.float32([[12, 4], [13, 6]])}, r"PCr 3 to 5.5 mM.*\] \[1\] \[13 6\]"),
    ],
    ids=["wrong shape", "doubles", "integers", "NaN", "other number of rows", "out of range"],
)
def test_the_cpp_session_refuses_wrong_input_as_an_invalid_argument_and_goes_on(wrong, message):
    with CSavedModel(SAVED_MODELS["generator"]) as loaded:
        with pytest.raises(StatusError, match=message) as caught:
            loaded.run("decode", {**GOOD, **wrong})
        assert caught.value.code == INVALID_ARGUMENT
        assert loaded.run("decode", GOOD)["spectrum"].shape == (2, 252, 2)


def test_an_input_that_is_left_out_is_an_invalid_argument():
    with CSavedModel(SAVED_MODELS["generator"]) as loaded, pytest.raises(StatusError, match="must feed") as caught:
        loaded.run("decode", {"z": GOOD["z"]})
    assert caught.value.code == INVALID_ARGUMENT


def test_a_folder_without_a_savedmodel_is_not_found(tmp_path):
    with pytest.raises(StatusError, match=r"Could not find SavedModel \.pb") as caught:
        CSavedModel(tmp_path)
    assert caught.value.code == NOT_FOUND
