"""What a stage of a training does and how long it takes, in words."""

import contextlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def stage(title: str, seconds: float, at_most: bool = False) -> Iterator[None]:
    """Says on stderr what begins and how long it takes, and at the end how long it took.

    Args:
      title: what is done.
      seconds: rough time.
      at_most: whether it is a bound. Defaults to `False`.
    """
    print(f"{title}: {'up to' if at_most else 'about'} {in_words(seconds)}", file=sys.stderr)
    started = time.monotonic()
    yield
    print(f"Done in {in_words(time.monotonic() - started)}", file=sys.stderr)


def in_words(seconds: float) -> str:
    """Returns a duration in words.

    >>> in_words(8.2), in_words(75), in_words(400)
    ('8 s', '75 s', '7 minutes')
    """
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} minutes"
