"""The model as its server offers it: what it is, whether it answers, and the calls of its signatures."""

import threading
from typing import Any

import numpy as np

from mrs_keras.explore.model_source import ModelSource
from mrs_keras.serving.client import Client, ServingError
from mrs_keras.serving.description import ModelDescription

TIMEOUT_S = 20.0
"""Of a request: a geodesic of a large model takes seconds on a busy machine."""

LOOKS_EVERY_S = 1.0
"""How often the server is asked whether it still answers."""

READY, WAITING = "ready", "waiting"


class ServedModel:
    """The model of a source, pinned to the version that was the newest when it first answered.

    Args:
      source: where it is served; `start` and `stop` start and stop it, too.
    """

    def __init__(self, source: ModelSource):
        self.source = source
        self.description: ModelDescription | None = None
        self.encoder_note = ""
        self._client: Client | None = None
        self._note = "The model is loading."
        self._ready, self._stopping, self._lock = threading.Event(), threading.Event(), threading.Lock()
        self._thread = threading.Thread(target=self._watch, daemon=True, name="model watch")

    def start(self) -> None:
        """Starts the source and the watch over it."""
        self.source.start()
        self._thread.start()

    def stop(self) -> None:
        """Stops both."""
        self._stopping.set()
        self.source.stop()
        self._thread.join(TIMEOUT_S)
        if self._client is not None:
            self._client.close()

    def wait(self, timeout_s: float) -> bool:
        """Returns whether the model answers, after waiting for it for a while."""
        return self._ready.wait(timeout_s)

    @property
    def key(self) -> str:
        """Identifies the export that answers; `""` while none has."""
        described = self.description
        return "" if described is None else f"{described.export_id[:12]}-{described.model_version}"

    def status(self) -> dict[str, str]:
        """Returns whether the model answers, why not in words, and which it is."""
        ready = self._ready.is_set()
        return {"state": READY if ready else WAITING, "note": "" if ready else self._note, "key": self.key}

    def call(self, method: str, **inputs: Any) -> dict[str, np.ndarray]:
        """Calls a method of `Client`.

        Raises:
          ServingError: UNAVAILABLE while the server does not answer; or as the server says.
          ValueError: if the model does not accept the inputs.
        """
        client = self._client
        if client is None:
            raise ServingError("UNAVAILABLE", self.source.note or self._note)
        try:
            return getattr(client, method)(**inputs)
        except ServingError as error:
            if error.passes:
                self._lost(error)
            raise

    def _lost(self, error: ServingError) -> None:
        self._ready.clear()
        says = "does not answer" if error.passes else f"answers {error.code}"
        self._note = self.source.note or f"The model server at {self.source.url} {says}: {error.detail}"

    def _watch(self) -> None:
        while not self._stopping.is_set():
            try:
                self._look()
                self._ready.set()
            except ServingError as error:
                self._lost(error)
                if error.code == "NOT_FOUND":
                    # The pinned version is gone: the next look finds the newest.
                    self._connect(None)
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                self._ready.clear()
                self._note = (
                    f"The model at {self.source.url} does not describe itself as this version of mrs_keras expects: "
                    f"{type(error).__name__}: {error}. Export it again with `mrs-keras export`."
                )
            self._stopping.wait(LOOKS_EVERY_S)

    def _look(self) -> None:
        """Asks the server for its description; raises `ServingError` if it does not answer."""
        url = self.source.url
        if url is None:
            self._connect(None)
            raise ServingError("UNAVAILABLE", self.source.note)
        if self._client is None or self._client.url != url:
            newest = max(_versions(url))
            self._connect(Client(url, version=newest, timeout_s=TIMEOUT_S, retry_for_s=0))
        self.description = self._client.describe()
        if not self._ready.is_set():
            self.encoder_note = self._encoder_note()

    def _encoder_note(self) -> str:
        """Returns why spectra cannot be encoded; `""` if they can."""
        try:
            encoder = self._client.describe(self._client.encoder)
        except ServingError as error:
            return f"The server has no encoder of version {self._client.version}: {error.detail}"
        if encoder.export_id != self.description.export_id:
            return "Encoder and generator on the server come from different exports. Export both again."
        return ""

    def _connect(self, client: Client | None) -> None:
        with self._lock:
            previous, self._client = self._client, client
        if previous is not None:
            previous.close()


def _versions(url: str) -> list[int]:
    """Returns the versions of the generator that a server offers."""
    from mrs_keras.serving.client.rest_transport import RestTransport

    transport = RestTransport(url)
    try:
        versions = transport.available_versions("generator", TIMEOUT_S)
    finally:
        transport.close()
    if not versions:
        raise ServingError("UNAVAILABLE", "No version of the model 'generator' is available.")
    return versions
