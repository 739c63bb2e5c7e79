"""Where the explored model is served: by a process of this one, or by a server that runs already."""

import contextlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Protocol

from mrs_keras.pretrained import pretrained_dir

RESTART_AFTER_S = (0.0, 1.0, 5.0, 15.0)
"""How long a process that ended stays away: the next pause after each start that did not last."""

LASTED_S = 60.0
"""A process that served for longer is restarted at once."""

STOPS_WITHIN_S = 10.0


class ModelSource(Protocol):
    """Where a model is served.

    Attributes:
      url: of the REST API, or `None` while there is none.
      note: in words, why there is none.
      run_dir: folder of the model's training, or `None` if it is not known.
      error: why it can never be served, or `None`.
      folder: where `model_process` writes what it knows about the training data, or `None`.
      code: Python code that defines `model`, with the methods of `CVAE`.
      words: what is explored, for the page.
    """

    url: str | None
    note: str
    error: str | None
    run_dir: Path | None
    folder: Path | None
    code: str
    words: str

    def start(self) -> None:
        """Starts to serve, in the background; `url` appears later."""

    def stop(self) -> None:
        """Ends what `start` started."""


class RunningServer:
    """A server of TF-Serving's REST API that somebody else runs.

    Args:
      url: `"http://host:8501"`.

    Raises:
      ValueError: if it is another kind of address.
    """

    run_dir = folder = error = None
    note = ""

    def __init__(self, url: str):
        if not url.startswith(("http://", "https://")):
            raise ValueError(
                f"`url` must be that of TF-Serving's REST API. Received: {url}. Give for example http://localhost:8501."
            )
        self.url = url
        self.words = f"the models served at {url}"
        self.code = f"import mrs_keras\n\nmodel = mrs_keras.Client({url!r})"

    def start(self) -> None:
        """Does nothing."""

    def stop(self) -> None:
        """Does nothing: the server stays."""


class OwnServer:
    """A process that serves a model, and is started again when it ends.

    Args:
      run_dir: folder of a training, whose model is exported to a temporary folder. Defaults to `None`.
      saved_models: folder of exported SavedModels, instead. Defaults to `None`.
    """

    def __init__(self, *, run_dir: Path | None = None, saved_models: Path | None = None):
        self.run_dir, self._saved_models = run_dir, saved_models
        self.words = f"the training {run_dir}" if run_dir is not None else f"the SavedModels in {saved_models}"
        self.code = _code_of_run(run_dir) if run_dir is not None else _code_of_saved_models(saved_models)
        self.url, self.note, self.error = None, "The model is loading.", None
        self._temporary, self._process, self._thread = None, None, None
        self._served, self._stopping = False, threading.Event()

    @property
    def folder(self) -> Path | None:
        """The temporary folder of the process."""
        return None if self._temporary is None else Path(self._temporary.name)

    def start(self) -> None:
        """Starts the process, in the background; `error` says why it cannot serve at all."""
        self._temporary = tempfile.TemporaryDirectory(prefix="mrs-keras-explore-", ignore_cleanup_errors=True)
        self._thread = threading.Thread(target=self._keep_running, daemon=True, name="model process")
        self._thread.start()

    def stop(self) -> None:
        """Ends the process and removes its folder."""
        self._stopping.set()
        process = self._process
        if process is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(STOPS_WITHIN_S)
            except subprocess.TimeoutExpired:
                process.kill()
        if self._thread is not None:
            self._thread.join(STOPS_WITHIN_S)
            self._temporary.cleanup()

    def _keep_running(self) -> None:
        tries = 0
        while not self._stopping.is_set():
            started = time.monotonic()
            self._run()
            if self._stopping.is_set() or self.error is not None:
                return
            tries = 0 if time.monotonic() - started > LASTED_S else tries + 1
            self._stopping.wait(RESTART_AFTER_S[min(tries, len(RESTART_AFTER_S) - 1)])

    def _run(self) -> None:
        """Runs the process until it ends."""
        given = ("--run", self.run_dir) if self.run_dir is not None else ("--saved-models", self._saved_models)
        command = [sys.executable, "-m", "mrs_keras.explore.model_process", *map(str, given)]
        self._process = process = subprocess.Popen(
            [*command, "--folder", str(self.folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"TF_CPP_MIN_LOG_LEVEL": "2", **os.environ},
        )
        if self._stopping.is_set():  # `stop` may not have seen it
            process.stdin.close()
        line = process.stdout.readline()
        answer = json.loads(line) if line.startswith("{") else {}
        if "url" in answer:
            self.url, self.note, self._served = answer["url"], "", True
        status = process.wait()
        self.url = None
        ended = f"by signal {-status}" if status < 0 else f"with status {status}"
        self.note = answer.get("error") or f"The process that serves the model ended {ended}. It is started again."
        if not self._served and not self._stopping.is_set():
            # What never served will not: the folder is wrong, or a package is missing.
            self.error = answer.get("error") or f"The process that serves the model ended {ended}."


def _code_of_run(run_dir: Path) -> str:
    return f"import mrs_keras\n\nmodel = mrs_keras.load_trained({str(run_dir)!r})"


def _code_of_saved_models(folder: Path) -> str:
    with contextlib.suppress(FileNotFoundError):
        if folder.resolve() == pretrained_dir().resolve():
            return "import mrs_keras\n\nmodel = mrs_keras.load_pretrained()"
    return (
        "from mrs_keras import Client\nfrom mrs_keras.serving.server import ModelServer\n\n"
        f"server = ModelServer({str(folder)!r}, grpc_port=0, rest_port=0).start()\n"
        "model = Client(server.rest_url)"
    )
