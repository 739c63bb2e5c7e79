"""Errors of the client, and which of them are worth a retry."""

PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED")
"""Codes of transient failures: the server restarts, is busy, or is full."""

EXHAUSTED = ("Threadpool", "batching queue")
"""Phrases in messages of gRPC and TF-Serving about full thread pools or batching queues, not about message sizes."""

OF_A_BATCH = (
    "assertion failed",
    "is not compatible with expected shape",
    "from different tasks",
    "concat operation failed",
)
"""Phrases in messages of the graph's checks, and of TF-Serving about incompatible requests in a batch."""


class ServingError(RuntimeError):
    """A request that the server rejected or did not answer.

    Attributes:
      code: name of the gRPC status, such as `"INVALID_ARGUMENT"`; for REST, the equivalent of the HTTP status.
      detail: message of the server or of the connection.
    """

    def __init__(self, code: str, detail: str, remedy: str = ""):
        super().__init__(f"{code}: {detail}{' ' if remedy else ''}{remedy}")
        self.code = code
        self.detail = detail

    @property
    def passes(self) -> bool:
        """Whether the failure is transient: the same request may succeed later."""
        return self.code in PASSING or (self.code == "RESOURCE_EXHAUSTED" and any(t in self.detail for t in EXHAUSTED))

    @property
    def may_be_of_another_request(self) -> bool:
        """Whether the error may be caused by another request in the same batch.

        TF-Serving returns the error of a batch to all its requests: one invalid row fails the others.
        """
        codes = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL")
        return self.code in codes and any(t in self.detail for t in OF_A_BATCH)
