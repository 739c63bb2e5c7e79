"""Assigns the rows of a table of labels to scans."""

import dataclasses
import warnings
from collections.abc import Sequence

import numpy as np

from mrs_keras.measured.label_sums import LabelValues
from mrs_keras.measured.subjects import subject_of

_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class MatchReport:
    """How a table and scans match.

    Args:
      labelled: number of scans that have a row in the table.
      without_row: scans without a row, such as `sub-01 ses-2`, in the order of the scans.
      without_scan: rows without a scan, in the order of the table.
    """

    labelled: int
    without_row: tuple[str, ...]
    without_scan: tuple[str, ...]


def match_labels(
    labels: LabelValues, participants: Sequence[str], sessions: Sequence[str | None] | None = None
) -> tuple[np.ndarray, np.ndarray, MatchReport]:
    """Returns the labels of scans; those of a scan that is not in the table are missing.

    A row belongs to the scans of its participant and, where both the table and the scans have sessions, of its session.
    All scans that a row belongs to get the same labels.

    Args:
      labels: from `labels_of`.
      participants: of n scans, by any name that `subject_of` understands.
      sessions: of the scans, `None` for a scan without one. Defaults to `None`: scans have no sessions.

    Returns:
      Values, float64 (n, labels), NaN where missing; their standard deviations, float64 (n, labels), NaN where unknown;
      and the report. Warns if scans have no row, or rows no scan.

    Raises:
      ValueError: if no scan has a row, or if a scan has several because only the table tells sessions apart.
    """
    scans = [subject_of(name) for name in participants]
    keys = list(zip(scans, sessions or [None] * len(scans), strict=True))
    rows: dict[str, dict[str | None, int]] = {}
    for row, participant in enumerate(labels.participants):
        rows.setdefault(participant, {})[labels.sessions[row] if labels.sessions else None] = row
    found = [_row(labels, rows.get(participant, {}), participant, session) for participant, session in keys]
    if keys and all(row is None for row in found):
        raise ValueError(
            f"No scan has a row in the table of labels{_of(labels)}. Expected the same participants in both. "
            f"Received: {_some(map(_name, keys))} of the scans; {_some(_rows(labels))} of the table. "
            "Write the participants of the table as the scans do (case and leading zeros count)."
        )
    used = {row for row in found if row is not None}
    report = MatchReport(
        labelled=sum(row is not None for row in found),
        without_row=tuple(_name(key) for key, row in zip(keys, found, strict=True) if row is None),
        without_scan=tuple(name for row, name in enumerate(_rows(labels)) if row not in used),
    )
    if report.without_row:
        warnings.warn(
            f"{len(report.without_row)} of {len(keys)} scans have no row in the table of labels{_of(labels)}, and no "
            f"labels: {_some(report.without_row)}. Add them to the table, or leave these scans out.",
            stacklevel=2,
        )
    if report.without_scan:
        warnings.warn(
            f"{len(report.without_scan)} of {len(labels.participants)} rows of the table of labels{_of(labels)} have "
            f"no scan: {_some(report.without_scan)}. Check these names if the scans should be there.",
            stacklevel=2,
        )
    index = np.array([-1 if row is None else row for row in found], np.intp)
    known = (index >= 0)[:, None]
    if not len(labels.participants):
        empty = np.full((len(keys), len(labels.names)), np.nan)
        return empty, empty.copy(), report
    return np.where(known, labels.values[index], np.nan), np.where(known, labels.deviations[index], np.nan), report


def _row(labels: LabelValues, rows: dict[str | None, int], participant: str, session: str | None) -> int | None:
    """Returns the row of a scan among those of its participant, by session."""
    if session in rows:
        return rows[session]
    if session is not None:
        return rows.get(None)  # the table does not tell the sessions of this participant apart
    if len(rows) > 1:
        raise ValueError(
            f"{participant} has {len(rows)} rows in the table of labels{_of(labels)}, and its scan names no session. "
            f"Received: {', '.join(map(str, rows))}. Put `ses-...` into the name of the scan, or leave one row."
        )
    return next(iter(rows.values()), None)


def _name(key: tuple[str, str | None]) -> str:
    return " ".join(filter(None, key))


def _rows(labels: LabelValues) -> list[str]:
    sessions = labels.sessions or [None] * len(labels.participants)
    return [_name(key) for key in zip(labels.participants, sessions, strict=True)]


def _some(names) -> str:
    names = list(names)
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return f"{', '.join(names[:_SHOWN])}{more}"


def _of(labels: LabelValues) -> str:
    return f" '{labels.source}'" if labels.source else ""
