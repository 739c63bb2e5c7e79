"""The errors of readers, with file and line."""

from pathlib import Path


def fault(path: Path, line: int | None, what: str) -> ValueError:
    """Returns the error for a fault in a file.

    Args:
      path: the file.
      line: line number, from 1, or `None` if the fault has no line.
      what: the fault, what was expected and received, and what to do.
    """
    return ValueError(f"'{path}'{'' if line is None else f', line {line}'}: {what}")


def quoted(text: str) -> str:
    """Returns `text` in quotes for a message, cut to 40 characters."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def twice(path: Path, name: str, first: int | None, second: int | None) -> ValueError:
    """Returns the error for a duplicate entry in a file.

    Args:
      path: the file.
      name: of the duplicate entry.
      first: line number of the first entry, or `None`.
      second: line number of the second entry, or `None`.
    """
    return fault(path, second, f"`{name}` occurs twice, first in line {first}. Remove one of them.")
