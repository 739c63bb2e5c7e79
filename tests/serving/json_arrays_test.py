"""Arrays as JSON, held against Python's own json and the shortest decimals that NumPy finds."""

import concurrent.futures
import gc
import json
from decimal import Decimal

import hypothesis
import hypothesis.extra.numpy as npst
import hypothesis.strategies as st
import numpy as np
import pytest

from mrs_keras.serving.json_arrays import read_json, writable, write_json

SHAPES = npst.array_shapes(min_dims=0, max_dims=3, min_side=0)
BITS = st.integers(0, 2**32 - 1).map(lambda bits: np.uint32(bits).view(np.float32))
DOUBLE_ROUNDED = np.uint32(0x15AE43FD).view(np.float32)
"""The shortest decimal of this one lies so near the middle between two float32 that a double is that middle."""


def written(array) -> str:
    return write_json(writable(array)).decode()


@hypothesis.given(BITS.filter(np.isfinite))
def test_a_float32_is_written_as_the_shortest_decimal_that_reads_back(number):
    text = written(number)
    assert Decimal(text) == Decimal(np.format_float_scientific(number, unique=True))
    # Readers of JSON make a double of it first.
    assert np.float32(float(text)) == number or abs(number) == DOUBLE_ROUNDED


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (np.float32(0.1), "0.1"),
        (np.float64(0.1), "0.1"),
        (np.float32(16777216), "16777216.0"),
        (np.float32(-0.0), "-0.0"),
        (np.float32(1) / 3, "0.33333334"),
        (np.float64(1) / 3, "0.3333333333333333"),
        (np.int64(2**53 + 1), "9007199254740993"),
        (np.int64(-(2**63)), "-9223372036854775808"),
        (np.uint64(2**64 - 1), "18446744073709551615"),
        (np.True_, "true"),
    ],
)
def test_a_number_is_written_as_tf_serving_would(number, text):
    assert written(number) == text
    assert written(np.array(number)) == text
    assert written(np.array([[number]])) == f"[[{text}]]"


@hypothesis.given(npst.arrays(np.float32, SHAPES, elements=st.floats(width=32)))
def test_nan_and_infinity_have_the_names_that_python_and_tf_serving_give_them(array):
    text = written(array)
    assert "null" not in text
    np.testing.assert_array_equal(np.asarray(json.loads(text), np.float32).reshape(array.shape), array)


@hypothesis.given(npst.arrays(np.int64, SHAPES, elements=st.integers(-(2**63), 2**63 - 1)))
def test_integers_come_back_exactly(array):
    read = read_json(write_json({"x": writable(array)}))["x"]
    np.testing.assert_array_equal(np.asarray(read, np.int64).reshape(array.shape), array)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.int8, np.uint8, np.int32, np.uint32, bool])
def test_every_type_of_number_is_written_as_a_list_wherever_it_lies_in_memory(dtype):
    array = np.arange(24).reshape(2, 3, 4).astype(dtype)
    for view in (array, array.T, array[:, ::2], array[..., 1], np.array([["NAA", "PCr"]])):
        assert json.loads(written(view)) == view.tolist()


@pytest.mark.parametrize("text", ["NAA", "", "é", 'a"\\', "a\0", "null", "\n\u2028"])
def test_text_comes_back_as_it_was(text):
    for value in (text, np.array(text, object), np.array([[text, "NAA"]], object)):
        assert json.loads(written(value)) == (value if isinstance(value, str) else value.tolist())


@pytest.mark.parametrize("text", ["NaN", "[1] 2", "[1,]", '"\\ud800"', "1e400", "", "[" * 5000, "\ufeff1"])
def test_what_is_json_only_to_some_is_refused(text):
    with pytest.raises(json.JSONDecodeError):
        read_json(text.encode())


@pytest.mark.parametrize("collects", [True, False])
def test_reading_leaves_the_garbage_collector_as_it_was(collects):
    was = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda _: read_json(b"[[1.0, 2.0]]"), range(1000)))
        with pytest.raises(json.JSONDecodeError):
            read_json(b"NaN")
        with pytest.raises(ZeroDivisionError):
            read_json(b"0", lambda number: 1 / number)
        assert gc.isenabled() == collects
        # Meanwhile it rests.
        assert read_json(b"[1]", lambda content: (sum(content), gc.isenabled())) == (1, False)
    finally:
        (gc.enable if was else gc.disable)()
