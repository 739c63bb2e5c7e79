"""Fortran namelists as written by LCModel, with the lines of numbers that follow each."""

import dataclasses
import itertools
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from mrs_keras.basis.formats.fault import fault, quoted, twice
from mrs_keras.basis.formats.printed import Printed, printed_frequency, single_precision
from mrs_keras.basis.formats.source_text import parse_number, parse_numbers

FORTRAN_FORMAT = "(4E17.8)"
MAX_GROUPS = 4096
MAX_GROUP_LINES = 1000
MAX_TOKENS = 10_000
MAX_STRING_LINES = 20

_START = re.compile(r"\s*[$&]([A-Za-z]\w*)")
_END = re.compile(r"[$&](?:END\b|(?![A-Z]))|/", re.IGNORECASE)
_WORD = re.compile(r"[^\s,=/'\"$&!(]+(?:\([^()]{0,40}\))?")
# (6E13.5), with or without a scale factor as in (1P2E15.6).
_FORMAT = re.compile(r"\((?:[0-9]{1,3}P,?)?[0-9]{0,4}[EFDG]0*([1-9][0-9]{0,2})\.[0-9]{1,3}\)")
_SEPARATORS = re.compile(r"[\s,(]+")
_NAME = re.compile(r"([A-Za-z]\w*)(?:\([^()]*\))?")


@dataclasses.dataclass
class Group:
    """One namelist group, `$NAME key = value, ... $END`, and the lines up to the next group.

    Attributes:
      name: in upper case.
      path: the file.
      line: line number of the opening of the group, from 1.
      values: key in upper case -> (the first value, number of its line). Strings come without quotes.
      repeated: key in upper case -> line number of an entry with a value different from `values`.
      data: index of the first line after the group, and of the line where the next group or the file ends it.
    """

    name: str
    path: Path
    line: int
    values: dict[str, tuple[str, int]] = dataclasses.field(default_factory=dict)
    repeated: dict[str, int] = dataclasses.field(default_factory=dict)
    data: tuple[int, int] = (0, 0)

    def text(self, key: str, default: str | None = None) -> str:
        """Returns a string, or raises `ValueError` if it is missing and there is no default."""
        if key in self.values:
            return self._value(key)[0].strip()
        if default is None:
            raise fault(self.path, self.line, f"${self.name} lacks `{key}`. Add it, or write the file again.")
        return default

    def number(self, key: str, default: float | None = None) -> float | None:
        """Returns a number or `default`; raises `ValueError` for anything else."""
        if key not in self.values:
            return default
        text, line = self._value(key)
        value = parse_number(text)
        if value is None or not text.strip():
            raise fault(self.path, line, f"`{key}` must be a finite number. Received: {quoted(text)}.")
        return value

    def _value(self, key: str) -> tuple[str, int]:
        """Returns the value of a key and its line, or raises `ValueError` if it has two."""
        if key in self.repeated:
            raise twice(self.path, key, self.line_of(key), self.repeated[key])
        return self.values[key]

    def positive(self, key: str) -> float:
        """Returns a number that must be positive, 1 if it is not given."""
        value = self.number(key, 1.0)
        if not 1e-30 < value < 1e30:
            raise fault(self.path, self.line_of(key), f"`{key}` must be positive. Received: {value}. Correct it.")
        return value

    def flag(self, key: str) -> bool:
        """Returns a Fortran logical, false if it is not given."""
        return self.text(key, "F").lstrip(".").upper().startswith("T")

    def complex_numbers(self, lines: Sequence[str], fortran_format: str, points: int | None = None) -> np.ndarray:
        """Returns the numbers that follow the group, real and imaginary part in turn: complex128 (points,).

        Args:
          lines: those of the whole file.
          fortran_format: such as `(6E13.5)`, whose columns are used to read a line in which numbers touch each other.
          points: expected number of points. Defaults to `None`: any number, at least one.

        Raises:
          ValueError: if there is anything else, or a wrong number of points.
        """
        first, stop = self.data
        width = _FORMAT.fullmatch("".join(fortran_format.upper().split()))
        values = parse_numbers(self.path, first + 1, lines[first:stop], int(width[1]) if width else None)
        expected = len(values) // 2 if points is None else points
        if len(values) != 2 * expected or not expected:
            what = "pairs of numbers" if points is None else f"{points} complex points, which is {2 * points} numbers"
            raise fault(
                self.path,
                first + 1,
                f"wrong number of points after ${self.name}. Expected: {what}. Received: {len(values)} numbers. "
                "The file may be truncated.",
            )
        return values[0::2] + 1j * values[1::2]

    def line_of(self, key: str) -> int:
        """Returns the line number of a key, or else of the group."""
        return self.values.get(key, ("", self.line))[1]


def write_group(name: str, **values: str | float | int) -> str:
    """Returns a namelist group as text, one value per line, as LCModel and its readers accept it."""
    lines = [f" ${name}"]
    for key, value in values.items():
        text = "'{}'".format(value.replace("'", "''")) if isinstance(value, str) else repr(value)
        lines.append(f" {key} = {text},")
    return "\n".join(lines).removesuffix(",") + "\n $END\n"


