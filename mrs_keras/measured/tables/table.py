"""A table of fits in memory, and what the readers of all layouts share."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from mrs_keras.measured.subjects import session_of, subject_of

UNITS = {
    "": "ratios to tCr",
    "mM": "mmol per litre",
    "mmol/kg": "mmol per kg of water",
    "water_scaled": "scaled by the water signal",
    "a.u.": "arbitrary units: amplitudes, or LCModel's institutional units",
}
"""Units of the columns of a table, and what they mean."""

NOT_DETERMINED_PERCENT = 999
"""%SD that LCModel and FSL-MRS print where the fit found nothing."""

_MISSING = {"", "n/a", "na", "nan", "none", "null", "-", "."}


@dataclasses.dataclass(frozen=True, eq=False)
class LabelTable:
    """Fitted values of a number of scans, one row each.

    Args:
      participants: of the rows, `sub-...`.
      values: column -> float64 (rows,), NaN where missing. A ratio is named `X_over_Y`.
      deviations: column -> float64 (rows,), standard deviation in the unit of the value; NaN where unknown. The same
        columns as `values`.
      unit: column -> unit, a key of `UNITS`; `""` for ratios.
      program: that wrote the table: `"LCModel"`, `"Osprey"`, `"FSL-MRS"`, `"mrs_keras"`, or `"TSV"` for any other.
      sessions: of the rows, `ses-...`. Defaults to `None`: the table has no sessions.
      path: of the file or folder. Defaults to an empty path.
    """

    participants: tuple[str, ...]
    values: Mapping[str, np.ndarray]
    deviations: Mapping[str, np.ndarray]
    unit: Mapping[str, str]
    program: str
    sessions: tuple[str | None, ...] | None = None
    path: Path = Path()


@dataclasses.dataclass
class Row:
    """What one scan contributes: column -> (value, standard deviation, unit), and where it stands in which file."""

    participant: str
    session: str | None
    cells: dict[str, tuple[float, float, str]]
    place: str


def table_of_rows(rows: Sequence[Row], program: str, path: Path) -> LabelTable:
    """Returns the table of the rows. A column that a row does not have is missing there.

    Raises:
      ValueError: if there are no rows, if a participant occurs twice in the same session, or if a column has two units.
    """
    if not rows:
        raise ValueError(f"The table '{path}' has no rows. Expected one row for each scan, below the header.")
    seen: dict[tuple[str, str | None], Row] = {}
    for row in rows:
        other = seen.setdefault((row.participant, row.session), row)
        if other is not row:
            session = f" {row.session}" if row.session else ""
            raise ValueError(
                f"{row.participant}{session} occurs twice in '{path}'. Expected one row for each scan. "
                f"Received: {other.place} and {row.place}. "
                "Remove one of them, or tell sessions apart in a column `session_id`."
            )
    units: dict[str, tuple[str, Row]] = {}
    for row in rows:
        for column, (_, _, unit) in row.cells.items():
            first, other = units.setdefault(column, (unit, row))
            if first != unit:
                raise ValueError(
                    f"`{column}` has two units in '{path}'. Received: {first!r} in {other.place}, {unit!r} in "
                    f"{row.place}. Fit all scans with the same options, or give the unit of all: `unit={first!r}`."
                )
    absent = (math.nan, math.nan, "")
    return LabelTable(
        participants=tuple(row.participant for row in rows),
        values={name: np.array([row.cells.get(name, absent)[0] for row in rows], np.float64) for name in units},
        deviations={name: np.array([row.cells.get(name, absent)[1] for row in rows], np.float64) for name in units},
        unit={name: unit for name, (unit, _) in units.items()},
        program=program,
        sessions=tuple(row.session for row in rows) if any(row.session for row in rows) else None,
        path=path,
    )


def number(text: str, place: str, column: str) -> float:
    """Returns the number in a cell, NaN if the cell says that it is missing (empty, `n/a`, `NaN`, ...).

    Raises:
      ValueError: if there is another text in it, or an infinite number.
    """
    plain = text.strip()
    if plain.casefold() in _MISSING:
        return math.nan
    try:
        value = float(plain)
    except ValueError:
        value = math.inf
    if math.isfinite(value):
        return value
    remedy = (
        "Write decimal points, not commas." if plain.count(",") == 1 else "Write a number, or n/a if it is missing."
    )
    raise ValueError(
        f"There is text in a number. Expected a number in column {column!r}, {place}. Received: {plain!r}. {remedy}"
    )


def is_number(text: str) -> bool:
    """Whether a cell holds a finite number."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def is_missing(text: str) -> bool:
    """Whether a cell says that its value is missing."""
    return text.strip().casefold() in _MISSING


def relative_deviation(percent: float) -> float:
    """Returns a CRLB in percent as a fraction, NaN if the program could not determine the value.

    LCModel prints whole numbers: 0 % stands for less than 0.5 %, and counts as 0.5 %.
    """
    return math.nan if not percent < NOT_DETERMINED_PERCENT else (abs(percent) or 0.5) / 100


def check_unit(unit: str | None, path: Path) -> None:
    """Raises `ValueError` unless `unit` is `None` or a key of `UNITS`."""
    if unit is not None and unit not in UNITS:
        known = ", ".join(f"{name!r} ({meaning})" for name, meaning in UNITS.items())
        raise ValueError(f"Unknown unit of the table '{path}'. Expected one of: {known}. Received: unit={unit!r}.")


def scan_of_file(path: Path, folder: Path) -> tuple[str, str | None]:
    """Returns the participant and the session of a file that holds the fit of one scan.

    The `sub-` and `ses-` entities of the path below `folder`; without them, the name of the file, or of its folder if
    that is a name that programs give (`concentrations.csv`, `spreadsheet.csv`, `table`).
    """
    inside = path.relative_to(folder) if folder in path.parents else Path(path.parent.name) / path.name
    if "sub-" in inside.as_posix():
        return subject_of(inside), session_of(inside)
    given = path.stem.casefold() in {"concentrations", "summary", "spreadsheet", "table", "lcmodel", "out", "results"}
    name = path.resolve().parent.name if given else path.stem
    return subject_of(name), session_of(inside)
