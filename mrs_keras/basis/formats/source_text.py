"""Text files of unknown origin: bounded reading, decoding, parsing of numbers, and errors with line numbers.

All parsing here takes time linear in the size of the file.
"""

import re
import stat
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.basis.formats.fault import fault, quoted
from mrs_keras.basis.formats.foreign import HEAD_BYTES, check_not_foreign

MAX_BYTES = 32 * 2**20
"""Largest file that is opened. The largest known basis files have 12 MB."""

MAX_LINES = 4 * 2**20
MAX_LINE_LENGTH = 2**16

# Digits only: `float` would also accept '1_000', 'nan' and the digits of other scripts.
_NUMERIC = re.compile(r"[-+.0-9eEdD \t\f\v\r\n]*")
_EXPONENT = str.maketrans("dD", "ee")
# Fortran omits the letter of a three-digit exponent: 0.12345-100.
_LETTERLESS = re.compile(r"([-+]?[0-9]*\.[0-9]*)([-+][0-9]{3})")


def check_plain_file(path: Path) -> int:
    """Returns the size of a file in bytes.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is not a plain file, or larger than any basis.
    """
    try:
        status = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"No such file or folder: '{path}'. Check the path.") from None
    except ValueError as error:  # a zero byte in the path
        raise ValueError(f"`path` must be the path of a file. Received: path={str(path)!r} ({error}).") from None
    if not stat.S_ISREG(status.st_mode):
        raise fault(path, None, "not a plain file. Expected a basis file.")
    if status.st_size > MAX_BYTES:
        raise fault(
            path,
            None,
            f"too large for a basis file. Expected at most {MAX_BYTES} bytes. Received: {status.st_size} bytes. "
            "Is this the right file?",
        )
    return status.st_size


def read_bytes(path: Path) -> bytes:
    """Reads a whole file; raises as `check_plain_file`."""
    size = check_plain_file(path)
    with path.open("rb") as file:
        return file.read(size)


def read_text(path: Path) -> str:
    """Reads a text file in UTF-8 or Latin-1; line ends of any system become `\\n`.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if it is too large, binary, or recognised as another kind of file.
    """
    data = read_bytes(path)
    check_not_foreign(path, data[:HEAD_BYTES])
    if b"\0" in data:
        line = data.count(b"\n", 0, data.index(b"\0")) + 1
        raise fault(path, line, "not a text file: it contains a zero byte. Is it the right file?")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def read_lines(path: Path) -> list[str]:
    """Reads the lines of a text file, as `read_text` reads it.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the file, or a line, is too large for a basis.
    """
    text = read_text(path)
    if text.count("\n") > MAX_LINES:
        raise fault(path, None, f"too long for a basis file. Expected at most {MAX_LINES} lines. Is it the right file?")
    lines = text.split("\n")
    for number, line in enumerate(lines, 1):
        if len(line) > MAX_LINE_LENGTH:
            raise fault(
                path,
                number,
                f"too long for a line of a basis file. Expected at most {MAX_LINE_LENGTH} characters. "
                f"Received: {len(line)}. Is this the right file?",
            )
    return lines


def parse_number(token: str) -> float | None:
    """Returns the number that a token represents in Fortran, or `None` if it is not a finite number.

    >>> parse_number("-0.5D+01"), parse_number("0.12345-100"), parse_number("1_0")
    (-5.0, 1.2345e-101, None)
    """
    if not _NUMERIC.fullmatch(token):
        return None
    try:
        value = float(decimal_token(token))
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def decimal_token(token: str) -> str:
    """Returns a number in Fortran notation in the form that Python reads.

    >>> decimal_token(" -0.5D+01"), decimal_token("0.12345-100")
    ('-0.5e+01', '0.12345e-100')
    """
    token = token.strip().translate(_EXPONENT)
    match = _LETTERLESS.fullmatch(token)
    return f"{match[1]}e{match[2]}" if match else token


def parse_numbers(path: Path, first_line: int, lines: Sequence[str], field_width: int | None = None) -> np.ndarray:
    """Parses all numbers in some lines, in order.

    Args:
      path: the file that the lines come from, for messages.
      first_line: line number of the first of the lines, from 1.
      lines: numbers separated by white space; exponents with `E` or `D`, or three-digit ones without a letter.
      field_width: characters per number, for lines whose numbers touch each other as Fortran's may. Defaults to
        `None`: numbers do not touch.

    Returns:
      float64 array (numbers,), all finite.

    Raises:
      ValueError: if anything is not a finite number; the message names the line.
    """
    text = "\n".join(lines)
    if _NUMERIC.fullmatch(text):
        tokens = text.translate(_EXPONENT).split()
        try:
            values = np.fromiter(map(float, tokens), np.float64, len(tokens))
        except ValueError:
            pass  # the faulty line is found below
        else:
            if np.isfinite(values).all():
                return values
    return np.array(
        [
            value
            for number, line in enumerate(lines, first_line)
            for value in _numbers_of_line(path, number, line, field_width)
        ]
    )


def _numbers_of_line(path: Path, number: int, line: str, field_width: int | None) -> list[float]:
    """Parses one line, number by number, or by columns if that fails."""
    values = [parse_number(token) for token in line.split()]
    if None in values and field_width:
        body = line.rstrip()
        fields = [body[start : start + field_width] for start in range(0, len(body), field_width)]
        by_columns = [parse_number(field) for field in fields]
        if None not in by_columns:
            return by_columns
    if None in values:
        bad = line.split()[values.index(None)]
        raise fault(path, number, f"expected a finite number. Received: {quoted(bad)}. Repair or remove this line.")
    return values


def parse_columns(path: Path, first_line: int, lines: Sequence[str], columns: Sequence[int]) -> np.ndarray:
    """Parses rows of numbers; the first two are real and imaginary part.

    Args:
      path: the file that the lines come from, for messages.
      first_line: number of the first of the lines, from 1.
      lines: one row each.
      columns: the allowed numbers of columns; every row of the file must have as many as the first.

    Returns:
      complex128 array (rows,).

    Raises:
      ValueError: if a row has another number of columns, or contains anything but finite numbers.
    """
    width = len(lines[0].split()) if lines else columns[0]
    for number, line in enumerate(lines, first_line):
        if len(line.split()) != width or width not in columns:
            expected = f"{width}, as above" if width in columns else " or ".join(map(str, columns))
            raise fault(
                path,
                number,
                f"wrong number of columns. Expected: {expected} (the first two: real and imaginary part). "
                f"Received: {len(line.split())} in {quoted(line.strip())}. Repair this line.",
            )
    values = parse_numbers(path, first_line, lines).reshape(-1, width)
    return values[:, 0] + 1j * values[:, 1]
