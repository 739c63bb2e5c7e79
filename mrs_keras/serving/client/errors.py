"""What goes wrong between client and server, and what of it is worth another try."""

PASSING = ("UNAVAILABLE", "DEADLINE_EXCEEDED", "CANCELLED", "ABORTED")
"""Codes of what may be over in a moment: a server that restarts, is busy, or takes no more for now."""

EXHAUSTED = ("Threadpool", "batching queue")
"""Words of gRPC and TF-Serving for a lack of threads, and a wait for a batch that was too long; not for a size."""

OF_A_BATCH = (
    "assertion failed",
    "is not compatible with expected shape",
    "from different tasks",
    "concat operation failed",
)
"""Words of the graph's checks, and of TF-Serving where the requests of a batch do not fit together."""


class ServingError(RuntimeError):
    """An answer of the server, or its absence, that is no result.

    Attributes:
      code: name of the gRPC status, such as `"INVALID_ARGUMENT"`; of an HTTP status the one that belongs to it.
      detail: what the server, or the connection to it, said.
    """

    def __init__(self, code: str, detail: str, remedy: str = ""):
        super().__init__(f"{code}: {detail}{' ' if remedy else ''}{remedy}")
        self.code = code
        self.detail = detail

    @property
    def passes(self) -> bool:
        """Whether the same request may be answered a moment later."""
        return self.code in PASSING or (self.code == "RESOURCE_EXHAUSTED" and any(t in self.detail for t in EXHAUSTED))

    @property
    def may_be_of_another_request(self) -> bool:
        """Whether an input was refused, where a server merges requests into one batch.

        TF-Serving gives the error of a merged batch to every request in it: one wrong row fails its neighbours.
        """
        codes = ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "INTERNAL")
        return self.code in codes and any(t in self.detail for t in OF_A_BATCH)
