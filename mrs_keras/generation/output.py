"""Checks of an output before the work: that nothing is lost, and that it can be written."""

import tempfile
from collections.abc import Callable
from pathlib import Path

from mrs_keras.generation.formats import Format


def check_free(output: Path, format: Format, overwrite: bool, is_earlier: Callable[[Path], bool]) -> None:
    """Raises `FileExistsError` if the output would replace something that must be kept.

    Args:
      output: file or folder to write.
      format: of the output.
      overwrite: whether an earlier output may be replaced.
      is_earlier: tells whether a folder is an earlier output of this format.
    """
    if not output.exists() or (format.is_folder and output.is_dir() and not any(output.iterdir())):
        return
    if not overwrite:
        raise FileExistsError(
            f"There is already something at '{output}'. Choose another output, or allow overwriting "
            "(`overwrite=True`, --overwrite)."
        )
    kept = not is_earlier(output) if format.is_folder else output.is_dir()
    if kept:
        kind = f"{format.words} of generated spectra" if format.is_folder else "a file"
        raise FileExistsError(
            f"Only {kind} can be overwritten. Received: '{output}', which is something else. Choose another output."
        )


def check_size(number: int, row_bytes: int, largest_bytes: int, words: str, remedy: str) -> None:
    """Raises `ValueError` if one file, whose spectra are in memory at once, would be too large.

    Args:
      number: of spectra.
      row_bytes: size of each.
      largest_bytes: of the file.
      words: what a file of them is, for the message.
      remedy: another format.
    """
    if number * row_bytes > largest_bytes:
        raise ValueError(
            f"{number:,} spectra in {words} are {number * row_bytes / 2**30:,.1f} GiB. Expected at most "
            f"{largest_bytes / 2**30:g} GiB, {largest_bytes // row_bytes:,} spectra. Give a smaller `number`, or "
            f"another format: {remedy}."
        )


def check_writable(output: Path) -> None:
    """Raises `OSError` if the folder of the output is not writable."""
    folder = next(parent for parent in output.absolute().parents if parent.exists())
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise type(error)(f"Cannot write '{output}': {error.strerror}: '{folder}'. Give another `output`.") from error
