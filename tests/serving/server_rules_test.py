"""What the server takes and refuses, held against the documented behaviour of TF-Serving and against TensorFlow."""

import json

import grpc
import numpy as np
import pytest
import tensorflow as tf
from tensorflow_serving.apis import get_model_metadata_pb2

from mrs_keras.serving.server import ModelServer
from tests.serving.calls import SAVED_MODELS, Calls, decode_in_rows, rows_for

Code = grpc.StatusCode
PREDICT = "/v1/models/generator:predict"
SIGNATURES = [
    *(("encoder", name) for name in ("serving_default", "encode", "describe")),
    *(("generator", name) for name in ("serving_default", "decode", "generate", "interpolate", "describe")),
]


@pytest.fixture(scope="module")
def calls():
    with ModelServer(SAVED_MODELS, grpc_port=0, rest_port=0) as server:
        calls = Calls(server)
        yield calls
        calls.close()


@pytest.fixture(scope="module")
def in_process():
    """What TensorFlow gives for the same inputs, in this process."""
    modules = {name: tf.saved_model.load(str(SAVED_MODELS / name / "2")) for name in ("encoder", "generator")}

    def run(model, signature, inputs):
        outputs = modules[model].signatures[signature](**{name: tf.constant(value) for name, value in inputs.items()})
        return {name: value.numpy() for name, value in outputs.items()}

    run.inputs = lambda model, signature: modules[model].signatures[signature].structured_input_signature[1]
    return run


def decode_inputs(rows=3, **changed):
    return {"z": rows_for("z", rows), "concentrations": rows_for("concentrations", rows), **changed}


def assert_equal(served, expected):
    assert served.keys() == expected.keys()
    for name, values in expected.items():
        if values.dtype.kind in "OU":
            np.testing.assert_array_equal(served[name], values)
        else:
            largest = np.abs(values.astype(float)).max()
            np.testing.assert_allclose(served[name], values, atol=1e-6 * max(largest, 1))


@pytest.mark.parametrize(("model", "signature"), SIGNATURES)
def test_every_signature_gives_what_tensorflow_gives_over_both_apis(calls, in_process, model, signature):
    inputs = {name: rows_for(name, 5) for name in in_process.inputs(model, signature)}
    expected = in_process(model, signature, inputs)
    assert_equal(calls.predict(model, signature, inputs), expected)
    assert (calls.spec.name, calls.spec.version.value, calls.spec.signature_name) == (model, 2, signature)
    path = f"/v1/models/{model}/versions/2:predict"
    # Columns, then rows: one output stands bare, several by their names.
    columns = {name: value.tolist() for name, value in inputs.items()}
    status, answer = calls.rest("POST", path, {"signature_name": signature, "inputs": columns})
    assert status == 200
    outputs = answer["outputs"] if len(expected) > 1 else dict.fromkeys(expected, answer["outputs"])
    text = {name: values.astype(str) if values.dtype == object else values for name, values in expected.items()}
    assert_equal({name: np.array(values) for name, values in outputs.items()}, text)
    instances = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    status, answer = calls.rest("POST", path, {"signature_name": signature, "instances": instances})
    assert status == 200
    rows = answer["predictions"]
    if len(expected) > 1:
        rows = {name: [row[name] for row in rows] for name in expected}
    else:
        rows = dict.fromkeys(expected, rows)
    assert_equal({name: np.array(values) for name, values in rows.items()}, text)


def test_inputs_with_a_default_may_be_left_out(calls):
    assert calls.predict("encoder", "describe", {})["latent_dim"] == [16]
    outputs = calls.predict("encoder", "describe", {"row": np.arange(2)}, outputs=["metabolites", "latent_dim"])
    assert outputs.keys() == {"metabolites", "latent_dim"}
    assert outputs["metabolites"].tolist() == [[b"NAA", b"PCr"]] * 2
    # A plain list will do where there is one input.
    status, answer = calls.rest("POST", PREDICT, {"signature_name": "describe", "instances": [0]})
    assert (status, answer["predictions"][0]["metabolites"]) == (200, ["NAA", "PCr"])


