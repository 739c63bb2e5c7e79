"""A small client of the W3C WebDriver protocol, for Debian's chromedriver: what the tests of the page need."""

import base64
import contextlib
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import urllib3

CHROMIUM, CHROMEDRIVER = shutil.which("chromium"), shutil.which("chromedriver")

# Without the flags against background networking, Chromium asks hosts of its own.
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *(
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-dev-shm-usage",
        "--force-color-profile=srgb",
    ),
)

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
"""Key of an element's ID in JSON (W3C WebDriver, section 12)."""

KEYS = {
    "Tab": "\ue004",
    "Enter": "\ue007",
    "ArrowLeft": "\ue012",
    "ArrowRight": "\ue014",
    "Space": "\ue00d",
    "Shift": "\ue008",
}


class Browser:
    """A session of headless Chromium.

    Args:
      driver_url: of chromedriver.
      downloads: folder for what the page saves.
    """

    def __init__(self, driver_url: str, downloads: Path):
        self._pool, self._url = urllib3.PoolManager(), driver_url
        options = {
            "args": [*FLAGS, "--window-size=1366,768"],
            "binary": CHROMIUM,
            "prefs": {"download.default_directory": str(downloads), "download.prompt_for_download": False},
        }
        wanted = {
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._url += f"/session/{session['sessionId']}"

    def _call(self, method: str, path: str, content: Any = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        headers = {"Content-Type": "application/json"}
        answer = self._pool.request(method, self._url + path, body=body, headers=headers, timeout=90.0, retries=False)
        value = json.loads(answer.data)["value"]
        if answer.status != 200:
            raise RuntimeError(f"{value['error']}: {value['message']}")
        return value

    def open(self, url: str) -> None:
        """Opens an address in the tab."""
        self._call("POST", "/url", {"url": url})

    def run(self, script: str, *arguments: Any) -> Any:
        """Returns what a function body returns; a promise is waited for."""
        return self._call("POST", "/execute/sync", {"script": script, "args": list(arguments)})

    def wait(self, condition: str, seconds: float = 60.0) -> Any:
        """Returns the value of an expression once it is true.

        Raises:
          AssertionError: if it is not, in time.
        """
        ends = time.monotonic() + seconds
        while time.monotonic() < ends:
            with contextlib.suppress(RuntimeError):  # of a page that is not loaded
                if value := self.run(f"return {condition}"):
                    return value
            time.sleep(0.05)
        banner = self.run("return document.getElementById('banner')?.textContent")
        raise AssertionError(f"Not true within {seconds} s: {condition}. The banner says: {banner!r}")

    def find(self, selector: str) -> str:
        """Returns the ID of an element."""
        return self._call("POST", "/element", {"using": "css selector", "value": selector})[ELEMENT]

    def click(self, selector: str) -> None:
        """Clicks an element, as a mouse does."""
        self._call("POST", f"/element/{self.find(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Sends keys to an element; for a file input, the path of a file."""
        self._call("POST", f"/element/{self.find(selector)}/value", {"text": text})

    def press(self, *keys: str) -> None:
        """Presses keys, where the focus is; the last one while the others are held."""
        codes = [KEYS.get(key, key) for key in keys]
        downs = [{"type": "keyDown", "value": code} for code in codes]
        ups = [{"type": "keyUp", "value": code} for code in reversed(codes)]
        self._call("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": downs + ups}]})

    def resize(self, width: int, height: int) -> None:
        """Sets the size of the page, also below the smallest window."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.command("Emulation.setDeviceMetricsOverride", metrics)

    def command(self, name: str, parameters: dict) -> Any:
        """Sends a command of the Chrome DevTools protocol."""
        return self._call("POST", "/goog/cdp/execute", {"cmd": name, "params": parameters})

    def screenshot(self, path: Path, *, whole: bool = False) -> None:
        """Writes what the window shows, or the whole page, as PNG."""
        taken = self.command("Page.captureScreenshot", {"format": "png", "captureBeyondViewport": whole})
        path.write_bytes(base64.b64decode(taken["data"]))

    def log(self, kind: str = "browser") -> list[dict]:
        """Returns the entries of a log since the last call."""
        return self._call("POST", "/se/log", {"type": kind})

    def close(self) -> None:
        """Ends the session."""
        self._call("DELETE", "")


@contextlib.contextmanager
def chromium(downloads: Path) -> Iterator[Browser]:
    """Starts chromedriver and a session."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    driver = subprocess.Popen(
        [CHROMEDRIVER, f"--port={port}"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    browser = None
    try:
        while "started successfully" not in (line := driver.stdout.readline()):
            assert line, "chromedriver did not start"
        browser = Browser(f"http://127.0.0.1:{port}", downloads)
        yield browser
    finally:
        if browser is not None:
            browser.close()
        driver.terminate()
        driver.wait(10)
        driver.stdout.close()


def until(condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Returns what `condition` returns once it is true.

    Raises:
      AssertionError: if it is not, in time.
    """
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        if value := condition():
            return value
        time.sleep(0.1)
    raise AssertionError(f"Not true within {seconds} s.")
