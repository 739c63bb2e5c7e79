"""The client, without a server or with one that misbehaves."""

import contextlib
import http.server
import json
import socket
import threading
import time

import numpy as np
import pytest

from mrs_keras.serving.client import Client, ServingError
from mrs_keras.serving.client.errors import PASSING
from mrs_keras.serving.client.retry import retrying


@pytest.mark.parametrize("url", ["localhost:8500", "ftp://localhost", "grpc://", ""])
def test_an_address_that_is_none_is_refused(url):
    with pytest.raises(ValueError, match=r"`url` must begin with grpc://.*Received: url="):
        Client(url)


@pytest.mark.parametrize(
    "wrong", [{"timeout_s": 0}, {"retry_for_s": -1}, {"max_rows": 0}, {"version": 0}, {"timeout_s": np.nan}]
)
def test_an_option_out_of_range_is_refused(wrong):
    with pytest.raises(ValueError, match=f"`{next(iter(wrong))}` must be"):
        Client("grpc://localhost:8500", **wrong)


@pytest.fixture
def silent_port():
    """A port that takes connections and never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_a_server_that_does_not_answer_is_a_time_out(scheme, silent_port):
    with (
        Client(f"{scheme}://127.0.0.1:{silent_port}", timeout_s=0.3, retry_for_s=0) as client,
        pytest.raises(ServingError) as caught,
    ):
        client.describe()
    assert caught.value.code in ("DEADLINE_EXCEEDED", "UNAVAILABLE")
    assert caught.value.passes


@pytest.mark.parametrize("scheme", ["grpc", "http"])
def test_where_no_server_is_the_client_tries_for_as_long_as_it_was_told(scheme):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    start = time.monotonic()
    with (
        Client(f"{scheme}://127.0.0.1:{port}", retry_for_s=1.0) as client,
        pytest.raises(ServingError, match=r"Tried \d+ times within") as caught,
    ):
        client.describe()
    assert caught.value.code == "UNAVAILABLE"
    assert time.monotonic() - start < 5


@pytest.mark.parametrize("code", PASSING)
def test_what_passes_is_tried_again(code):
    failures = [ServingError(code, "in passing")] * 3

    def call():
        if failures:
            raise failures.pop()
        return "answer"

    assert retrying(call, 60.0) == "answer"


@pytest.mark.parametrize(("code", "detail"), [("INVALID_ARGUMENT", "wrong shape"), ("NOT_FOUND", "no such model")])
def test_what_does_not_pass_is_tried_once(code, detail):
    calls = []

    def call():
        calls.append(1)
        raise ServingError(code, detail)

    with pytest.raises(ServingError, match=detail):
        retrying(call, 60.0)
    assert len(calls) == 1


@pytest.mark.parametrize(
    ("code", "detail"),
    [
        ("INVALID_ARGUMENT", "assertion failed: [`z` must be finite.] [1] [nan]"),
        ("FAILED_PRECONDITION", "Tensors with name 'z' from different tasks have different shapes"),
        ("INTERNAL", "Tensor concat operation failed: INVALID_ARGUMENT: Inconsistent dtypes"),
    ],
)
def test_what_may_be_the_fault_of_a_neighbour_is_sent_again_as_a_full_batch_and_cut(monkeypatch, code, detail):
    """Messages of TF-Serving."""
    sent = []

    def predict(model, version, signature, inputs, timeout_s):
        sent.append(inputs)
        if len(inputs["z"]) < 8:
            raise ServingError(code, detail)
        return {"spectrum": inputs["z"] * 2, "row": np.arange(8)}

    z, concentrations = np.arange(6.0).reshape(3, 2), np.float32([[12, 4], [13, 5], [14, 5]])
    with Client("grpc://localhost:1", max_rows=8) as client:
        monkeypatch.setattr(client._transport, "predict", predict)
        outputs = client.predict("generator", "decode", {"z": z, "concentrations": concentrations})
    assert len(sent) == 2
    np.testing.assert_array_equal(sent[1]["z"], z[[0, 1, 2, 0, 1, 2, 0, 1]])
    np.testing.assert_array_equal(sent[1]["concentrations"], concentrations[[0, 1, 2, 0, 1, 2, 0, 1]])
    assert sent[1]["concentrations"].dtype == np.float32
    np.testing.assert_array_equal(outputs["spectrum"], z * 2)
    np.testing.assert_array_equal(outputs["row"], [0, 1, 2])


def test_a_full_batch_that_is_refused_is_wrong_itself(monkeypatch):
    sent = []

    def predict(model, version, signature, inputs, timeout_s):
        sent.append(inputs)
        raise ServingError("INVALID_ARGUMENT", "assertion failed: [`z` must be finite.]")

    with Client("grpc://localhost:1", max_rows=8) as client:
        monkeypatch.setattr(client._transport, "predict", predict)
        with pytest.raises(ServingError, match="must be finite"):
            client.predict("generator", "decode", {"z": np.zeros((3, 2))})
        with pytest.raises(ServingError, match="must be finite"):
            client.predict("generator", "decode", {"z": np.zeros((8, 2))})
    assert [len(inputs["z"]) for inputs in sent] == [3, 8, 8]


def test_a_wait_of_hours_for_a_server_is_no_overflow(monkeypatch):
    tries = []

    def call():
        tries.append(1)
        if len(tries) < 2000:
            raise ServingError("UNAVAILABLE", "not yet")
        return "answer"

    monkeypatch.setattr("time.sleep", lambda _: None)
    assert retrying(call, 1e6) == "answer"


def test_where_no_version_is_available_a_long_request_waits_for_one(monkeypatch):
    answers = [[], [], [3, 4]]
    with Client("grpc://localhost:1") as client:
        monkeypatch.setattr(client._transport, "available_versions", lambda *_: answers.pop(0))
        assert client._newest_version("generator") == 4
    with Client("grpc://localhost:1", retry_for_s=0) as client:
        monkeypatch.setattr(client._transport, "available_versions", lambda *_: [])
        with pytest.raises(ServingError, match="No version of 'generator' is available"):
            client._newest_version("generator")


@contextlib.contextmanager
def answering(body: bytes, pause_s: float = 0.0):
    """A server that announces an answer of 1,000 bytes and sends this, byte by byte; gives its URL."""

    def serve():
        connection, _ = listener.accept()
        # The client may go before the end.
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for byte in body:
                connection.sendall(bytes([byte]))
                time.sleep(pause_s)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread.join()


def test_an_answer_that_trickles_in_is_a_time_out():
    start = time.monotonic()
    with (
        answering(b" " * 1000, pause_s=0.02) as url,
        Client(url, timeout_s=0.3, retry_for_s=0) as client,
        pytest.raises(ServingError, match="arrived in time") as caught,
    ):
        client.describe()
    assert caught.value.code == "DEADLINE_EXCEEDED"
    assert time.monotonic() - start < 5


def test_an_answer_that_ends_early_may_be_asked_for_again():
    with (
        answering(b"{}") as url,
        Client(url, retry_for_s=0) as client,
        pytest.raises(ServingError) as caught,
    ):
        client.describe()
    assert caught.value.passes


@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (499, b"{}", "CANCELLED"),
        (503, b"<html>proxy</html>", "UNAVAILABLE"),
        (429, b"{}", "UNAVAILABLE"),
        (413, b'{"error": "too large"}', "RESOURCE_EXHAUSTED"),
        (404, b'{"error": "Servable not found"}', "NOT_FOUND"),
        (500, b"[]", "INTERNAL"),
        (200, b"not JSON", "INTERNAL"),
    ],
)
def test_every_http_status_has_its_code_whatever_the_body(status, body, code):
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            pass

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    try:
        with (
            Client(f"http://127.0.0.1:{server.server_port}", retry_for_s=0) as client,
            pytest.raises(ServingError) as caught,
        ):
            client.describe()
    finally:
        server.shutdown()
        server.server_close()
    assert caught.value.code == code
    if b"error" in body:
        assert json.loads(body)["error"] in caught.value.detail
