"""Tables that FSL-MRS writes for each scan (`concentrations.csv`, `summary.csv`)."""

import csv
import math
from pathlib import Path

from mrs_keras.measured.tables.names import ratio_name, usual_name
from mrs_keras.measured.tables.table import Row, number, relative_deviation, scan_of_file

_SCALINGS = {"mM": "molarity", "mmol/kg": "molality", "a.u.": "raw"}
"""Unit -> its name in `concentrations.csv`, the preferred one first."""

_SUMMARY = {"mM": "mM", "mmol/kg": "mMol/kg", "a.u.": "Raw conc"}
"""Unit -> its column in `summary.csv`."""


def is_fsl_mrs_table(text: str) -> bool:
    """Whether a text is a `concentrations.csv` or `summary.csv` of FSL-MRS."""
    lines = [line.split(",") for line in text.splitlines()[:2]]
    if not lines:
        return False
    header = {cell.strip() for cell in lines[0]}
    return _is_summary(header) or (len(lines) == 2 and {"mean", "std"} <= header and "raw" in map(str.strip, lines[1]))


def _is_summary(header: set[str]) -> bool:
    return {"Metab", "%CRLB"} <= header


def read_fsl_mrs_table(path: Path, text: str, folder: Path, unit: str | None = None) -> Row:
    """Reads one table of FSL-MRS: a row for each metabolite, one scan.

    `concentrations.csv` has two lines of header: mean or std, then the scaling (raw, internal, molality, molarity).
    Ratios are computed from the concentrations, since FSL-MRS adds the variances of numerator and denominator of a
    ratio without weighting them by its value. Where `summary.csv` has ratios only, their deviation follows from the
    CRLBs in percent.

    Args:
      path: of the file.
      text: its content.
      folder: in whose subfolders the entities `sub-` and `ses-` of the path are looked for.
      unit: of the concentrations to take. Defaults to `None`: mM, else mmol/kg, else a.u.

    Raises:
      ValueError: if the file has no rows, no concentrations in `unit`, or text in a number.
    """
    lines = list(csv.reader(text.splitlines()))
    summary = _is_summary({cell.strip() for cell in lines[0]})
    cells = _summary(path, lines, unit) if summary else _concentrations(path, lines, unit)
    if not cells:
        raise ValueError(f"The table '{path}' has no metabolites. Expected a row for each. Fit the scan again.")
    return Row(*scan_of_file(path, folder), cells, f"'{path}'")


def _unit(path: Path, unit: str | None, names: dict[str, str], header: list) -> str | None:
    """Returns the unit to take of those that the header offers, `None` if there are ratios only."""
    offered = [known for known, name in names.items() if name in header]
    if unit is None:
        return offered[0] if offered else None
    if unit in offered:
        return unit
    raise ValueError(
        f"The table '{path}' has no concentrations in this unit. Expected one of: {', '.join(map(repr, offered))}. "
        f"Received: unit={unit!r}. Leave `unit` out, or fit again with the water reference, TE and TR."
    )


def _concentrations(path: Path, lines: list[list[str]], unit: str | None) -> dict[str, tuple[float, float, str]]:
    kinds, kind = [], ""
    for cell in lines[0]:  # a header over several columns may be written once
        kind = cell.strip() or kind
        kinds.append(kind)
    header = list(zip(kinds, map(str.strip, lines[1]), strict=False))
    unit = _unit(path, unit, _SCALINGS, [scaling for _, scaling in header])
    mean, std = (header.index((kind, _SCALINGS[unit])) for kind in ("mean", "std"))
    cells = {}
    for index, line in enumerate(lines[2:], 3):
        if len(line) <= max(mean, std) or not line[mean].strip():
            continue  # the name of the index stands on a line of its own in some versions
        place = f"'{path}', line {index}"
        cells[line[0].strip()] = (number(line[mean], place, "mean"), number(line[std], place, "std"), unit)
    return cells


def _summary(path: Path, lines: list[list[str]], unit: str | None) -> dict[str, tuple[float, float, str]]:
    header = [cell.strip() for cell in lines[0]]
    name, crlb = header.index("Metab"), header.index("%CRLB")
    # SNR and FWHM of signals that were not fitted may follow.
    rows = {line[name].strip(): (index, line) for index, line in enumerate(lines[1:], 2) if len(line) == len(header)}
    rows = {metabolite: (index, line) for metabolite, (index, line) in rows.items() if line[crlb].strip()}
    fractions = {
        metabolite: relative_deviation(number(line[crlb], f"'{path}', line {index}", "%CRLB"))
        for metabolite, (index, line) in rows.items()
    }
    reference = next((cell[1:] for cell in header if cell.startswith("/") and not cell.endswith(" CRLB")), None)
    of_reference = next((fractions[row] for row in rows if reference and usual_name(row) == usual_name(reference)), 0)
    unit = _unit(path, unit, _SUMMARY, header)
    cells = {}
    for metabolite, (index, line) in rows.items():
        place, fraction = f"'{path}', line {index}", fractions[metabolite]
        if unit is not None:
            value = number(line[header.index(_SUMMARY[unit])], place, _SUMMARY[unit])
            value = value if math.isfinite(fraction) else math.nan
            cells[metabolite] = (value, abs(value) * fraction, unit)
        if reference is not None:
            ratio = number(line[header.index(f"/{reference}")], place, f"/{reference}")
            ratio = ratio if math.isfinite(fraction) else math.nan
            cells[ratio_name(metabolite, reference)] = (ratio, abs(ratio) * math.hypot(fraction, of_reference), "")
    return cells
