"""Tables that LCModel writes for each scan (`.table`)."""

import re
from pathlib import Path

from mrs_keras.measured.tables.names import ratio_name
from mrs_keras.measured.tables.table import Row, number, relative_deviation, scan_of_file

_HEADER = re.compile(r"Conc\.\s+%SD\s+/(\S+)\s+Metab")
_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[Ee][-+]?\d+)?|\*+"
# A ratio that departs from its prior is marked by a sign between it and the name, without a space: `0.601+Cr+PCr`.
_LINE = re.compile(rf"\s*({_NUMBER})\s+(\d+)%\s*({_NUMBER})(?:\s+|[-+])(\S+)\s*")
_WATER_SCALED = re.compile(r"\bdows\s*=\s*t", re.IGNORECASE)


def is_lcmodel_table(text: str) -> bool:
    """Whether a text is a `.table` (or `.coord`) of LCModel: it has the header of the table of concentrations."""
    return _HEADER.search(text) is not None


def read_lcmodel_table(path: Path, text: str, folder: Path, unit: str | None = None) -> Row:
    """Reads the table of concentrations in a `.table` of LCModel.

    Columns are the concentrations and their ratios to the reference of the fit. A row of 999 %SD is missing, and so is
    a number that did not fit in its field (`****`). %SD is printed as a whole number.

    Args:
      path: of the file.
      text: its content.
      folder: in whose subfolders the entities `sub-` and `ses-` of the path are looked for.
      unit: of the concentrations. Defaults to `None`: `water_scaled` if the file says `dows=T`, else `a.u.`.

    Raises:
      ValueError: if a line of the table cannot be read, or the table is empty.
    """
    participant, session = scan_of_file(path, folder)
    absolute = unit or ("water_scaled" if _WATER_SCALED.search(text) else "a.u.")
    lines = text.splitlines()
    start = next(index for index, line in enumerate(lines) if _HEADER.search(line))
    reference = _reference(_HEADER.search(lines[start])[1], lines[start + 1 :])
    cells: dict[str, tuple[float, float, str]] = {}
    for index, line in enumerate(lines[start + 1 :], start + 2):
        if not line.strip() or line.lstrip().startswith("$$") or "lines in following" in line:
            break
        found = _LINE.fullmatch(line)
        if not found:
            raise ValueError(
                "A line of LCModel's table cannot be read. Expected concentration, %SD, ratio and metabolite. "
                f"Received: {line.strip()!r} in '{path}', line {index}. Repair the line, or write the table again."
            )
        value, percent, ratio, name = found.groups()
        place, fraction = f"'{path}', line {index}", relative_deviation(float(percent))
        for column, cell, of in ((name, value, absolute), (ratio_name(name, reference), ratio, "")):
            # A value that was not determined is missing, though the file prints one: most often 0.
            amount = number(cell.replace("*", ""), place, name) if fraction == fraction else fraction
            # The deviation of a ratio follows from those of its two parts, which `labels_of` propagates.
            cells[column] = (amount, abs(amount) * fraction if of else float("nan"), of)
    if not cells:
        raise ValueError(f"The table of concentrations in '{path}' is empty. Fit the scan again, or remove the file.")
    return Row(participant, session, cells, f"'{path}'")


def _reference(printed: str, lines: list[str]) -> str:
    """Returns the whole name of the reference of the ratios: the header has room for six characters of it."""
    names = [found[4] for line in lines if (found := _LINE.fullmatch(line))]
    return next((name for name in names if name == printed), None) or next(
        (name for name in names if len(printed) >= 6 and name.startswith(printed)), printed
    )
