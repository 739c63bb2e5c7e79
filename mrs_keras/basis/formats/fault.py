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
