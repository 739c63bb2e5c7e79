"""HTTP/1.1 for the REST API: connections, lengths, limits and status codes (http_server.cc)."""

import json
import socket
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from mrs_keras.serving.server.rest_answers import answer
from mrs_keras.serving.server.status import as_serving_error
from mrs_keras.serving.server.versions import ServedModels

QUIET_S = 0.5
"""How long a stopping server waits for open connections to close before it disconnects idle ones, s."""


class RestServer(ThreadingHTTPServer):
    """An HTTP server with one thread per connection.

    Args:
      address: host and port.
      models: models to serve.
      max_message_bytes: maximum size of a request body.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], models: ServedModels, max_message_bytes: int):
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        self.models, self.max_message_bytes = models, max_message_bytes
        self.stopping = False
        self._connections, self._busy, self._changed = set(), 0, threading.Condition()
        super().__init__(address, _Handler)

    def process_request(self, request, client_address):
        with self._changed:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request):
        with self._changed:
            self._connections.discard(request)
            self._changed.notify_all()
        super().shutdown_request(request)

    def count(self, change: int) -> None:
        """Records that a request started (1) or finished (-1)."""
        with self._changed:
            self._busy += change
            self._changed.notify_all()

    def stop(self, grace_s: float) -> None:
        """Stops accepting connections, serves at most one more request on each open one, and closes them all."""
        self.stopping = True
        self.shutdown()
        with self._changed:
            # Clients with back-to-back requests are disconnected with their next response. Their request may still be
            # in transit while no request is being served.
            self._changed.wait_for(lambda: not self._connections, min(QUIET_S, grace_s))
            self._changed.wait_for(lambda: not self._busy, grace_s)
            connections = list(self._connections)
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The client has already closed it.
                continue
        with self._changed:
            self._changed.wait_for(lambda: not self._connections, 1.0)
        self.server_close()

    def handle_error(self, request, client_address):
        """Ignores clients that disconnect."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "mrs-keras"
    # Send headers and body together, without delay.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def handle_expect_100(self):
        """Sends "100 Continue" at once, not together with the response."""
        expected = super().handle_expect_100()
        self.wfile.flush()
        return expected

    def _handle(self):
        self.server.count(1)
        try:
            status, content = self._respond()
            self._send(status, content)
        finally:
            self.server.count(-1)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = do_HEAD = do_OPTIONS = _handle  # noqa: N815

    def _respond(self) -> tuple[int, bytes]:
        path = urllib.parse.urlsplit(self.path).path
        length = self.headers.get("Content-Length")
        if "Transfer-Encoding" in self.headers or (length is None and self.command == "POST"):
            self.close_connection = True
            return 411, _error("Content-Length is required.")
        if not (length or "0").isdecimal():
            self.close_connection = True
            return 400, _error(f"Content-Length must be a number of bytes. Received: {length}")
        length, largest = int(length or 0), self.server.max_message_bytes
        if length > largest:
            self._discard(length)
            return 413, _error(f"The request must not be larger than {largest} bytes. Received: {length}")
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            return 400, _error("The request ended early.")
        if not path.lower().startswith("/v1/"):
            return 404, _error(f"Not found: {path}")
        try:
            return 200, answer(self.server.models, self.command, path, body)
        except Exception as failure:
            error = as_serving_error(failure)
            return error.http_status, _error(error.message)

    def _discard(self, length: int) -> None:
        """Drops the body, for up to 10 s: a client that is disconnected while writing never reads the response."""
        ends = time.monotonic() + 10.0
        while length and time.monotonic() < ends:
            chunk = self.rfile.read1(min(length, 1 << 20))
            if not chunk:
                break
            length -= len(chunk)
        self.close_connection |= bool(length)

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        # Otherwise a keep-alive client could keep the server from stopping.
        self.close_connection |= self.server.stopping
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        """Disables logging of requests."""


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
