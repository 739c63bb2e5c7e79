"""What the server of the page answers, and what it refuses."""

import http.client
import json
import re
import socket

import pytest

from mrs_keras.explore.explorer import Explorer
from mrs_keras.explore.http_server import LARGEST_BODY, LARGEST_SCAN, ExploreServer, static_files
from mrs_keras.explore.model_source import RunningServer
from tests.explore.conftest import exploring


@pytest.fixture(scope="module")
def unserved():
    """The page of a model server that does not answer."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with exploring(RunningServer(f"http://127.0.0.1:{port}")) as server:
        yield server


def ask(server, method, path, body=None, **headers):
    """Returns status, headers and body of an answer; the names of headers have underscores here."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=20)
    try:
        connection.putrequest(method, path, skip_host=True)
        given = {"Host": f"127.0.0.1:{server.server_address[1]}"}
        if body is not None:
            given |= {"Content-Type": "application/json", "Content-Length": str(len(body))}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        for name, value in given.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def error_of(answer):
    return json.loads(answer[2])["error"]


def test_the_page_and_all_files_that_it_names_are_served(unserved):
    html = ask(unserved, "GET", "/")[2].decode()
    named = set(re.findall(r'(?:src|href)="([^"#]+)"', html))
    scripts = [name for name in named if name.startswith("js/")]
    assert scripts == ["js/main.js"]
    while scripts:
        status, headers, body = ask(unserved, "GET", f"/{scripts[0]}")
        assert (status, headers["Content-Type"]) == (200, "text/javascript; charset=utf-8"), scripts[0]
        imported = {f"js/{name}" for name in re.findall(r'from "\./([^"]+)"', body.decode())}
        scripts = [*scripts[1:], *(imported - named)]
        named |= imported
    assert len(named) > 15
    for name in named:
        status, headers, _ = ask(unserved, "GET", f"/{name}")
        assert status == 200, name
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "default-src 'none'" in headers["Content-Security-Policy"]
    # Nothing is shipped that the page does not use, but for licences.
    unused = set(static_files()) - {f"/{name}" for name in named} - {"/", "/index.html"}
    assert unused == {"/vendor/uplot/LICENSE", "/vendor/uplot/VERSION.txt"}


def test_the_page_names_no_other_host():
    for path, (_, content) in static_files().items():
        hosts = set(re.findall(rb"https?://([a-z0-9.:-]+)", content))
        assert hosts <= {b"www.w3.org", b"github.com"}, path  # namespaces of SVG, and who wrote the library
        assert not re.search(rb"@import|url\(", content), path


@pytest.mark.parametrize(
    "path",
    [
        "/../explorer.py",
        "/js/../../explorer.py",
        "/%2e%2e/explorer.py",
        "/..%2fexplorer.py",
        "//etc/passwd",
        "/js/",
        "/js",
    ],
)
def test_no_path_leads_outside_the_folder(unserved, path):
    status, _, body = ask(unserved, "GET", path)
    assert status == 404
    assert b"import" not in body


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:80", "", "localhost.evil.example"])
def test_another_name_of_this_machine_is_refused(unserved, host):
    assert ask(unserved, "GET", "/", Host=host)[0] == 403
    assert ask(unserved, "POST", "/api/decode", b"{}", Host=host)[0] == 403


@pytest.mark.parametrize("host", ["localhost:8600", "127.0.0.1:1", "[::1]:8600", "LOCALHOST"])
def test_the_page_can_be_reached_through_a_tunnel(unserved, host):
    assert ask(unserved, "GET", "/", Host=host)[0] == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
    ],
)
def test_a_page_of_another_site_cannot_send(unserved, headers):
    answer = ask(unserved, "POST", "/api/decode", b"{}", **headers)
    assert answer[0] == 403
    assert "Only the page itself" in error_of(answer)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_form_cannot_send(unserved, kind):
    for path in ("/api/decode", "/api/scan"):
        assert ask(unserved, "POST", path, b"{}", Content_Type=kind)[0] == 415


@pytest.mark.parametrize(("path", "largest"), [("/api/decode", LARGEST_BODY), ("/api/scan", LARGEST_SCAN)])
def test_a_gigabyte_is_refused_before_it_is_sent(unserved, path, largest):
    with socket.create_connection(unserved.server_address[:2], timeout=20) as client:
        head = [
            f"POST {path} HTTP/1.1",
            "Host: localhost",
            "Content-Type: application/json",
            f"Content-Length: {2**30}",
        ]
        client.sendall("\r\n".join([*head, "", ""]).encode() + b"x" * 1000)
        answer = client.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 413")
    assert f"At most {largest >> 20} MB".encode() in answer


@pytest.mark.parametrize(
    "headers", [{"Content_Length": "-1"}, {"Content_Length": "1e3"}, {"Transfer_Encoding": "chunked"}]
)
def test_a_body_has_a_length(unserved, headers):
    assert ask(unserved, "POST", "/api/decode", b"{}", **headers)[0] == 411


@pytest.mark.parametrize("body", [b"", b"{", b"[1]", b"\xff", b'{"z": "x", "concentrations": [1]}', b'{"z": [1, NaN]}'])
def test_what_is_no_request_is_said(unserved, body):
    assert ask(unserved, "POST", "/api/decode", body)[0] == 400


def test_only_loopback_is_listened_on(unserved):
    assert unserved.server_address[0] == "127.0.0.1"


def test_a_port_in_use_is_said(unserved):
    with pytest.raises(OSError, match=r"Another program may be using the port.*--port"):
        ExploreServer(Explorer(RunningServer("http://localhost:1")), unserved.server_address[1])


def test_a_model_server_that_does_not_answer_is_said(unserved):
    answer = ask(unserved, "POST", "/api/decode", b'{"z": [0], "concentrations": [1]}')
    assert answer[0] == 503
    status = json.loads(ask(unserved, "GET", "/api/status")[2])
    assert status["state"] == "waiting"
    assert "does not answer" in status["note"] or "loading" in status["note"]
    assert "waiting" in json.loads(ask(unserved, "GET", "/api/model")[2])


def test_nothing_else_is_there(unserved):
    assert ask(unserved, "GET", "/api/secrets")[0] == 404
    assert ask(unserved, "GET", "/api/scan?id=0123456789abcdef")[0] == 404
    assert ask(unserved, "POST", "/api/secrets", b"{}")[0] == 404
    assert ask(unserved, "DELETE", "/")[0] == 501


def test_the_answer_to_a_slider_is_short(page):
    described = json.loads(ask(page, "GET", "/api/model")[2])
    z, concentrations = [0.0] * described["latent_dim"], [12.0, 4.5]
    answer = ask(page, "POST", "/api/decode", json.dumps({"z": z, "concentrations": concentrations}).encode())
    assert answer[0] == 200
    spectrum = json.loads(answer[2])
    assert len(spectrum["real"]) == len(spectrum["imaginary"]) == len(described["ppm"]) == 252
    assert len(answer[2]) < 10_000


def test_values_out_of_range_are_said(page):
    answer = ask(page, "POST", "/api/decode", json.dumps({"z": [0.0] * 16, "concentrations": [30, 4.5]}).encode())
    assert answer[0] == 400
    assert "NAA 7.5 to 17 mM" in error_of(answer)
    answer = ask(page, "POST", "/api/decode", json.dumps({"z": [0.0] * 3, "concentrations": [12, 4.5]}).encode())
    assert answer[0] == 400
    assert "16 latents" in error_of(answer)
