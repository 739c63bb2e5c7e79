"""The errors of readers: they name file and line."""

from pathlib import Path


def fault(path: Path, line: int | None, what: str) -> ValueError:
    """Returns the error to raise for a fault in a file.

    Args:
      path: the file.
      line: number of the line, from 1, or `None` where the fault has no line.
      what: what is wrong, expected, received, and what to do.
    """
    return ValueError(f"'{path}'{'' if line is None else f', line {line}'}: {what}")


def quoted(text: str) -> str:
    """Returns `text` in quotes for a message, cut to 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def twice(path: Path, name: str, first: int | None, second: int | None) -> ValueError:
    """Returns the error to raise where a file says two things of one.

    Args:
      path: the file.
      name: what stands there twice.
      first: number of the line where it stands first, or `None`.
      second: number of the other line, or `None`.
    """
    return fault(path, second, f"`{name}` occurs twice, first in line {first}. Remove one of them.")
