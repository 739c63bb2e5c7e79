"""The JSON of the REST API: what is read, what is refused and in which words, and what is written."""

import json
import re

import hypothesis
import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest

from mrs_keras.serving.server import ModelServer
from mrs_keras.serving.server.json_tensors import write_answer
from tests.serving.calls import SAVED_MODELS, Calls, decode_in_rows, rows_for

PREDICT = "/v1/models/generator:predict"


@pytest.fixture(scope="module")
def calls():
    with ModelServer(SAVED_MODELS, grpc_port=0, rest_port=0) as server:
        calls = Calls(server)
        yield calls
        calls.close()


def columns(**changed):
    return {"inputs": {"z": [[0.5] * 16], "concentrations": [[12.0, 4.5]], **changed}}


def seeds(text: str, row: str = "12.0, 4.5") -> str:
    """A request with this text in the place of the seed."""
    return f'{{"signature_name": "generate", "inputs": {{"concentrations": [[{row}]], "seed": [{text}]}}}}'


SEEDS = {"signature_name": "generate", "inputs": {"concentrations": [[12.0, 4.5]], "seed": [0]}}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("", "JSON Parse error: The document is empty"),
        ('{"instances": [', "JSON Parse error"),
        (b'{"instances": "\xff"}', "JSON Parse error"),
        ("[" * 100_000, "JSON Parse error"),
        ("[1, 2]", "Is not object"),
        ({}, "Missing 'inputs' or 'instances' key"),
        ({**decode_in_rows(), **columns()}, "expecting only one of 'inputs' or 'instances'"),
        ({"instances": {}}, "Expecting 'instances' to be an list/array"),
        ({"instances": []}, "No values in 'instances' array"),
        ({**decode_in_rows(), "signature_name": 1}, "'signature_name' key must be a string value"),
        ({**decode_in_rows(), "signature_name": "\ud800"}, "'signature_name' key must be a string value"),
        ({**decode_in_rows(), "signature_name": "nope"}, 'Serving signature name: "nope" not found in signature def'),
        ({"instances": [[0.5] * 16]}, "instances is a plain list, but expecting list of objects"),
        ({"inputs": [[0.5] * 16]}, "inputs is a plain value/list, but expecting an object"),
        (decode_in_rows(t=[1.0]), "element: 1 key: t of 'instances' list. Error: .*does not have named input: t"),
        ({"instances": [{"z": [0.5] * 16}]}, "element: 0 .*keys must be equal to: concentrations,z"),
        ({"instances": [*decode_in_rows()["instances"], [1.0]]}, "Expecting object but got list at item 2"),
        (decode_in_rows(z=[0.5] * 15), "element: 1 key: z .*Expecting tensor size: 16 but got: 15"),
        (decode_in_rows(z=[[0.5] * 8] * 2), r"element: 1 key: z .*Expecting shape \[16\] but got: \[2, 8\]"),
        (decode_in_rows(z=["0.5"] * 16), 'JSON Value: "0.5" Type: String is not of expected type: float'),
        (decode_in_rows(z=[True] * 16), "Type: True is not of expected type: float"),
        (decode_in_rows(z=[None] * 16), "Type: Null is not of expected type: float"),
        (decode_in_rows(z=[{}] * 16), "Type: Object is not of expected type: float"),
        (decode_in_rows(z=[float("nan")] * 16), "`z` must be finite"),
        (decode_in_rows(z=[1e300] * 16), "`z` must be finite"),
        (decode_in_rows(concentrations=[12.0, 9.0]), r"`concentrations` must lie .*\[1\] \[12 9\]"),
        ({"inputs": {"z": [[0.5] * 16]}}, "Missing named input: concentrations in 'inputs' object."),
        (columns(z=[[0.5] * 16, [0.5] * 15]), "list at unexpected size: 15 at level: 1 expected size: 16"),
        (columns(z=[[0.5] * 16, 0.5]), "found at incorrect level: 2 in the JSON DOM. Expected at level: 2"),
        (columns(z=[0.5, [0.5] * 16]), "Encountered list at unexpected level: 1 expected < 1"),
        (columns(z=[[0.5] * 16] * 2), "must have equal 0th-dimension size"),
        (columns(z=[], concentrations=[]), "is not compatible with expected shape"),
        (columns(z=0.5), "must have at least one dimension"),
        ({**SEEDS, "inputs": {**SEEDS["inputs"], "seed": [0.0]}}, "Type: Number is not of expected type: int64"),
        ({**SEEDS, "inputs": {**SEEDS["inputs"], "seed": [2**63]}}, "Type: Number is not of expected type: int64"),
        (seeds("9223372036854775808"), "JSON Value: 9223372036854775808 Type: Number is not of expected type: int64"),
        (seeds("-9223372036854775809"), "Type: Number is not of expected type: int64"),
        (seeds("18446744073709551616"), "Type: Number is not of expected type: int64"),
        (seeds("1e3"), "Type: Number is not of expected type: int64"),
        (seeds("-0.0"), "Type: Number is not of expected type: int64"),
        (seeds("01"), "JSON Parse error"),
        (seeds("0x1"), "JSON Parse error"),
        (seeds("0,"), "JSON Parse error"),
        (seeds('"0"'), 'JSON Value: "0" Type: String is not of expected type: int64'),
        (seeds("NaN"), "Type: Number is not of expected type: int64"),
        (seeds("0", row="1e400, 4.5"), r"`concentrations` must lie .*\[0\] \[inf 4.5\]"),
        (seeds("0", row="12.0, NaN"), r"`concentrations` must lie .*\[0\] \[12 nan\]"),
        (seeds("0", row="12.0, Infinity"), r"`concentrations` must lie .*\[0\] \[12 inf\]"),
        (seeds("0", row="null, 4.5"), "Type: Null is not of expected type: float"),
        (seeds("[" * 1000 + "]" * 1000), "nested too deeply"),
        ({**SEEDS, "inputs": {**SEEDS["inputs"], "seed": [False]}}, "Type: False is not of expected type: int64"),
    ],
)
def test_a_wrong_rest_request_is_a_400_that_says_why_and_the_next_is_answered(calls, body, message):
    status, answer = calls.rest("POST", PREDICT, body)
    assert answer.keys() == {"error"}
    assert (status, bool(re.search(message, answer["error"], re.DOTALL))) == (400, True), answer
    assert calls.rest("POST", PREDICT, decode_in_rows())[0] == 200