WRONG = [
    (decode_inputs(z=rows_for("z", 3).astype(float)), Code.INVALID_ARGUMENT, "Expects arg.* to be float but double is"),
    (decode_inputs(z=np.array([["a"] * 16] * 3)), Code.INVALID_ARGUMENT, "to be float but string is provided"),
    ({"z": rows_for("z", 3)}, Code.INVALID_ARGUMENT, "1!=2.*Sent extra: {}. Missing but required: {concentrations}."),
    (decode_inputs(t=rows_for("z", 3)), Code.INVALID_ARGUMENT, "3!=2.*Sent extra: {t}. Missing but required: {}."),
    ({"z": rows_for("z", 3), "t": rows_for("z", 3)}, Code.INVALID_ARGUMENT, "concentrations.*not found in request"),
    (decode_inputs(z=rows_for("z", 2)), Code.INVALID_ARGUMENT, "must have equal 0th-dimension size"),
    (decode_inputs(z=np.float32(1)), Code.INVALID_ARGUMENT, "must have at least one dimension"),
    (decode_inputs(0), Code.INVALID_ARGUMENT, "same number of rows, at least one"),
    (decode_inputs(1025), Code.INVALID_ARGUMENT, "Task size 1025 is larger than maximum input batch size 1024"),
    (decode_inputs(z=rows_for("z", 3)[:, :15]), Code.INVALID_ARGUMENT, r"\[3,15\] is not compatible.*\[\?,16\]"),
    (decode_inputs(z=rows_for("z", 3) * np.nan), Code.INVALID_ARGUMENT, "`z` must be finite"),
    (decode_inputs(concentrations=np.float32([[8, 4], [8, 9], [8, 4]])), Code.INVALID_ARGUMENT, r"\[1\] \[8 9\]"),
]


@pytest.mark.parametrize(("inputs", "code", "message"), WRONG)
def test_a_wrong_grpc_request_ends_with_the_status_of_tf_serving_and_the_next_is_answered(calls, inputs, code, message):
    with pytest.raises(grpc.RpcError, match=message) as error:
        calls.predict("generator", "decode", inputs)
    assert error.value.code() == code
    assert calls.predict("generator", "decode", decode_inputs())["spectrum"].shape == (3, 252, 2)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("generator", "nope", decode_inputs()), Code.FAILED_PRECONDITION, 'Serving signature key "nope" not found.'),
        (("nope", "decode", decode_inputs()), Code.NOT_FOUND, r"Servable not found for request: Latest\(nope\)"),
        (("generator", "decode", decode_inputs(), 7), Code.NOT_FOUND, r"for request: Specific\(generator, 7\)"),
        (("", "decode", decode_inputs()), Code.INVALID_ARGUMENT, "ModelSpec has no name specified."),
        (
            ("generator", "decode", decode_inputs(), None, ["z"]),
            Code.INVALID_ARGUMENT,
            "output tensor alias not found in signature: z Outputs expected to be in the set {spectrum}.",
        ),
        (
            ("generator", "decode", decode_inputs(), None, ["spectrum", "spectrum"]),
            Code.INVALID_ARGUMENT,
            "duplicate output tensor alias: spectrum",
        ),
        (("generator", "__saved_model_init_op", {}), Code.INTERNAL, "Expected prediction signature method_name"),
    ],
)
def test_what_is_not_there_has_the_status_of_tf_serving(calls, arguments, code, message):
    with pytest.raises(grpc.RpcError, match=message) as error:
        calls.predict(*arguments)
    assert error.value.code() == code


def test_a_tensor_that_is_none_is_refused(calls):
    from tensorflow.core.framework import tensor_pb2, tensor_shape_pb2, types_pb2
    from tensorflow_serving.apis import predict_pb2

    shape = tensor_shape_pb2.TensorShapeProto
    huge = shape(dim=[shape.Dim(size=1 << 40), shape.Dim(size=16)])
    for proto in (
        tensor_pb2.TensorProto(),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=shape(unknown_rank=True)),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=huge, float_val=[1.0]),
        tensor_pb2.TensorProto(dtype=types_pb2.DT_FLOAT, tensor_shape=shape(dim=[shape.Dim(size=-1)])),
        tensor_pb2.TensorProto(
            dtype=types_pb2.DT_FLOAT, tensor_shape=shape(dim=[shape.Dim(size=3)]), tensor_content=b"123"
        ),
    ):
        request = predict_pb2.PredictRequest()
        request.model_spec.name = "generator"
        request.inputs["z"].CopyFrom(proto)
        request.inputs["concentrations"].CopyFrom(tf.make_tensor_proto(rows_for("concentrations", 1)))
        with pytest.raises(grpc.RpcError, match="tensor parsing error: z") as error:
            calls.prediction.Predict(request)
        assert error.value.code() == Code.INVALID_ARGUMENT


