"""Tables with a row for each scan: LCModel's `.csv`, Osprey's `.tsv`, and any TSV or CSV with participants."""

import csv
import dataclasses
import math
import re
from pathlib import Path

from mrs_keras.measured.subjects import session_of, subject_of
from mrs_keras.measured.tables.names import is_known, parts_of, ratio_name, split_ratio
from mrs_keras.measured.tables.table import Row, is_missing, is_number, number, relative_deviation, scan_of_file

_PARTICIPANT = ("participant_id", "participant", "subject_id", "subject")
_SESSION = ("session_id", "session")
_NO_LABELS = {
    *_PARTICIPANT, *_SESSION, "row", "col", "file", "index", "run", "age", "sex", "gender", "group", "site", "scanner",
    "snr", "s/n", "fwhm", "fwhm_ppm", "fwhm_hz", "sd_order",
}  # fmt: skip
_PERCENT = re.compile(r"(.+?)(?:_CRLB_percent|_percent_CRLB|_CRLB%|\s*%\s*SD|_%SD)\s*", re.IGNORECASE)
_DEVIATION = re.compile(r"(.+?)_(?:sd|std|deviation)\s*", re.IGNORECASE)
_UNITED = re.compile(r"(.+)_(mM|mmol/kg)")
_UNCLEAR = re.compile(r"(.+?)[_ ]CRLB\s*", re.IGNORECASE)


def label_key(name: str, unit: str) -> str:
    """Returns the name of a label with its unit, as tables and headers of generated spectra have it: `NAA_mM`."""
    return f"{name}_{unit}" if unit else name


@dataclasses.dataclass(frozen=True)
class _Column:
    """A column of values: its position, its name in the `LabelTable`, and the columns of its uncertainty.

    `unit` is the one that the name of the column says, as in `NAA_mM`.
    """

    position: int
    name: str
    is_ratio: bool
    deviation: int | None = None
    percent: int | None = None
    reference_percent: int | None = None
    undetermined: int | None = None
    unit: str | None = None


def read_delimited(path: Path, text: str, folder: Path | None = None, unit: str | None = None) -> tuple[list[Row], str]:
    """Reads a table with a header, one row for each scan, separated by tabs, semicolons or commas.

    Values stand in columns `X` or, as ratios, in `X_over_Y` or `X/Y`; their uncertainties in `X_sd`, `X_std` or
    `X_deviation` (in the unit of X), or in `X_CRLB_percent` or `X %SD`. Where a CRLB is 999 %, X and its ratios are
    missing. A column `X_mM` or `X_mmol/kg` of a known X has that unit. Columns of text, SNR and FWHM are no labels.

    Args:
      path: of the file.
      text: its content.
      folder: in whose subfolders `sub-` and `ses-` of the path are looked for, if the table is one of LCModel without
        participants. Defaults to `None`: the folder of the file.
      unit: of the columns that are no ratios; `""` for ratios to tCr. Defaults to `None`: ratios to tCr if a column of
        tCr is 1 in all rows, or without one if the name of the file says tCr; `water_scaled` if the name says so; else
        `a.u.`.

    Returns:
      The rows, and the program: `"LCModel"`, `"Osprey"`, `"mrs_keras"` or `"TSV"`.

    Raises:
      ValueError: if there are no participants, no rows, text in a number, a line of another length, a column that
        occurs twice, or a `unit` that contradicts the values.
    """
    separator = max("\t;,", key=text.split("\n", 1)[0].count)
    lines = list(enumerate(csv.reader(text.splitlines(), delimiter=separator), 1))
    header = [cell.strip() for cell in lines[0][1]]
    lines = [(index, cells) for index, cells in lines[1:] if any(cell.strip() for cell in cells)]
    _check_lines(path, header, lines)
    if not lines:
        return [], "TSV"
    of_lcmodel = [name.casefold() for name in header[:2]] == ["row", "col"]
    columns = _columns(path, header, lines)
    absolute = _unit(path, columns, lines, unit)
    named = _places(header, _PARTICIPANT)
    if named is None and not of_lcmodel:
        raise ValueError(
            f"The table '{path}' has no participants. Expected a column `participant_id`. "
            f"Received: {', '.join(header[:8])}{', ...' if len(header) > 8 else ''}. Add the column, or rename it."
        )
    if named is None and len(lines) > 1:
        raise ValueError(
            f"The table '{path}' does not say whose scans its {len(lines)} rows are. Expected a single row, or a "
            "column `participant_id`. Add the column; LCModel writes one row for each voxel of a spectroscopic image."
        )
    rows, sessions = [], _places(header, _SESSION)
    for index, line in lines:
        place = f"'{path}', line {index}"
        if named is None:
            participant, session = scan_of_file(path, folder or path.parent)
        else:
            if is_missing(line[named]):
                raise ValueError(f"The participant is missing in {place}. Fill in the column {header[named]!r}.")
            participant, session = subject_of(line[named]), session_of(line[named])
        if sessions is not None and not is_missing(line[sessions]):
            session = session_of(line[sessions]) or f"ses-{line[sessions].strip()}"
        rows.append(Row(participant, session, _cells(columns, line, place, absolute), f"line {index}"))
    return rows, _program(header, of_lcmodel)