def test_json_is_read_as_by_tf_serving_where_it_is_not_strict(calls):
    # What follows the object is left out, and names that the signature does not have are, in columns.
    assert calls.rest("POST", PREDICT, json.dumps(decode_in_rows()) + "}]")[0] == 200
    assert calls.rest("POST", PREDICT, columns(t=[1.0]))[0] == 200
    # Whole numbers are floats too, and paths have no case.
    assert calls.rest("POST", "/V1/Models/generator:predict", columns(z=[[1] * 16], concentrations=[[12, 4]]))[0] == 200


def test_of_a_key_that_is_there_twice_the_last_counts(calls):
    twice = (
        json.dumps(decode_in_rows())
        .replace('"z"', '"z": "text", "z"')
        .replace('"decode"', '1, "signature_name": "decode"')
    )
    assert calls.rest("POST", PREDICT, twice) == calls.rest("POST", PREDICT, decode_in_rows())
    assert calls.rest("POST", PREDICT, twice + "]") == calls.rest("POST", PREDICT, decode_in_rows())


def test_minus_zero_is_a_whole_number(calls):
    assert calls.rest("POST", PREDICT, seeds("-0")) == calls.rest("POST", PREDICT, seeds("0"))


def test_json_carries_float32_and_int64_without_loss(calls):
    inputs = {"seed": np.array([2**63 - 1, -(2**63), 0]), "concentrations": rows_for("concentrations", 3)}
    served = calls.predict("generator", "generate", inputs)
    body = {"signature_name": "generate", "inputs": {name: value.tolist() for name, value in inputs.items()}}
    _, answer = calls.rest("POST", PREDICT, body)
    for name, values in served.items():
        np.testing.assert_array_equal(np.array(answer["outputs"][name], np.float32), values)


@hypothesis.given(npst.arrays(np.float32, npst.array_shapes(min_dims=0, max_dims=3), elements=st.floats(width=32)))
def test_json_gives_back_every_float_that_was_written_and_whole_ones_as_floats(array):
    text = write_answer({"x": array}, in_rows=False).decode()
    read = json.loads(text)["outputs"]
    np.testing.assert_array_equal(np.asarray(read, np.float32), array)
    assert all(isinstance(value, float) for value in np.asarray(read, object).ravel())
    assert "nan" not in text


@pytest.mark.parametrize("in_rows", [True, False])
def test_json_holds_text_as_text_and_bytes_as_base64(in_rows):
    text = np.array([[b"NAA", b"a\0"], [b"\xc3\xa9", b"\xff"]], object)
    outputs = {"name": text, "first": text[:, 0], "raw_bytes": text, "value": np.float32([np.nan, 0.1])}
    read = json.loads(write_answer(outputs, in_rows))["predictions" if in_rows else "outputs"]
    read = {name: [row[name] for row in read] for name in outputs} if in_rows else read
    assert (read["name"], read["first"]) == ([["NAA", "a\0"], ["é", "\ufffd"]], ["NAA", "é"])
    assert read["raw_bytes"] == [[{"b64": "TkFB"}, {"b64": "YQA="}], [{"b64": "w6k="}, {"b64": "/w=="}]]
    np.testing.assert_array_equal(read["value"], [np.nan, 0.1])
    (alone,) = json.loads(write_answer({"first": text[:, 0]}, in_rows)).values()
    assert alone == ["NAA", "é"]
