"""`Client`: calls the signatures of served models."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import numpy as np

from mrs_keras.checks import check_choice, check_count, check_positive
from mrs_keras.random_streams import row_seeds
from mrs_keras.serving.client.errors import ServingError
from mrs_keras.serving.client.retry import retrying
from mrs_keras.serving.description import INTERPOLATIONS, ModelDescription

if TYPE_CHECKING:
    from mrs_keras.serving.client.grpc_transport import GrpcTransport
    from mrs_keras.serving.client.rest_transport import RestTransport

GEODESICS_AT_ONCE = 128
"""Most rows of a request for geodesics, which take the server milliseconds each."""


class Client:
    """Calls the encoder and the generator on a TF-Serving or `mrs-keras serve` server.

    A client is thread-safe. Inputs are validated against the model's description before they are sent. Transient
    failures (no connection, a server that restarts or is overloaded, a timeout) are retried: the output of a signature
    depends only on its inputs, so a retry gives the same result. A request that was rejected, possibly because of the
    rows of others in its batch, is retried as a full batch, which no other request can join. Large inputs are split
    into several requests, all to the same version of the model.

    Args:
      url: `"grpc://host:8500"` or `"http://host:8501"`; `"grpcs://"` and `"https://"` for TLS.
      version: version of both models. Defaults to `None`: the newest that is served.
      timeout_s: timeout of a request, s. Defaults to `10.0`.
      retry_for_s: how long after the start of a call retries may start, s. Defaults to `60.0`; `0` for no retries.
      max_rows: maximum rows of a request: the server's `max_batch_size`. Defaults to `1024`.
      encoder: name under which the encoder is served. Defaults to `"encoder"`.
      generator: name under which the generator is served. Defaults to `"generator"`.

    Raises:
      ValueError: if an argument is out of range.
      ServingError: from every call, if the server rejects it or does not respond.

    Example:

    >>> with Client("grpc://localhost:8500") as client:  # doctest: +SKIP
    ...     generated = client.generate([[12.0, 4.5]] * 8, seed=0)
    >>> generated["spectrum"].shape  # doctest: +SKIP
    (8, 252, 2)
    """

    def __init__(
        self,
        url: str,
        version: int | None = None,
        timeout_s: float = 10.0,
        retry_for_s: float = 60.0,
        max_rows: int = 1024,
        encoder: str = "encoder",
        generator: str = "generator",
    ):
        self.url = url
        self.version = version if version is None else check_count("version", version, 1)
        self.timeout_s = check_positive("timeout_s", timeout_s, 10.0)
        self.retry_for_s = retry_for_s and check_positive("retry_for_s", retry_for_s, 60.0)
        self.max_rows = check_count("max_rows", max_rows, 1024)
        self.encoder, self.generator = encoder, generator
        self._transport = _transport(url)
        self._descriptions: dict[tuple, ModelDescription] = {}

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

    # === Signatures ===

    def describe(self, model: str | None = None) -> ModelDescription:
        """Fetches the description of a model again and returns it.

        Args:
          model: name of the model. Defaults to `None`: the generator.
        """
        model = model or self.generator
        outputs = self.predict(model, "describe", {"row": np.zeros(1, np.int64)})
        self._descriptions[model, self.version] = ModelDescription.from_outputs(outputs)
        return self._descriptions[model, self.version]

    def encode(self, spectrum, concentrations) -> dict[str, np.ndarray]:
        """Encodes spectra.

        Args:
          spectrum: (rows, points, 2), real and imaginary part, in the units of the training data.
          concentrations: (rows, labels), in their units.

        Returns:
          `"z_mean"` and `"z_log_var"`, mean and log variance of the latents, each float32 (rows, latent_dim).

        Raises:
          ValueError: if the model does not accept the inputs.
        """
        return self._call(self.encoder, "encode", spectrum=spectrum, concentrations=concentrations)

    def decode(self, z, concentrations) -> dict[str, np.ndarray]:
        """Decodes latents.

        Args:
          z: (rows, latent_dim).
          concentrations: (rows, labels), in their units.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), in the units of the training data.

        Raises:
          ValueError: if the model does not accept the inputs.
        """
        return self._call(self.generator, "decode", z=z, concentrations=concentrations)

    def generate(self, concentrations, seed) -> dict[str, np.ndarray]:
        """Generates a spectrum for each row of concentrations.

        Args:
          concentrations: (rows, labels), in their units.
          seed: one integer per row, or a single integer, as in `CVAE.generate`.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), and its latents `"z"`, float32 (rows, latent_dim).

        Raises:
          ValueError: if the model does not accept the inputs.
        """
        seeds = row_seeds(seed, len(np.atleast_1d(concentrations)))
        return self._call(self.generator, "generate", seeds, concentrations=concentrations)

    def interpolate(
        self,
        z_a,
        z_b,
        concentrations_a,
        concentrations_b,
        alpha,
        path: Literal["straight", "geodesic"] = "straight",
    ) -> dict[str, np.ndarray]:
        """Decodes points on a path between two latents and on the straight line between two concentrations.

        Args:
          z_a: (rows, latent_dim), at `alpha` 0.
          z_b: (rows, latent_dim), at `alpha` 1.
          concentrations_a: (rows, labels), in their units, at `alpha` 0.
          concentrations_b: (rows, labels), in their units, at `alpha` 1.
          alpha: (rows,), from 0 to 1.
          path: as in `CVAE.interpolate`; the server finds a geodesic for each row anew. Models exported by earlier
            versions of this package serve straight lines only. Defaults to `"straight"`.

        Returns:
          `"spectrum"`, float32 (rows, points, 2), in the units of the training data.

        Raises:
          ValueError: if the model does not accept the inputs, or `path` is unknown.
        """
        inputs = {"z_a": z_a, "z_b": z_b, "concentrations_a": concentrations_a, "concentrations_b": concentrations_b}
        signature = INTERPOLATIONS[check_choice("path", path, INTERPOLATIONS)]
        return self._call(self.generator, signature, **inputs, alpha=alpha)

    # === Requests ===

    def predict(
        self, model: str, signature: str, inputs: Mapping[str, np.ndarray], version: int | None = None
    ) -> dict[str, np.ndarray]:
        """Calls any signature in a single request with unvalidated inputs, retrying it if necessary.

        Args:
          model: name of the model.
          signature: name of the signature.
          inputs: name -> array.
          version: Defaults to `None`: the version of the client.

        Returns:
          Output name -> array.
        """
        version = version or self.version
        lengths = {len(value) if np.ndim(value) else 0 for value in inputs.values()}
        rows = lengths.pop() if len(lengths) == 1 else 0

        def send(values):
            return self._transport.predict(model, version, signature, values, self.timeout_s)

        def send_full():
            """Repeats the rows to fill a batch."""
            shapes = {name: (self.max_rows, *np.shape(value)[1:]) for name, value in inputs.items()}
            outputs = send({name: np.resize(value, shapes[name]) for name, value in inputs.items()})
            return {name: value[:rows] for name, value in outputs.items()}

        return retrying(
            lambda: send(dict(inputs)), self.retry_for_s, alone=send_full if 0 < rows < self.max_rows else None
        )

    def _call(self, model: str, signature: str, seeds: np.ndarray | None = None, **inputs) -> dict[str, np.ndarray]:
        """Validates inputs and calls a signature, in as many requests as the number of rows requires."""
        inputs = self._checked(model, inputs)
        if seeds is not None:
            inputs["seed"] = seeds
        rows = len(next(iter(inputs.values())))
        version = self.version
        at_once = min(self.max_rows, GEODESICS_AT_ONCE if signature == INTERPOLATIONS["geodesic"] else rows)
        if rows > at_once and version is None:
            # A new version may be loaded between requests: all rows must come from one version.
            version = self._newest_version(model)
        slices = [slice(start, start + at_once) for start in range(0, rows, at_once)]
        try:
            parts = [
                self.predict(model, signature, {name: value[part] for name, value in inputs.items()}, version)
                for part in slices
            ]
        except ServingError as error:
            if error.may_be_of_another_request:
                # Or a new version takes different inputs than the described one.
                self._descriptions.pop((model, self.version), None)
            raise
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _checked(self, model: str, inputs: dict) -> dict[str, np.ndarray]:
        """Validates inputs against the model's description, which is cached until it rejects some."""
        if kept := self._descriptions.get((model, self.version)):
            try:
                return kept.checked(**inputs)
            except ValueError:
                if self.version is not None:
                    raise
                # A new version may accept them.
        return self.describe(model).checked(**inputs)

    def _newest_version(self, model: str) -> int:
        def ask() -> int:
            versions = self._transport.available_versions(model, self.timeout_s)
            if not versions:
                raise ServingError("UNAVAILABLE", f"No version of '{model}' is available.")
            return max(versions)

        return retrying(ask, self.retry_for_s)


def _transport(url: str) -> "GrpcTransport | RestTransport":
    parts = urlsplit(url)
    # The gRPC messages import TensorFlow, which takes seconds; REST does not need it.
    if parts.scheme in ("grpc", "grpcs") and parts.netloc:
        from mrs_keras.serving import tensorflow_alone  # noqa: F401 - before the messages import it with Keras
        from mrs_keras.serving.client.grpc_transport import GrpcTransport

        return GrpcTransport(parts.netloc, secure=parts.scheme == "grpcs")
    if parts.scheme in ("http", "https") and parts.netloc:
        from mrs_keras.serving.client.rest_transport import RestTransport

        return RestTransport(url)
    raise ValueError(
        "`url` must begin with grpc://, grpcs://, http:// or https://, and name a host. "
        f"Received: url={url!r}. Give for example 'grpc://localhost:8500' or 'http://localhost:8501'."
    )
