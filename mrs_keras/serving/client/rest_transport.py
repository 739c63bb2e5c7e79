"""Transport over the REST API of TF-Serving."""

import contextlib
import json
import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import urllib3

from mrs_keras.serving.client.errors import ServingError
from mrs_keras.serving.json_arrays import read_json, writable, write_json

CODES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    413: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    501: "UNIMPLEMENTED",
    # Also from a proxy.
    **dict.fromkeys((429, 502, 503, 504), "UNAVAILABLE"),
}
"""HTTP status of TF-Serving, or of a proxy in front of it -> name of the equivalent gRPC status."""

NEWEST_KEPT_S = 1.0
"""How long the signatures of the newest version are cached before they are fetched again, s."""


class RestTransport:
    """Sends requests over keep-alive connections; thread-safe.

    Args:
      url: `"http://host:port"` or `"https://host:port"`, optionally with the path of a proxy.
    """

    def __init__(self, url: str):
        self._url = url.rstrip("/")
        self._pool = urllib3.PoolManager(maxsize=64, retries=False)
        self._signature_defs: dict[tuple, tuple[float, dict]] = {}

    def predict(
        self, model: str, version: int | None, signature: str, inputs: dict[str, np.ndarray], timeout_s: float
    ) -> dict[str, np.ndarray]:
        """Returns the outputs of a signature, without retries; raises `ServingError`."""
        signature_def = self._signature_def(model, version, signature, timeout_s)
        unknown = sorted(set(inputs) - set(signature_def["inputs"]))
        if unknown:
            # TF-Serving's REST API would silently ignore them; its gRPC API rejects them.
            known = ", ".join(signature_def["inputs"])
            raise ServingError("INVALID_ARGUMENT", f"Inputs of '{signature}': {known}. Unknown: {', '.join(unknown)}.")
        dtypes = {name: _numpy_dtype(info["dtype"]) for name, info in signature_def["outputs"].items()}

        def as_arrays(answer):
            # A single output comes without its name.
            outputs = {next(iter(dtypes)): answer["outputs"]} if len(dtypes) == 1 else answer["outputs"]
            return {name: np.asarray(value, dtypes.get(name)) for name, value in outputs.items()}

        body = {"signature_name": signature, "inputs": {name: writable(v) for name, v in inputs.items()}}
        return self._request("POST", f"{_path(model, version)}:predict", timeout_s, write_json(body), as_arrays)

    def available_versions(self, model: str, timeout_s: float) -> list[int]:
        """Returns the available versions of a model; raises `ServingError`."""
        statuses = self._request("GET", _path(model, None), timeout_s)["model_version_status"]
        return [int(status["version"]) for status in statuses if status["state"] == "AVAILABLE"]

    def close(self) -> None:
        self._pool.clear()

    def _signature_def(self, model: str, version: int | None, signature: str, timeout_s: float) -> dict:
        """Returns the inputs and outputs of a signature from the metadata of the model."""
        key = model, version, signature
        kept_until, signature_def = self._signature_defs.get(key, (-math.inf, {}))
        if time.monotonic() > kept_until:
            answer = self._request("GET", f"{_path(model, version)}/metadata", timeout_s)
            signatures = answer["metadata"]["signature_def"]["signature_def"]
            if signature not in signatures:
                known = ", ".join(sorted(signatures))
                raise ServingError("INVALID_ARGUMENT", f"No signature '{signature}'. Expected one of: {known}.")
            signature_def = signatures[signature]
            kept_until = math.inf if version is not None else time.monotonic() + NEWEST_KEPT_S
            self._signature_defs[key] = kept_until, signature_def
        return signature_def

    def _request(
        self,
        method: str,
        path: str,
        timeout_s: float,
        body: bytes | None = None,
        convert: Callable[[dict], dict] = lambda answer: answer,
    ) -> dict:
        """Returns what `convert` makes of the JSON object of an answer; raises `ServingError`."""
        ends = time.monotonic() + timeout_s
        try:
            response = self._pool.request(method, self._url + path, body=body, timeout=timeout_s, preload_content=False)
            data = _read(response, ends)
        except urllib3.exceptions.ReadTimeoutError as error:
            raise ServingError("DEADLINE_EXCEEDED", str(error)) from error
        except urllib3.exceptions.HTTPError as error:
            raise ServingError("UNAVAILABLE", str(error)) from error

        def converted(answer):
            if response.status == 200 and isinstance(answer, dict):
                return convert(answer)
            said = answer.get("error") if isinstance(answer, dict) else None
            code = CODES.get(response.status, "INTERNAL")
            raise ServingError(code, f"{said or data[:500].decode(errors='replace')} (HTTP {response.status})")

        try:
            return read_json(data, converted)
        except json.JSONDecodeError:
            # NaN and infinity, which TF-Serving writes, are JSON to Python's own reader alone.
            return converted(_read_leniently(data))


def _read_leniently(data: bytes) -> Any:
    """Returns what Python's own reader makes of JSON; `None` where it is not JSON to it either."""
    with contextlib.suppress(ValueError):
        return json.loads(data)
    return None


def _read(response: urllib3.BaseHTTPResponse, ends: float) -> bytes:
    """Returns the body, if complete by `ends` (`time.monotonic`): the timeout of urllib3 applies only to each chunk."""
    data = bytearray()
    while piece := response.read1(1 << 20):
        data += piece
        if time.monotonic() > ends:
            response.close()
            raise ServingError("DEADLINE_EXCEEDED", f"Only {len(data)} bytes of the response arrived in time.")
    response.release_conn()
    return bytes(data)


def _path(model: str, version: int | None) -> str:
    return f"/v1/models/{model}" + ("" if version is None else f"/versions/{version}")


def _numpy_dtype(name: str) -> np.dtype | None:
    """Returns the NumPy dtype for the name of a TensorFlow dtype; `None` for strings, which are returned as text."""
    if name == "DT_STRING":
        return None
    name = name.removeprefix("DT_").lower()
    return np.dtype({"float": "float32", "double": "float64", "half": "float16"}.get(name, name))
