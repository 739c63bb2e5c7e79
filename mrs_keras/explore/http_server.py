"""HTTP for the page, on loopback alone: its files, its requests, and what is refused."""

import contextlib
import json
import logging
import mimetypes
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from importlib.resources.abc import Traversable

from mrs_keras.explore.explorer import Explorer
from mrs_keras.explore.requests import JSON, NothingThereError, answer_get, answer_post
from mrs_keras.serving.client import ServingError

logger = logging.getLogger(__name__)

HOST = "127.0.0.1"

LARGEST_BODY, LARGEST_SCAN = 4 << 20, 64 << 20
"""Bytes of a request, and of a dropped scan."""

IDLE_S = 60.0
"""How long a connection may be silent, s."""

DISCARDS_FOR_S = 1.0
"""How long a body that is too large is read on, so that the browser sees the answer, s."""

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}

LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
"""Names by which a browser may reach the page. Any port: a tunnel may lead here. A page of another site whose name is
made to point here has another name."""

_STATUS = {
    "INVALID_ARGUMENT": 400,
    "NOT_FOUND": 503,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 503,
    "CANCELLED": 503,
    "ABORTED": 503,
}


class ExploreServer(ThreadingHTTPServer):
    """Serves the page, one thread for each connection.

    Args:
      explorer: that answers.
      port: `0` for a free one.

    Raises:
      OSError: if the port is in use.
    """

    daemon_threads = True
    # A second page must not take over the port of a first.
    allow_reuse_address = False

    def __init__(self, explorer: Explorer, port: int = 0):
        self.explorer = explorer
        self.files = static_files()
        try:
            super().__init__((HOST, port), _Handler)
        except (OSError, OverflowError) as error:
            raise OSError(
                f"The page cannot be served on port {port} of {HOST}: {error}. Another program may be using the port: "
                "stop it, or give another --port, 0 for a free one."
            ) from error

    @property
    def url(self) -> str:
        """Such as `"http://127.0.0.1:41234/"`."""
        return f"http://{HOST}:{self.server_address[1]}/"

    def handle_error(self, request, client_address):
        """Ignores browsers that disconnect."""


def static_files() -> dict[str, tuple[str, bytes]]:
    """Returns path -> (content type, content) of all files of the page: nothing else can be asked for."""
    found = {}

    def walk(folder: Traversable, path: str) -> None:
        for entry in folder.iterdir():
            if entry.is_dir():
                walk(entry, f"{path}{entry.name}/")
            elif not entry.name.startswith("."):
                kind = mimetypes.guess_type(entry.name)[0] or "text/plain"
                kind = "text/javascript" if entry.name.endswith(".js") else kind
                found[path + entry.name] = f"{kind}; charset=utf-8", entry.read_bytes()

    walk(files("mrs_keras.explore") / "static", "/")
    found["/"] = found["/index.html"]
    return found


class _RefusedError(Exception):
    """A request that is not answered: `status` of HTTP, why, and the bytes of its body that were not read."""

    def __init__(self, status: int, message: str, unread: int = 0):
        super().__init__(message)
        self.status, self.unread = status, unread


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "mrs-keras", ""
    timeout = IDLE_S
    # Send headers and body together, without delay.
    wbufsize = 1 << 16
    disable_nagle_algorithm = True

    def do_GET(self):
        self._answer(self._get)

    do_HEAD = do_GET  # noqa: N815

    def do_POST(self):
        self._answer(self._post)

    def _answer(self, respond) -> None:
        unread = 0
        try:
            self._check_host()
            status, kind, content = 200, *respond()
        except _RefusedError as refusal:
            status, kind, content = refusal.status, JSON, _error(str(refusal))
            unread = refusal.unread
        except NothingThereError:
            status, kind, content = 404, JSON, _error(f"There is nothing at {self.path}.")
        except ServingError as error:
            status, kind, content = _STATUS.get(error.code, 502), JSON, _error(error.detail)
        except ModuleNotFoundError as error:
            status, kind, content = 501, JSON, _error(str(error))
        except (ValueError, RuntimeError) as error:
            status, kind, content = 400, JSON, _error(str(error))
        except TimeoutError:
            self.close_connection = True
            return
        except Exception as error:
            logger.exception("A request of the page failed.")
            status, kind, content = 500, JSON, _error(f"{type(error).__name__}: {error}")
        self._send(status, kind, content)
        self._discard(unread)

    def _check_host(self) -> None:
        """Refuses other names than those of this machine: DNS rebinding leads a page of another site here."""
        host = self.headers.get("Host", "")
        if _name_of(host) not in LOOPBACK:
            self.close_connection = True
            raise _RefusedError(403, f"Only this machine may ask. Received the host {host!r}; use {self.server.url}.")

    def _check_origin(self) -> None:
        """Refuses what a page of another site sends."""
        origin, host = self.headers.get("Origin"), self.headers.get("Host", "")
        site = self.headers.get("Sec-Fetch-Site", "same-origin")
        if (origin is not None and origin != f"http://{host}") or site not in ("same-origin", "none"):
            self.close_connection = True
            raise _RefusedError(403, f"Only the page itself may send. Received the origin {origin!r}.")

    def _get(self) -> tuple[str, bytes]:
        parts = urllib.parse.urlsplit(self.path)
        if parts.path in self.server.files:
            return self.server.files[parts.path]
        return answer_get(self.server.explorer, parts.path, parts.query)

    def _post(self) -> tuple[str, bytes]:
        path = urllib.parse.urlsplit(self.path).path
        self._check_origin()
        length = self._length(LARGEST_SCAN if path == "/api/scan" else LARGEST_BODY)
        # A form of another site cannot send these types.
        expected = "application/octet-stream" if path == "/api/scan" else JSON
        received = self.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        if received != expected:
            self.close_connection = True
            raise _RefusedError(415, f"The content type must be {expected}. Received: {received!r}.")
        body = self.rfile.read(length)
        if len(body) < length:
            self.close_connection = True
            raise _RefusedError(400, "The request ended early.")
        return answer_post(self.server.explorer, path, self.headers, body)

    def _length(self, largest: int) -> int:
        given = self.headers.get("Content-Length")
        if given is None or not (given.isascii() and given.isdecimal()) or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            raise _RefusedError(411, "Content-Length is required.")
        if int(given) > largest:
            self.close_connection = True
            message = f"That is too large: {int(given) / 2**20:,.0f} MB. At most {largest >> 20} MB can be sent."
            raise _RefusedError(413, message, int(given))
        return int(given)

    def _discard(self, length: int) -> None:
        """Drops a body for a while: a browser that is disconnected while it sends never reads the answer."""
        ends = time.monotonic() + DISCARDS_FOR_S
        if length:
            self.connection.settimeout(DISCARDS_FOR_S)
        with contextlib.suppress(TimeoutError, OSError):
            while length > 0 and time.monotonic() < ends:
                chunk = self.rfile.read1(min(length, 1 << 20))
                length -= len(chunk) or length

    def _send(self, status: int, kind: str, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in HEADERS.items():
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)
        self.wfile.flush()

    def log_message(self, *_):
        """Disables logging of requests."""


def _name_of(host: str) -> str:
    """Returns the name in a Host header, without its port."""
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _error(message: str) -> bytes:
    return json.dumps({"error": message}).encode()
