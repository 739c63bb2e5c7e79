"""What clients of the served models rely on, over gRPC and REST.

It runs against `mrs-keras serve` on loopback, or against any server of `saved_models/`:

    MRS_KERAS_SERVING_URL=grpc://host:8500,http://host:8501 pytest tests/serving/contract_test.py
"""

import os
import re
import threading

import numpy as np
import pytest

from mrs_keras.serving import load_export
from mrs_keras.serving.client import Client, ServingError
from tests.conftest import REPOSITORY

SAVED_MODELS = REPOSITORY / "saved_models"


@pytest.fixture(scope="module")
def urls():
    if given := os.environ.get("MRS_KERAS_SERVING_URL"):
        yield {url.partition("://")[0].rstrip("s").replace("http", "rest"): url for url in given.split(",")}
        return
    from mrs_keras.serving.server import ModelServer

    with ModelServer(SAVED_MODELS, grpc_port=0, rest_port=0, **deployed_batching()) as server:
        yield {"grpc": server.grpc_url, "rest": server.rest_url}


def deployed_batching() -> dict[str, float]:
    """The options of `ModelServer` that say what the configuration of TF-Serving says."""
    config = (REPOSITORY / "deploy" / "batching.config").read_text(encoding="utf-8")
    values = {name: int(value) for name, value in re.findall(r"^(\w+) \{ value: (\d+) \}", config, re.MULTILINE)}
    return {
        "max_batch_size": values["max_batch_size"],
        "batch_timeout_ms": values["batch_timeout_micros"] / 1000,
        "max_enqueued_batches": values["max_enqueued_batches"],
    }


@pytest.fixture(scope="module", params=["grpc", "rest"])
def client(request, urls):
    if request.param not in urls:
        pytest.skip(f"MRS_KERAS_SERVING_URL names no {request.param} endpoint")
    with Client(urls[request.param]) as client:
        yield client


@pytest.fixture(scope="module")
def local():
    """Both SavedModels in this process."""
    return load_export(SAVED_MODELS)


