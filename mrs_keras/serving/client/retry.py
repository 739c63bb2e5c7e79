"""Trying again, at growing intervals."""

import random
import time
from collections.abc import Callable
from typing import TypeVar

from mrs_keras.serving.client.errors import ServingError

Result = TypeVar("Result")

FIRST_WAIT_S, LONGEST_WAIT_S = 0.05, 2.0


def retrying(call: Callable[[], Result], retry_for_s: float, alone: Callable[[], Result] | None = None) -> Result:
    """Returns what `call` returns, called again while its `ServingError` may pass.

    All signatures are functions of their inputs alone: a request that is sent again, because its answer was lost, gets
    the same answer.

    Args:
      call: of no arguments.
      retry_for_s: how long after the start a new try may begin, in s. 0: one try.
      alone: the same call in a way that keeps other requests out of its batch; in the place of `call` once that was
        refused for what may have been theirs. Defaults to `None`: there is no such way.

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
            # Full jitter: clients that lost the same server do not all come back at once.
            wait = random.uniform(0, min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(tries, 10)))
            waited = time.monotonic() - start
            if waited + wait > retry_for_s:
                remedy = f"Tried {tries} times within {waited:.1f} s." if tries > 1 else ""
                raise ServingError(error.code, error.detail, remedy) from error
            time.sleep(wait)