def write_numbers(values: np.ndarray) -> str:
    """Returns complex numbers as text in `FORTRAN_FORMAT`, real and imaginary part in turn."""
    numbers = np.stack([values.real, values.imag], axis=-1).ravel().tolist()
    lines, rest = divmod(len(numbers), 4)
    # One format for all numbers: three times as fast as one for each.
    text = ("%17.8E" * 4 + "\n") * lines + ("%17.8E" * rest + "\n" if rest else "")
    return text % tuple(numbers)


def read_groups(path: Path, lines: Sequence[str]) -> list[Group]:
    """Splits a file into namelist groups and the lines of numbers between them.

    Dialects: groups open with `$` or `&` and end with `$END`, `&END`, `$` or `/`, also on the line of the last value;
    keys in upper or lower case; strings in single or double quotes, quotes doubled inside, also split over lines;
    arrays; subscripts; `!` comments. Text before the first group is ignored, as in Fortran.

    Raises:
      ValueError: if a group or a string is never closed; the message names the line that opens it.
    """
    groups: list[Group] = []
    index = 0
    while index < len(lines):
        if not (match := _START.match(lines[index])):
            index += 1
            continue
        if groups:
            groups[-1].data = (groups[-1].data[0], index)
        if len(groups) == MAX_GROUPS:
            raise fault(path, index + 1, f"more than {MAX_GROUPS} namelist groups. Is this the right file?")
        group = Group(match[1].upper(), path, index + 1)
        index = _read_group(group, lines, index, match.end())
        group.data = (index, len(lines))
        groups.append(group)
    return groups


def printed_hzpppm(group: Group) -> Printed | None:
    """Returns the spectrometer frequency of a group as printed, MHz, or `None` if it is missing or LCModel's -1."""
    value = group.number("HZPPPM")
    if value is None or value <= 0:
        return None
    token = group.text("HZPPPM")
    return printed_frequency(f"HZPPPM = {token} MHz", token, single_precision(value))


@dataclasses.dataclass(frozen=True)
class _Token:
    """A string, a word or an equals sign in a group, and its line number."""

    kind: Literal["string", "word", "="]
    text: str
    line: int


def _read_group(group: Group, lines: Sequence[str], index: int, position: int) -> int:
    """Reads the values of a group, from a position in a line; returns the index of the line after the group."""
    tokens, index = _tokens(group, lines, index, position)
    key, first = None, True
    for token, following in itertools.zip_longest(tokens, tokens[1:]):
        if token.kind == "word" and following is not None and following.kind == "=":
            name = _NAME.fullmatch(token.text)
            key, first = name[1].upper() if name else None, True
        elif token.kind != "=" and key is not None:
            before = group.values.setdefault(key, (token.text, token.line))
            if first and before[0] != token.text:
                group.repeated[key] = token.line
            first = False
    return index


def _tokens(group: Group, lines: Sequence[str], index: int, position: int) -> tuple[list[_Token], int]:
    """Returns the tokens up to the end of a group, and the index of the line after it."""
    tokens: list[_Token] = []
    last = min(len(lines), index + MAX_GROUP_LINES)
    while index < last and len(tokens) < MAX_TOKENS:
        line = lines[index]
        while position < len(line):
            char = line[position]
            if char in "'\"":
                opened = index + 1
                text, index, position = _string(group, lines, index, position + 1, char)
                line = lines[index]
                tokens.append(_Token("string", text, opened))
            elif char == "=":
                tokens.append(_Token("=", "=", index + 1))
                position += 1
            elif char == "!":
                break
            elif _END.match(line, position):
                return tokens, index + 1
            elif char in "$&":
                raise _unclosed(group, index + 1, quoted(line[position:].strip()))
            elif match := _WORD.match(line, position):
                tokens.append(_Token("word", match[0], index + 1))
                position = match.end()
            else:  # white space, commas, lone brackets
                position = _SEPARATORS.match(line, position).end()
        index, position = index + 1, 0
    raise _unclosed(group, group.line, "none in the rest of the file" if index == len(lines) else "none for too long")


def _string(group: Group, lines: Sequence[str], index: int, position: int, quote: str) -> tuple[str, int, int]:
    """Returns a string, starting after its opening quote, and index and position of the text after it.

    A quote inside is doubled. A string may continue on the next line; the line break is not part of it.
    """
    opened, parts = index + 1, []
    while index < len(lines) and index < opened + MAX_STRING_LINES:
        line = lines[index]
        stop = line.find(quote, position)
        if stop < 0:
            parts.append(line[position:])
            index, position = index + 1, 0
        elif line.startswith(quote, stop + 1):
            parts.append(line[position : stop + 1])
            position = stop + 2
        else:
            parts.append(line[position:stop])
            return "".join(parts), index, stop + 1
    raise fault(group.path, opened, f"a string in ${group.name} is never closed. Expected: {quote}. Close it.")


def _unclosed(group: Group, line: int, received: str) -> ValueError:
    """Returns the error for a group without end."""
    return fault(
        group.path,
        line,
        f"${group.name}, opened in line {group.line}, is not closed. Expected: $END. Received: {received}. "
        "The file may be truncated.",
    )