@pytest.mark.parametrize(
    ("method", "path", "status", "message"),
    [
        ("POST", "/v1/models/nope:predict", 404, "Latest(nope)"),
        ("POST", "/v1/models/generator/versions/7:predict", 404, "Specific(generator, 7)"),
        ("POST", "/v1/models/generator/versions/99999999999999999999:predict", 400, "to numeric"),
        ("POST", "/v1/models/generator/labels/stable:predict", 400, "Unrecognized servable version label: stable"),
        ("POST", "/v1/models/generator", 400, "Malformed request: POST /v1/models/generator"),
        ("POST", "/v1/models/generator:guess", 400, "Malformed request"),
        ("PUT", PREDICT, 400, "Malformed request: PUT"),
        ("GET", PREDICT, 400, "Malformed request: GET"),
        ("GET", "/v1/models", 400, "Missing model name in request."),
        ("GET", "/v1/models/nope", 404, "Could not find any versions of model nope"),
        ("GET", "/v1/models/generator/versions/7", 404, "Could not find version 7 of model generator"),
        ("GET", "/v1/models/nope/metadata", 404, "Latest(nope)"),
        ("GET", "/v2/models/generator", 404, "Not found"),
    ],
)
def test_rest_paths_have_the_status_of_tf_serving(calls, method, path, status, message):
    received, answer = calls.rest(method, path, decode_in_rows() if method in ("POST", "PUT") else None)
    assert (received, message in answer["error"]) == (status, True), answer


def test_the_status_is_that_of_tf_serving_over_both_apis(calls):
    entry = calls.status("encoder")[2]
    assert (entry.state, entry.status.error_code) == (30, 0)
    available = {"state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
    known = [{"version": version, **available} for version in ("2", "1")]
    assert calls.rest("GET", "/v1/models/encoder") == (200, {"model_version_status": known})
    with pytest.raises(grpc.RpcError) as error:
        calls.status("nope")
    assert error.value.code() == Code.NOT_FOUND


def test_the_metadata_are_the_signatures_over_both_apis(calls):
    response, signatures = calls.metadata("generator"), get_model_metadata_pb2.SignatureDefMap()
    response.metadata["signature_def"].Unpack(signatures)
    assert response.model_spec.version.value == 2
    assert {"decode", "generate", "interpolate", "describe"} < set(signatures.signature_def)
    assert "row" in signatures.signature_def["describe"].defaults
    status, answer = calls.rest("GET", "/v1/models/generator/metadata")
    assert (status, answer["model_spec"]) == (200, {"name": "generator", "signature_name": "", "version": "2"})
    z = answer["metadata"]["signature_def"]["signature_def"]["decode"]["inputs"]["z"]
    assert (z["dtype"], [dim["size"] for dim in z["tensor_shape"]["dim"]]) == ("DT_FLOAT", ["-1", "16"])
    for arguments, code in ((("nope",), Code.NOT_FOUND), (("encoder", None, ()), Code.INVALID_ARGUMENT)):
        with pytest.raises(grpc.RpcError) as error:
            calls.metadata(*arguments)
        assert error.value.code() == code


def test_the_other_methods_of_the_api_are_not_there(calls):
    from tensorflow_serving.apis import classification_pb2

    with pytest.raises(grpc.RpcError) as error:
        calls.prediction.Classify(classification_pb2.ClassificationRequest())
    assert error.value.code() == Code.UNIMPLEMENTED


def test_requests_of_100_mb_are_refused_and_the_server_goes_on(calls):
    with pytest.raises(grpc.RpcError) as error:
        calls.predict("generator", "decode", {"z": np.zeros((100 << 20) // 4, np.float32)})
    assert error.value.code() == Code.RESOURCE_EXHAUSTED
    status, answer = calls.rest("POST", PREDICT, bytes(100 << 20))
    assert (status, "must not be larger than 67108864 bytes" in answer["error"]) == (413, True)
    assert calls.rest("POST", PREDICT, decode_in_rows())[0] == 200
    assert calls.predict("generator", "decode", decode_inputs())["spectrum"].shape == (3, 252, 2)


def test_a_post_without_a_length_is_refused(calls):
    response = calls.http.request("POST", calls.rest_url + PREDICT, body=iter([b"{}"]), chunked=True)
    assert (response.status, json.loads(response.data)) == (411, {"error": "Content-Length is required."})
