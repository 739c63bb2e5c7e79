"""`ModelServer`: ports, polling and lifetime."""

import logging
import os
import threading
from pathlib import Path

from mrs_keras.checks import check_count, check_positive
from mrs_keras.serving.server.grpc_service import grpc_server
from mrs_keras.serving.server.rest_service import RestServer
from mrs_keras.serving.server.versions import AVAILABLE, ServedModels, version_folders

logger = logging.getLogger(__name__)

GRACE_S = 5.0
"""How long in-flight requests may take to finish when the server stops, s."""


class ModelServer:
    """Serves exports over the gRPC and REST APIs of TF-Serving, from this process.

    It loads the SavedModels into the same kind of session as TF-Serving, and accepts and rejects the same requests with
    the same status. It is meant for local use and for tests; use TF-Serving itself in production.

    Args:
      saved_models_dir: folder of `<model>/<version>/saved_model.pb`, as `mrs-keras export` writes it.
      host: address to listen on. Defaults to `"127.0.0.1"`: only local clients.
      grpc_port: Defaults to `8500`; `0` picks a free port.
      rest_port: Defaults to `8501`; `0` picks a free port.
      max_batch_size: maximum rows of a batch, and of a request. Defaults to `1024`.
      batch_timeout_ms: how long a batch waits to fill up. Defaults to `0.0`: it starts once no other batch is running.
      poll_s: polling interval for new versions, s. Defaults to `1.0`.
      max_message_mb: maximum size of a request, in MiB. Defaults to `64`.
      num_versions: number of newest versions of each model to serve, so that clients of the previous version keep
        working while they move to the next. Defaults to `2`.
      max_enqueued_batches: maximum waiting batches per signature; further requests are rejected as UNAVAILABLE.
        Defaults to `100`.

    Raises:
      ValueError: if a number is out of range.

    Example:

    >>> with ModelServer("saved_models", grpc_port=0, rest_port=0) as server:  # doctest: +SKIP
    ...     print(server.grpc_url, server.rest_url)
    """

    def __init__(
        self,
        saved_models_dir: str | os.PathLike,
        host: str = "127.0.0.1",
        grpc_port: int = 8500,
        rest_port: int = 8501,
        max_batch_size: int = 1024,
        batch_timeout_ms: float = 0.0,
        poll_s: float = 1.0,
        max_message_mb: int = 64,
        num_versions: int = 2,
        max_enqueued_batches: int = 100,
    ):
        self._folder, self._host = Path(saved_models_dir), host
        self._ports = {"grpc_port": grpc_port, "rest_port": rest_port}
        for name, port in self._ports.items():
            if check_count(name, port, 8500, at_least=0) > 65535:
                raise ValueError(f"`{name}` must be at most 65535. Received: {name}={port}. Give 0 for a free port.")
        if batch_timeout_ms != 0:
            check_positive("batch_timeout_ms", batch_timeout_ms, 1.0)
        self._poll_s = check_positive("poll_s", poll_s, 1.0)
        # gRPC stores message sizes as 32-bit integers.
        self._max_message_bytes = min(check_count("max_message_mb", max_message_mb, 64) << 20, (1 << 31) - 1)
        self._models = ServedModels(
            self._folder,
            check_count("num_versions", num_versions, 2),
            max_batch_size=check_count("max_batch_size", max_batch_size, 1024),
            timeout_s=batch_timeout_ms / 1e3,
            max_batches=check_count("max_enqueued_batches", max_enqueued_batches, 100),
        )
        self._grpc = self._rest = None
        self._threads, self._stopping = [], threading.Event()

    def start(self) -> "ModelServer":
        """Loads and warms up all models, then opens the ports; returns the server itself.

        Raises:
          FileNotFoundError: if the folder contains no exports.
          ValueError: if no version of a model can be loaded.
          OSError: if a port is in use, or the host is not an address of this machine.
        """
        if not version_folders(self._folder):
            raise FileNotFoundError(
                f"There is no export in '{self._folder}'. Expected: folders such as 'generator/1'. "
                "Make them with `mrs-keras export`, or give another folder."
            )
        self._stopping.clear()
        try:
            self._models.poll()
            self._check_loaded()
            self._open_ports()
        except BaseException:
            self.stop()
            raise
        self._run(self._poll)
        return self

    def _check_loaded(self):
        for name in self._models.names():
            states = self._models.states(name)
            if not any(version.state == AVAILABLE for version in states.values()):
                errors = "; ".join(f"version {number}: {version.error}" for number, version in states.items())
                raise ValueError(
                    f"The model '{name}' in '{self._folder}' cannot be served. Received: {errors}. "
                    "Export it again with `mrs-keras export`, or remove its folder."
                )

    def _open_ports(self):
        server = grpc_server(self._models, self._max_message_bytes)
        try:
            self._ports["grpc_port"] = server.add_insecure_port(_address(self._host, self._ports["grpc_port"]))
        except RuntimeError as error:
            server.stop(None)
            raise self._port_error("grpc_port") from error
        self._grpc = server
        try:
            self._rest = RestServer((self._host, self._ports["rest_port"]), self._models, self._max_message_bytes)
        except OSError as error:
            raise self._port_error("rest_port") from error
        self._ports["rest_port"] = self._rest.server_address[1]
        self._grpc.start()
        self._run(self._rest.serve_forever, 0.05)

    def _port_error(self, name):
        return OSError(
            f"The server cannot listen on `{name}`. Received: {_address(self._host, self._ports[name])}. "
            "Another program may be using the port: stop it, or give another port, 0 for a free one. "
            "The host must be an address of this machine."
        )

    def _run(self, function, *arguments):
        thread = threading.Thread(target=function, args=arguments, daemon=True, name=f"mrs-keras {function.__name__}")
        thread.start()
        self._threads.append(thread)

    def _poll(self):
        while not self._stopping.wait(self._poll_s):
            try:
                self._models.poll()
            except OSError as error:
                # Keep polling: a folder, e.g. on a network drive, may be unreadable only temporarily.
                logger.warning("'%s' cannot be read: %s", self._folder, error)

    def stop(self) -> None:
        """Waits up to 5 s for in-flight requests, then closes the ports and unloads the models."""
        self._stopping.set()
        stopped = self._grpc.stop(GRACE_S) if self._grpc is not None else None
        if self._rest is not None:
            self._rest.stop(GRACE_S)
        if stopped is not None:
            stopped.wait()
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        self._grpc = self._rest = None
        self._models.close()

    def __enter__(self) -> "ModelServer":
        return self.start()

    def __exit__(self, *_) -> None:
        self.stop()

    @property
    def grpc_url(self) -> str:
        """Such as `"grpc://127.0.0.1:8500"`."""
        return f"grpc://{_address(self._host, self._ports['grpc_port'])}"

    @property
    def rest_url(self) -> str:
        """Such as `"http://127.0.0.1:8501"`."""
        return f"http://{_address(self._host, self._ports['rest_port'])}"


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