def rows(number: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Inputs of all signatures."""
    random = np.random.default_rng(seed)
    low, high = np.float32([[7.5, 3.0], [17.0, 5.5]])
    concentrations = {
        f"concentrations{end}": random.uniform(low, high, (number, 2)).astype(np.float32) for end in ("", "_a", "_b")
    }
    latents = {name: random.normal(size=(number, 16)).astype(np.float32) for name in ("z", "z_a", "z_b")}
    return {
        "spectrum": random.normal(scale=50.0, size=(number, 252, 2)).astype(np.float32),
        "seed": random.integers(-(2**63), 2**63, number),
        "alpha": random.uniform(size=number).astype(np.float32),
        "row": np.arange(number),
        **concentrations,
        **latents,
    }


def test_every_signature_gives_over_the_wire_what_the_savedmodel_gives_in_process(client, local, measured):
    import tensorflow as tf

    largest = 0.0
    for name, module in zip(("encoder", "generator"), local, strict=True):
        for signature, function in module.signatures.items():
            inputs = {name: rows(5)[name] for name in function.structured_input_signature[1]}
            expected = function(**{name: tf.constant(value) for name, value in inputs.items()})
            received = client.predict(name, signature, inputs)
            assert set(received) == set(expected)
            for key, value in expected.items():
                if value.dtype == tf.string:
                    assert np.array_equal(np.asarray(received[key], bytes), value.numpy().astype(bytes))
                    continue
                assert received[key].dtype == value.dtype.as_numpy_dtype
                assert received[key].shape == value.shape
                scale = np.abs(value.numpy()).max()
                largest = max(largest, np.abs(received[key] - value.numpy()).max() / max(scale, 1e-30))
    measured(f"{client.url.partition(':')[0]}: off by {largest:.1e} of the largest value from the SavedModel")
    assert largest < 1e-5


def test_the_same_row_seed_gives_the_same_spectrum_in_a_batch_of_1_7_and_1024(client, measured):
    inputs = rows(1024)
    generated = client.generate(inputs["concentrations"], inputs["seed"])
    whole = generated["spectrum"]
    assert whole.shape == (1024, 252, 2)
    assert generated["z"].shape == (1024, 16)
    for batch in (1, 7):
        spectra = client.generate(inputs["concentrations"][:batch], inputs["seed"][:batch])["spectrum"]
        difference = np.abs(spectra - whole[:batch]).max() / np.abs(whole).max()
        measured(f"{client.url.partition(':')[0]}: generate in a batch of {batch} and of 1,024: {difference:.1e}")
        assert difference < 1e-6


def test_the_methods_of_the_client_call_their_signatures(client):
    inputs = rows(3)
    concentrations = inputs["concentrations"]
    generated = client.generate(concentrations, seed=5)
    spectra, z = generated["spectrum"], generated["z"]
    by_row = client.generate(concentrations, 5 * 2**32 + np.arange(3))
    np.testing.assert_array_equal(spectra, by_row["spectrum"])
    decoded = client.decode(z, concentrations)["spectrum"]
    np.testing.assert_allclose(decoded, spectra, atol=1e-5 * np.abs(spectra).max())
    ends = client.interpolate(z, z[::-1], concentrations, concentrations[::-1], [0.0, 0.0, 1.0])["spectrum"]
    np.testing.assert_allclose(ends, spectra[[0, 1, 0]], atol=1e-5 * np.abs(spectra).max())
    posterior = client.encode(spectra, concentrations)
    assert posterior["z_mean"].shape == posterior["z_log_var"].shape == (3, 16)


def test_more_rows_than_a_request_takes_come_back_in_order(client, urls):
    inputs = rows(50)
    with Client(client.url, max_rows=16) as small:
        split = small.decode(inputs["z"], inputs["concentrations"])["spectrum"]
    whole = client.decode(inputs["z"], inputs["concentrations"])["spectrum"]
    np.testing.assert_allclose(split, whole, atol=1e-6 * np.abs(whole).max())


def test_the_served_model_describes_itself(client):
    described = client.describe()
    assert (described.labels.names, described.labels.units) == (("NAA", "PCr"), ("mM", "mM"))
    np.testing.assert_array_equal(described.labels.ranges, [[7.5, 17.0], [3.0, 5.5]])
    np.testing.assert_allclose(described.ppm, described.acquisition.window_ppm_axis, rtol=1e-6)
    assert (described.ppm[0] > 0.2, described.ppm[-1] < 4.2) == (True, True)
    assert (described.latent_dim, described.latent_prior, described.model_version) == (16, "fitted", 2)
    assert described.export_id == client.describe("encoder").export_id


GOOD = {"z": np.zeros((2, 16), np.float32), "concentrations": np.float32([[12, 4], [13, 5]])}
NAN = np.where(np.arange(32).reshape(2, 16) == 20, np.nan, 0).astype(np.float32)
WRONG_ARGUMENT = {"INVALID_ARGUMENT"}


@pytest.mark.parametrize(
    ("model", "signature", "inputs", "codes", "message"),
    [
        ("generator", "decode", {**GOOD, "z": np.array([["a"] * 16] * 2)}, WRONG_ARGUMENT, "(?i)type|float"),
        ("generator", "decode", {**GOOD, "z": np.zeros((2, 15), np.float32)}, WRONG_ARGUMENT, r"\[\?,16\]"),
        ("generator", "decode", {**GOOD, "z": np.zeros(2, np.float32)}, WRONG_ARGUMENT, r"\[\?,16\]"),
        ("generator", "decode", {**GOOD, "z": np.zeros((3, 16), np.float32)}, WRONG_ARGUMENT, "(?i)0th.dimension"),
        ("generator", "decode", {"z": GOOD["z"]}, WRONG_ARGUMENT, "concentrations"),
        ("generator", "decode", {**GOOD, "seed": np.arange(2)}, WRONG_ARGUMENT, "seed"),
        ("generator", "decode", {**GOOD, "z": NAN}, WRONG_ARGUMENT, r"`z` must be finite.*\[1\]"),
        ("generator", "decode", {**GOOD, "concentrations": np.float32([[7, 4]] * 2)}, WRONG_ARGUMENT, "NAA 7.5 to 17"),
        ("generator", "decode", {**GOOD, "concentrations": np.float32([[np.nan, 4]] * 2)}, WRONG_ARGUMENT, "NAA 7.5"),
        ("generator", "decode", {k: v[:0] for k, v in GOOD.items()}, WRONG_ARGUMENT, "(?i)row|shape"),
        ("generator", "generate", {**GOOD, "z": None, "seed": np.float32([0.5, 1])}, WRONG_ARGUMENT, "(?i)int64|type"),
        ("generator", "decoding", GOOD, {"FAILED_PRECONDITION", "INVALID_ARGUMENT"}, "decoding"),
        ("decoder", "decode", GOOD, {"NOT_FOUND"}, "decoder"),
    ],
    ids=[
        "wrong type",
        "wrong shape",
        "no second axis",
        "other number of rows",
        "missing input",
        "unknown input",
        "NaN",
        "out of range",
        "NaN concentration",
        "no rows",
        "seed that is no integer",
        "unknown signature",
        "unknown model",
    ],
)
def test_bad_input_is_a_clear_error_with_the_right_status_and_the_server_goes_on(
    client, model, signature, inputs, codes, message
):
    with Client(client.url, retry_for_s=0) as once, pytest.raises(ServingError, match=message) as caught:
        once.predict(model, signature, {name: value for name, value in inputs.items() if value is not None})
    assert caught.value.code in codes
    assert client.predict("generator", "decode", GOOD)["spectrum"].shape == (2, 252, 2)


def test_an_unknown_version_is_not_found(client):
    with Client(client.url, version=4711) as other, pytest.raises(ServingError, match="4711") as caught:
        other.decode(**GOOD)
    assert caught.value.code == "NOT_FOUND"


def test_a_request_of_100_mb_is_refused_and_the_server_goes_on(client):
    many = {"z": np.zeros((1_400_000, 16), np.float32), "concentrations": np.tile(GOOD["concentrations"], (700_000, 1))}
    with Client(client.url, retry_for_s=0, timeout_s=60) as once, pytest.raises(ServingError) as caught:
        once.predict("generator", "decode", many)
    # A server that has no limit of its own (TF-Serving) finds the batch too large.
    assert caught.value.code in ("RESOURCE_EXHAUSTED", "INVALID_ARGUMENT")
    assert client.predict("generator", "decode", GOOD)["spectrum"].shape == (2, 252, 2)


def test_the_client_refuses_what_the_model_would_before_it_sends_it(client):
    z, concentrations = GOOD["z"], GOOD["concentrations"]
    for call, message in (
        (lambda: client.decode(z[:, :15], concentrations), r"`z` must be \(rows, 16\).*\(2, 15\)"),
        (lambda: client.decode(z[:1], concentrations), "same number of rows.*'z': 1"),
        (lambda: client.decode(z[:0], concentrations[:0]), "at least one"),
        (lambda: client.decode(NAN, concentrations), "`z` must be finite"),
        (lambda: client.generate([[12, 4], [12, 6]], seed=0), "PCr 3 to 5.5 mM.*PCr=6 in row 1"),
        (lambda: client.generate(concentrations, seed=[0.5, 1.0]), "`seed` must be an integer"),
        (lambda: client.generate(concentrations, seed=[1, 2, 3]), "`seed` must be an integer"),
        (lambda: client.interpolate(z, z, concentrations, concentrations, [0, 2]), "`alpha` must lie from 0 to 1"),
        (lambda: client.encode(np.zeros((2, 251, 2)), concentrations), r"`spectrum` must be \(rows, 252, 2\)"),
    ):
        with pytest.raises(ValueError, match=message):
            call()


def test_wrong_rows_of_others_in_the_same_batch_do_not_fail_a_right_request(client):
    """TF-Serving fails all requests of a merged batch: the client sends the right ones again, in a full batch."""
    stop = threading.Event()

    def send_wrong_rows():
        with Client(client.url, retry_for_s=0) as wrong:
            while not stop.is_set():
                with pytest.raises(ServingError):
                    wrong.predict("generator", "decode", {**GOOD, "z": NAN})

    others = [threading.Thread(target=send_wrong_rows) for _ in range(2)]
    for other in others:
        other.start()
    try:
        expected = client.decode(**GOOD)["spectrum"]
        # A full batch as JSON takes longer.
        for _ in range(50 if client.url.startswith("grpc") else 20):
            again = client.decode(**GOOD)["spectrum"]
            np.testing.assert_allclose(again, expected, atol=1e-5 * np.abs(expected).max())
    finally:
        stop.set()
        for other in others:
            other.join()
