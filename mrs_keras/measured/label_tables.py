"""Reads tables of fits: those of LCModel, Osprey and FSL-MRS, and any table with participants."""

from pathlib import Path

from mrs_keras.measured.tables.delimited import read_delimited
from mrs_keras.measured.tables.fsl_mrs import is_fsl_mrs_table, read_fsl_mrs_table
from mrs_keras.measured.tables.lcmodel import is_lcmodel_table, read_lcmodel_table
from mrs_keras.measured.tables.table import UNITS, LabelTable, Row, check_unit, table_of_rows

__all__ = ["UNITS", "LabelTable", "read_label_table"]

_FOREIGN = {b"PK": "a spreadsheet or archive", b"\xd0\xcf": "an Excel file", b"\x1f\x8b": "gzip", b"\xff\xfe": "UTF-16"}


def read_label_table(path: str | Path, unit: str | None = None) -> LabelTable:
    """Reads a table of fits. The layout is detected by the content.

    | program | file | rows |
    |---|---|---|
    | LCModel | `.table`, or a folder of them | one file for each scan |
    | LCModel | `.csv`, or a folder of them | one file for each scan, or a column `participant_id` |
    | FSL-MRS | `concentrations.csv`, `summary.csv`, or a folder of folders with these | one file for each scan |
    | Osprey | `.tsv` with a column `participant_id` | one row for each scan |
    | `mrs-keras measured fit` | `fits.tsv` | one row for each scan |
    | any | TSV or CSV with a column `participant_id`, perhaps `session_id` | one row for each scan |

    Values are in columns `X` or `X_over_Y`; uncertainties in `X_sd`, `X_std`, `X_deviation` or, in percent, in
    `X_CRLB_percent` or `X %SD`. A value with a CRLB of 999 % is missing. The participant of a file for one scan is the
    `sub-` entity of its path, else its name, else the name of its folder.

    Args:
      path: of the table, or of a folder.
      unit: of the columns that are no ratios: a key of `UNITS`, `""` for ratios to tCr. Defaults to `None`: as the
        table says; `a.u.` where it does not.

    Raises:
      FileNotFoundError: if there is nothing at `path`, or no table in the folder.
      ValueError: if the table cannot be read, is empty, has no participants or one of them twice, has text in a number,
        or if `unit` is unknown or contradicts the table.
    """
    path = Path(path)
    check_unit(unit, path)
    if path.is_dir():
        return _read_folder(path, unit)
    if not path.is_file():
        raise FileNotFoundError(
            f"There is no table at '{path}'. Give the path of a table of fits, or of a folder of them."
        )
    rows, program = _read_file(path, path.parent, unit)
    return table_of_rows(rows, program, path)


def _text(path: Path) -> str:
    """Returns the content of a text file without its byte order mark."""
    content = path.read_bytes()
    foreign = next((name for start, name in _FOREIGN.items() if content.startswith(start)), None)
    if foreign is None and b"\0" in content[:4096]:
        foreign = "binary data"
    if foreign is not None:
        raise ValueError(
            f"The table '{path}' is not a text file. Expected TSV, CSV or a table of LCModel in UTF-8. "
            f"Received: {foreign}. Save it as TSV, and give that file."
        )
    return content.decode("utf-8-sig", errors="replace")


def _read_file(path: Path, folder: Path, unit: str | None) -> tuple[list[Row], str]:
    """Returns the rows of one file, and the program that wrote it."""
    text = _text(path)
    if not text.strip():
        raise ValueError(f"The table '{path}' is empty. Write it again, or leave it out.")
    if is_lcmodel_table(text):
        reader, program = read_lcmodel_table, "LCModel"
    elif is_fsl_mrs_table(text):
        reader, program = read_fsl_mrs_table, "FSL-MRS"
    else:
        return read_delimited(path, text, folder, unit)
    if unit == "":
        raise ValueError(
            f"The table '{path}' of {program} holds concentrations, not ratios to tCr. Expected the unit of these. "
            "Received: unit=''. Leave `unit` out: ratios are taken from the table or computed."
        )
    return [reader(path, text, folder, unit)], program


def _read_folder(folder: Path, unit: str | None) -> LabelTable:
    """Reads all tables for single scans in a folder and its subfolders as one table."""
    found = {
        "LCModel's tables": sorted(folder.rglob("*.table")),
        "FSL-MRS's concentrations": sorted(folder.rglob("concentrations.csv")),
    }
    if not found["FSL-MRS's concentrations"]:
        found["FSL-MRS's summaries"] = sorted(folder.rglob("summary.csv"))
    if not any(found.values()):
        found["LCModel's .csv files"] = [file for file in sorted(folder.rglob("*.csv")) if _is_of_lcmodel(file)]
    kinds = {kind: files for kind, files in found.items() if files}
    if not kinds:
        tables = sorted(file.name for file in folder.iterdir() if file.suffix in (".tsv", ".csv"))
        remedy = f"Give one of its files: {', '.join(tables[:5])}." if tables else "Give the folder of the fits."
        raise FileNotFoundError(
            f"There are no tables for single scans in '{folder}'. Expected `*.table` or `*.csv` of LCModel, or "
            f"`concentrations.csv` or `summary.csv` of FSL-MRS, here or in its subfolders. {remedy}"
        )
    if len(kinds) > 1:
        first = "; ".join(f"{kind} such as '{files[0]}'" for kind, files in kinds.items())
        raise ValueError(
            f"The folder '{folder}' holds the tables of two programs. Expected those of one. Received: {first}. "
            "Give the subfolder of one of them."
        )
    rows, programs = [], set()
    for file in next(iter(kinds.values())):
        more, program = _read_file(file, folder, unit)
        if not more:
            raise ValueError(f"The table '{file}' has no rows. Fit the scan again, or remove the file.")
        rows += [Row(row.participant, row.session, row.cells, f"'{file}'") for row in more]
        programs.add(program)
    return table_of_rows(rows, " and ".join(sorted(programs)), folder)


def _is_of_lcmodel(file: Path) -> bool:
    """Whether a file is a `.csv` of LCModel."""
    with file.open("rb") as stream:
        return stream.read(64).replace(b" ", b"").casefold().startswith(b"row,col")
