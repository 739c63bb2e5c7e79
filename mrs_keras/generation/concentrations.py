"""The concentrations of the spectra to generate: drawn at random, or given by name."""

import csv
import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.checks import check_count
from mrs_keras.generation.source import SpectrumSource, check_trained_range
from mrs_keras.labels import Labels

Given = Mapping[str, float | Sequence[float]]

DEFAULT_NUMBER = 1000
"""Default number of spectra."""


def read_concentrations(text: str) -> dict[str, float | list[float]]:
    """Reads concentrations in mM as `mrs-keras generate --concentrations` takes them.

    Args:
      text: `"NAA=12,PCr=4.5"`, or the path of a CSV file whose first row names the metabolites and whose other rows
        are one spectrum each.

    Returns:
      metabolite name -> concentration of all spectra, or concentration of each spectrum.

    Raises:
      ValueError: if a value is not a number, a name occurs twice, or a row has too few or too many columns.
      FileNotFoundError: if there is no such file.

    Example:

    >>> read_concentrations("NAA=12,PCr=4.5")
    {'NAA': 12.0, 'PCr': 4.5}
    """
    if "=" not in text or Path(text).exists():
        return _read_table(Path(text))
    pairs = [part.partition("=") for part in text.split(",")]
    _check_once([name.strip() for name, _, _ in pairs], text)
    return {name.strip(): _number(value, f"of {name.strip()} in '{text}'") for name, _, value in pairs}


def concentration_rows(
    source: SpectrumSource, number: int | None, given: Given | None, seed: int
) -> tuple[int, Callable[[int, int], np.ndarray]]:
    """Returns the number of spectra, and a function that returns the concentrations of rows `start` to `stop - 1`.

    Drawn ones are distributed jointly as in the training data, where that is known; else uniformly in the trained range
    of each label, which for simulated data with uniform priors is the same. Those of row k depend only on (seed, k).

    Args:
      source: provides the metabolites and their trained range.
      number: of spectra. `None`: that of the given rows, or 1,000.
      given: metabolite name -> concentration in mM, or one per spectrum. `None`: drawn.
      seed: integer.

    Returns:
      The number, and the function: (start, stop) -> float32 (stop - start, metabolites), mM.

    Raises:
      ValueError: if the names are not those of the source, a concentration is negative or not finite, or the number of
        rows is not `number`. Concentrations outside the trained range give a warning that states it, or an error
        if the source does not extrapolate.
    """
    if number is not None:
        check_count("number", number, DEFAULT_NUMBER)
    labels = source.description.labels
    if given is None:
        draw = functools.partial(source.training_data.drawn_labels, labels)
        return number or DEFAULT_NUMBER, lambda start, stop: draw(start, stop, seed)
    columns = _checked_columns(labels, given)
    rows_of_labels = np.stack(np.broadcast_arrays(*columns), axis=-1).reshape(-1, len(columns))
    check_trained_range(source, rows_of_labels, stacklevel=4)
    rows = max((len(column) for column in columns if column.ndim), default=None)
    if number is not None and rows not in (None, number):
        raise ValueError(
            f"`number` must be the number of rows of `concentrations`, or left out. Expected: {rows}. "
            f"Received: number={number}."
        )
    number = rows or number or DEFAULT_NUMBER
    table = np.stack([np.broadcast_to(column, number) for column in columns], axis=1)
    return number, lambda start, stop: table[start:stop]


def _checked_columns(labels: Labels, given: Given) -> list[np.ndarray]:
    """Returns the concentrations of each metabolite of the source, float32 () or (rows,)."""
    expected = f"Expected exactly: {', '.join(labels.names) or 'none, as the model has no labels'}"
    if not isinstance(given, Mapping):
        raise ValueError(
            "`concentrations` must be a mapping from metabolite name to mM, or one number per spectrum. "
            f"{expected}. Received: {type(given).__name__}."
        )
    unknown = [name for name in given if name not in labels.names]
    missing = [name for name in labels.names if name not in given]
    if unknown or missing:
        raise ValueError(
            "`concentrations` must name the metabolites of the model. "
            f"{expected}. Unknown: {', '.join(map(str, unknown)) or 'none'}. Missing: {', '.join(missing) or 'none'}."
        )
    columns = []
    for name in labels.names:
        with np.errstate(over="ignore"):  # becomes infinite, and is refused
            column = np.asarray(given[name], dtype=np.float32)
        bad = np.argwhere(~(np.isfinite(column) & (column >= 0)))
        if column.ndim > 1 or column.size == 0 or len(bad):
            where = f"{column[tuple(bad[0])]} in row {bad[0][0] + 1}" if len(bad) and column.ndim else given[name]
            raise ValueError(
                "Concentrations must be numbers in mM, finite and not negative, at least one row of them. "
                f"Received: {name}={where}."
            )
        columns.append(column)
    lengths = {name: len(c) for name, c in zip(labels.names, columns, strict=True) if c.ndim}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"All metabolites must have the same number of concentrations. Received: {lengths}.")
    return columns


def _read_table(path: Path) -> dict[str, list[float]]:
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no table of concentrations '{path}'. Expected a CSV file with one column per metabolite, or "
            "concentrations like NAA=12,PCr=4.5."
        )
    try:
        # Spreadsheets may write a byte order mark.
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (ValueError, csv.Error) as error:
        raise ValueError(
            f"Cannot read a table of concentrations from '{path}': {error}. Expected CSV in UTF-8: a row of metabolite "
            "names, then one row per spectrum."
        ) from error
    if len(rows) < 2:
        raise ValueError(
            f"The table of concentrations '{path}' has no spectra. Expected a row of metabolite names, then one row "
            f"per spectrum. Received: {len(rows)} row(s)."
        )
    names, rows = [name.strip() for name in rows[0]], rows[1:]
    _check_once(names, os.fspath(path))
    for number, row in enumerate(rows, start=1):
        if len(row) != len(names):
            raise ValueError(
                f"Row {number} of '{path}' must have one number per column. "
                f"Expected {len(names)} ({', '.join(names)}). Received {len(row)}: {','.join(row)}."
            )
    return {
        name: [_number(row[column], f"of {name} in row {number} of '{path}'") for number, row in enumerate(rows, 1)]
        for column, name in enumerate(names)
    }


def _check_once(names: list[str], where: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"Each metabolite must be named once. Received twice: {', '.join(twice)}, in '{where}'.")


def _number(text: str, what: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(
            f"The concentration {what} must be a number in mM. Received: {text.strip()!r}. Give for example 4.5."
        ) from None