def _check_lines(path: Path, header: list[str], lines: list[tuple[int, list[str]]]) -> None:
    """Raises `ValueError` if a line has more or fewer cells than the header, or a column occurs twice."""
    for index, cells in lines:
        if len(cells) != len(header):
            raise ValueError(
                f"A line of the table '{path}' has another number of cells than its header. "
                f"Expected {len(header)}. Received: {len(cells)} in line {index}. Repair the line."
            )
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise ValueError(f"The table '{path}' has columns that occur twice: {', '.join(twice)}. Rename or remove one.")


def _places(header: list[str], names: tuple[str, ...]) -> int | None:
    """Returns the position of the first of `names` that the header has."""
    plain = [cell.casefold() for cell in header]
    return next((plain.index(name) for name in names if name in plain), None)


def _columns(path: Path, header: list[str], lines: list[tuple[int, list[str]]]) -> list[_Column]:
    """Returns the columns that hold values, each with the columns of its uncertainty."""
    percents = {found[1]: place for place, name in enumerate(header) if (found := _PERCENT.fullmatch(name))}
    deviations = {found[1]: place for place, name in enumerate(header) if (found := _DEVIATION.fullmatch(name))}
    percent_of_parts = {parts_of(name): place for name, place in percents.items()}
    columns = []
    for place, name in enumerate(header):
        if not name or name.casefold() in _NO_LABELS or _PERCENT.fullmatch(name) or _DEVIATION.fullmatch(name):
            continue
        if (unclear := _UNCLEAR.fullmatch(name)) and unclear[1] in header:
            raise ValueError(
                f"The unit of the column {name!r} in '{path}' is unclear. Expected percent or the unit of the value. "
                f"Rename it to '{unclear[1]}_CRLB_percent' or '{unclear[1]}_sd'."
            )
        filled = [line[place] for _, line in lines if not is_missing(line[place])]
        if not is_known(name) and 2 * sum(map(is_number, filled)) < max(1, len(filled)):
            continue
        numerator, denominator = split_ratio(name)
        column = _Column(place, name, False, deviations.get(name), percents.get(name), None, percents.get(name))
        if (united := _UNITED.fullmatch(name)) and is_known(united[1]):
            column = dataclasses.replace(column, name=united[1], unit=united[2])
        if denominator is not None:
            own, of_numerator = percents.get(name), percents.get(numerator)
            # With an absolute column as well, `labels_of` propagates the deviations of the two.
            alone = own is None and numerator not in header
            column = dataclasses.replace(
                column,
                name=ratio_name(numerator, denominator),
                is_ratio=True,
                percent=of_numerator if alone else own,
                reference_percent=percent_of_parts.get(parts_of(denominator)) if alone else None,
                undetermined=own if own is not None else of_numerator,
            )
        columns.append(column)
    return columns


def _cells(columns: list[_Column], line: list[str], place: str, absolute: str) -> dict[str, tuple[float, float, str]]:
    """Returns the values of a line with their standard deviations and units."""

    def fraction(position: int | None, unknown: float) -> float:
        return unknown if position is None else relative_deviation(number(line[position], place, "CRLB"))

    cells = {}
    for column in columns:
        value = number(line[column.position], place, column.name)
        if column.undetermined is not None and not is_missing(line[column.undetermined]):
            value = value if math.isfinite(fraction(column.undetermined, 0.0)) else math.nan
        if column.deviation is not None:
            deviation = number(line[column.deviation], place, f"deviation of {column.name}")
            if deviation < 0:
                raise ValueError(
                    f"A standard deviation is negative: {deviation:g} for {column.name}, {place}. "
                    "Write n/a where it is unknown."
                )
        else:
            relative = fraction(column.percent, math.nan), fraction(column.reference_percent, 0.0)
            deviation = abs(value) * math.hypot(*relative)
        known = math.isfinite(value)
        own_unit = absolute if column.unit is None else column.unit
        ratio_to_tcr = not column.is_ratio and not own_unit
        name = ratio_name(column.name, "tCr") if ratio_to_tcr else column.name
        cells[name] = (value, deviation if known else math.nan, "" if column.is_ratio else own_unit)
    return cells


def _unit(path: Path, columns: list[_Column], lines: list[tuple[int, list[str]]], unit: str | None) -> str:
    """Returns the unit of the columns that are no ratios."""
    creatine = [column.position for column in columns if not column.is_ratio and parts_of(column.name) == ("Cr", "PCr")]
    values = [float(line[place]) for place in creatine for _, line in lines if is_number(line[place])]
    are_ratios = bool(values) and all(abs(value - 1) < 1e-6 for value in values)
    if unit is None:
        name = path.name.casefold()
        if are_ratios or (not values and "tcr" in name and not any(column.is_ratio for column in columns)):
            return ""
        return "water_scaled" if "water" in name and "scaled" in name else "a.u."
    if values and are_ratios != (unit == ""):
        received = "1 in all rows" if are_ratios else f"{values[0]:g} in the first row"
        raise ValueError(
            f"The unit contradicts the table '{path}'. Expected tCr to be 1 in ratios to tCr, and only there. "
            f"Received: unit={unit!r}, and tCr is {received}. Leave `unit` out, or give that of the table."
        )
    return unit


def _program(header: list[str], of_lcmodel: bool) -> str:
    """Returns the program that has written a table with this header."""
    if of_lcmodel or ("NAA_CRLB_percent" in header and "NAA+NAAG" in header):
        return "LCModel"
    if {"tNAA", "residual_to_noise"} <= set(header):
        return "mrs_keras"
    return "Osprey" if {"tNAA", "tCr", "CrCH2"} <= set(header) else "TSV"
