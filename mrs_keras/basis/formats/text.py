"""Two-column text: real and imaginary part of a FID, one file per metabolite."""

from collections.abc import Sequence
from pathlib import Path

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.formats.signals import MAX_POINTS, Signal, to_contents
from mrs_keras.basis.formats.source_text import parse_columns, read_lines

CONJUGATED = True
"""Text does not define a sign. The challenge's files are the complex conjugate of this package's convention."""

COMMENT_MARKS = ("#", "%", "!")


def read_text_basis(
    files: Sequence[Path], acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads a basis from text files with two columns, real and imaginary part, separated by white space or commas.

    Lines that start with `#`, `%` or `!`, and empty lines, may precede the numbers. The name of a metabolite is that of
    its file. The files define neither sampling, sign convention nor unit: the numbers are not rescaled.

    Args:
      files: one per metabolite.
      acquisition: frequency, bandwidth and points of the files.
      conjugated: whether the files contain the complex conjugate of this package's convention. Defaults to `True`, as
        for those of the 2016 ISMRM fitting challenge.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of `files`.

    Raises:
      ValueError: if a line does not have two numbers, files differ in length, or `acquisition` is missing or wrong.
    """
    return to_contents(
        [_read(path) for path in files], acquisition, conjugated, f"text files in '{files[0].parent.name}'"
    )


def _read(path: Path) -> Signal:
    lines = read_lines(path)
    start = 0
    while start < len(lines) and (not lines[start].strip() or lines[start].lstrip().startswith(COMMENT_MARKS)):
        start += 1
    stop = len(lines)
    while stop > start and not lines[stop - 1].strip():
        stop -= 1
    if start == stop:
        raise fault(path, None, "the file contains no numbers. Expected two columns: real and imaginary part.")
    if stop - start > MAX_POINTS:
        raise fault(path, start + 1, f"a FID must have at most {MAX_POINTS} points. Received: {stop - start} lines.")
    rows = [line.replace(",", " ") for line in lines[start:stop]]
    return Signal(path.stem, parse_columns(path, start + 1, rows, columns=[2]), path, start + 1)
