"""At which site a participant was scanned: by `participants.tsv`, or by a regular expression."""

import csv
import re
import warnings
from collections.abc import Sequence
from pathlib import Path

UNKNOWN_SITE = "unknown"
_TABLE = "participants.tsv"
_MISSING = ("", "n/a", "na", "nan")


def sites_of(folder: Path, scans: Sequence[tuple[Path, str]], site: str | None = None) -> list[str]:
    """Returns the site of each scan.

    The column `site` of `participants.tsv` in the folder; else the first group of the regular expression `site`,
    searched in the id of the participant, then in the path below the folder; else `"unknown"`, with a warning.

    Args:
      folder: that was searched.
      scans: path and id of the participant of each scan.
      site: regular expression with a group, such as `"sub-(P[0-9]+)S"`. Defaults to `None`.

    Raises:
      ValueError: if the table has no row, or no site, for a participant; or if the expression is not valid, has no
        group, or does not match a scan.
    """
    pattern = None if site is None else _compiled(site)
    table = _read_table(folder / _TABLE)
    if table is not None:
        if pattern is not None:
            warnings.warn(
                f"'{folder / _TABLE}' has a column `site`, so the regular expression {site!r} is not used. Remove one.",
                stacklevel=3,
            )
        return _by_table(folder / _TABLE, table, [participant for _, participant in scans])
    if pattern is None:
        warnings.warn(
            f"The site of the scans in '{folder}' is unknown, so all count as one site, "
            f"{UNKNOWN_SITE!r}. Add a column `site` to its {_TABLE}, or give `site`, a regular expression such as "
            "'sub-(P[0-9]+)S'.",
            stacklevel=3,
        )
        return [UNKNOWN_SITE] * len(scans)
    return [_by_pattern(pattern, path, path.relative_to(folder).as_posix(), participant) for path, participant in scans]


def _compiled(site: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(site)
    except re.error as error:
        raise ValueError(
            f"`site` is not a valid regular expression ({error}). Received: site={site!r}. "
            "Give for example site='sub-(P[0-9]+)S'."
        ) from None
    if not pattern.groups:
        raise ValueError(
            "`site` must have a group in parentheses, which matches the name of the site. "
            f"Received: site={site!r}. Give for example site='sub-(P[0-9]+)S'."
        )
    return pattern


def _by_pattern(pattern: re.Pattern[str], path: Path, below: str, participant: str) -> str:
    match = pattern.search(participant) or pattern.search(below)
    if match is None or not match[1]:
        raise ValueError(
            f"`site` does not match the scan '{path}'. Expected: a match in '{participant}' or '{below}'. "
            f"Received: site={pattern.pattern!r}. Correct it, or add a column `site` to {_TABLE}."
        )
    return match[1]


def _read_table(path: Path) -> dict[str, set[str]] | None:
    """Returns the sites of each participant, without `sub-`; `None` if there is no table with sites."""
    if not path.is_file():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", restval=""))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"'{path}' is not a table in UTF-8 ({error}). Save it as tab-separated UTF-8 text.") from None
    if rows and len(rows[0]) == 1 and re.search(r"[,; ]site", next(iter(rows[0]))):
        raise ValueError(f"'{path}' has no tabs between its columns. Save it as tab-separated text.")
    if not rows or "site" not in rows[0]:
        return None
    if "participant_id" not in rows[0]:
        raise ValueError(
            f"'{path}' must have a column `participant_id`. Received: {', '.join(map(str, rows[0]))}. Add it, with "
            "tabs between the columns."
        )
    table: dict[str, set[str]] = {}
    for row in rows:
        site = row["site"].strip()
        sites = table.setdefault(_bare(row["participant_id"].strip()), set())
        if site.lower() not in _MISSING:
            sites.add(site)
    return table


def _by_table(path: Path, table: dict[str, set[str]], participants: Sequence[str]) -> list[str]:
    missing = sorted({participant for participant in participants if _bare(participant) not in table})
    if missing:
        raise ValueError(
            f"'{path}' has no row for {len(missing)} participant(s) with scans: {_listed(missing)}. "
            f"Received: rows for {_listed(sorted(table))}. Add the rows, or remove the column `site`."
        )
    unclear = sorted({participant for participant in participants if len(table[_bare(participant)]) != 1})
    if unclear:
        raise ValueError(
            f"'{path}' must give one site for each participant. Received: none, or several, for {_listed(unclear)}. "
            "Fill in the column `site`, or remove it."
        )
    return [next(iter(table[_bare(participant)])) for participant in participants]


def _bare(participant: str) -> str:
    return participant.removeprefix("sub-")


def _listed(names: Sequence[str], most: int = 5) -> str:
    return ", ".join(names[:most]) + (f", and {len(names) - most} more" if len(names) > most else "")
