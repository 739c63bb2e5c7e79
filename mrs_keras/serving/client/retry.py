"""Retries with exponential backoff."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from mrs_keras.serving.client.errors import ServingError

Result = TypeVar("Result")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0


def retrying(call: Callable[[], Result], retry_for_s: float, alone: Callable[[], Result] | None = None) -> Result:
    """Returns the result of `call`, retrying it while its `ServingError` is transient.

    The outputs of a signature depend only on its inputs: retrying a request whose response was lost gives the same
    result.

    Args:
      call: function without arguments.
      retry_for_s: how long after the start a retry may start, s; 0 for no retries.
      alone: the same call, but as a batch that other requests cannot join. It replaces `call` after an error that
        another request may have caused. Defaults to `None`: not available.

    Raises:
      ServingError: the last one.
    """
    start, tries = time.monotonic(), 0
    while True:
        tries += 1
        try:
            return call()
        except ServingError as error:
            if alone is not None and error.may_be_of_another_request:
                call, alone = alone, None
            elif not error.passes:
                raise
            # Full jitter: clients of the same failed server do not all reconnect at once.
            wait = random.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries, 10)))
            waited = time.monotonic() - start
            if waited + wait > retry_for_s:
                remedy = f"Tried {tries} times within {waited:.1f} s." if tries > 1 else ""
                raise ServingError(error.code, error.detail, remedy) from error
            time.sleep(wait)
