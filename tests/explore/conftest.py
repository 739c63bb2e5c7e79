"""The pretrained model, served in this process, and the page's server in front of it."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest

from mrs_keras.explore.explorer import Explorer
from mrs_keras.explore.http_server import ExploreServer
from mrs_keras.explore.model_source import ModelSource, RunningServer
from mrs_keras.pretrained import pretrained_dir


@contextlib.contextmanager
def exploring(source: ModelSource) -> Iterator[ExploreServer]:
    """Serves the page of a source."""
    explorer = Explorer(source)
    server = ExploreServer(explorer)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    explorer.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        explorer.stop()


@pytest.fixture(scope="session")
def model_url():
    """REST address of the pretrained SavedModels."""
    from mrs_keras.serving.server import ModelServer

    with ModelServer(pretrained_dir(), grpc_port=0, rest_port=0) as server:
        yield server.rest_url


@pytest.fixture(scope="session")
def page(model_url):
    """The server of the page, with the model analysed."""
    with exploring(RunningServer(model_url)) as server:
        ends = time.monotonic() + 60
        while not server.explorer.status()["analysed"]:
            assert time.monotonic() < ends, server.explorer.status()
            time.sleep(0.05)
        yield server


@pytest.fixture(scope="session")
def explorer(page) -> Explorer:
    return page.explorer


@pytest.fixture(scope="session")
def base():
    """The pretrained model itself: the oracle of what the page shows."""
    from mrs_keras import load_pretrained

    return load_pretrained()
