"""How a request ends: the status codes, which TensorFlow, gRPC and TF-Serving number alike, and those of HTTP."""

import enum


class Code(enum.IntEnum):
    """Status codes of TensorFlow's errors and of gRPC."""

    OK = 0
    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


# As in model_servers/http_server.cc; the others are 500.
_HTTP = {
    Code.OK: 200,
    Code.CANCELLED: 499,
    Code.INVALID_ARGUMENT: 400,
    Code.DEADLINE_EXCEEDED: 504,
    Code.NOT_FOUND: 404,
    Code.ALREADY_EXISTS: 409,
    Code.PERMISSION_DENIED: 403,
    Code.RESOURCE_EXHAUSTED: 429,
    Code.FAILED_PRECONDITION: 400,
    Code.ABORTED: 409,
    Code.OUT_OF_RANGE: 400,
    Code.UNIMPLEMENTED: 501,
    Code.UNAVAILABLE: 503,
    Code.UNAUTHENTICATED: 401,
}

_LONGEST_MESSAGE = 1024


class ServingError(Exception):
    """What a request is answered with when it fails.

    Args:
      code: why.
      message: for the client.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The status of a REST answer."""
        return _HTTP.get(self.code, 500)

    @property
    def grpc_message(self) -> str:
        """The message of a gRPC answer: it travels in a header, which TF-Serving keeps short."""
        cut = self.message[:_LONGEST_MESSAGE]
        return cut if cut == self.message else f"{cut}...TRUNCATED"


def invalid(message: str) -> ServingError:
    """Returns the error of a request that is wrong in itself."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def as_serving_error(error: Exception) -> ServingError:
    """Returns the error that a client gets for any exception: TensorFlow's keep their code, others are INTERNAL."""
    if isinstance(error, ServingError):
        return error
    code = getattr(error, "error_code", None)
    if code in Code.__members__.values():
        return ServingError(Code(code), error.message)
    if isinstance(error, MemoryError):
        return ServingError(Code.RESOURCE_EXHAUSTED, "Not enough memory for this request.")
    return ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
