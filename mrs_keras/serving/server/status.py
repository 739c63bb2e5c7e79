"""Status codes, which are the same in TensorFlow, gRPC and TF-Serving, and their HTTP equivalents."""

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


# As in model_servers/http_server.cc; all others are 500.
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
    """The error response to a request.

    Args:
      code: status code.
      message: message for the client.
    """

    def __init__(self, code: Code, message: str):
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def http_status(self) -> int:
        """The HTTP status of a REST response."""
        return _HTTP.get(self.code, 500)

    @property
    def grpc_message(self) -> str:
        """The message of a gRPC response, truncated as in TF-Serving: it is sent in a header."""
        cut = self.message[:_LONGEST_MESSAGE]
        return cut if cut == self.message else f"{cut}...TRUNCATED"


def invalid(message: str) -> ServingError:
    """Returns an INVALID_ARGUMENT error."""
    return ServingError(Code.INVALID_ARGUMENT, message)


def as_serving_error(error: Exception) -> ServingError:
    """Converts any exception to a `ServingError`: TensorFlow errors keep their code, others become INTERNAL."""
    if isinstance(error, ServingError):
        return error
    code = getattr(error, "error_code", None)
    if code in Code.__members__.values():
        return ServingError(Code(code), error.message)
    if isinstance(error, MemoryError):
        return ServingError(Code.RESOURCE_EXHAUSTED, "Not enough memory for this request.")
    return ServingError(Code.INTERNAL, f"{type(error).__name__}: {error}")
