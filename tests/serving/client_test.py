"""The client, without a server or with one that misbehaves."""

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
    ("status", "body", "code"),
    [
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
