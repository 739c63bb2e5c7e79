"""Labels from a table of fits: sums and ratios with their uncertainties."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.measured.tables.names import parts_of, split_ratio, usual_name
from mrs_keras.measured.tables.table import LabelTable

DEFAULT_LABEL_NAMES = ("tNAA_over_tCr", "tCho_over_tCr", "mI_over_tCr", "Glx_over_tCr", "GSH_over_tCr")
"""What fits of one in-vivo spectrum support best."""


@dataclasses.dataclass(frozen=True, eq=False)
class LabelValues:
    """The labels of a number of scans.

    Args:
      names: of the labels, such as `tNAA_over_tCr`.
      units: of the labels; `""` for ratios.
      values: float64 (rows, labels), NaN where missing.
      deviations: float64 (rows, labels), standard deviation in the unit of the label; NaN where unknown.
      participants: of the rows, `sub-...`.
      sessions: of the rows, `ses-...`. Defaults to `None`: the table has no sessions.
      source: where they come from, for messages. Defaults to `""`.
    """

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: np.ndarray
    deviations: np.ndarray
    participants: tuple[str, ...]
    sessions: tuple[str | None, ...] | None = None
    source: str = ""


@dataclasses.dataclass(frozen=True)
class _Signal:
    """Values (rows,), their standard deviations and their unit."""

    values: np.ndarray
    deviations: np.ndarray
    unit: str


def labels_of(table: LabelTable, names: Sequence[str] = DEFAULT_LABEL_NAMES) -> LabelValues:
    """Returns labels from a table of fits.

    A label is a signal `X`, in the unit of the table, or a ratio `X_over_Y`. X and Y are metabolites by any of their
    names (mI or Ins), or sums: tNAA = NAA + NAAG, tCho = GPC + PCho, tCr = Cr + PCr, Glx = Glu + Gln, `A+B`.

    What the table has itself counts first, with its own uncertainty. Otherwise a sum is added up from its parts, with
    s^2 = s_A^2 + s_B^2, and is missing where a part is missing; a ratio is divided, with
    s^2 = (s_X^2 + (X / Y)^2 s_Y^2) / Y^2 (JCGM 100:2008, 5.1.2, doi 10.59161/JCGM100-2008E). Both neglect correlations.
    The errors of the parts of a sum are anticorrelated in most fits, and the deviation of their sum is then too large:
    on 80 fits of LCModel, 1.2 (Glx) to 4.7 times (tCho) that from LCModel's own sums. Where s_Y is unknown, it
    counts as 0; where s_X is unknown, s is unknown.

    Args:
      table: from `read_label_table`.
      names: of the labels. Defaults to `DEFAULT_LABEL_NAMES`.

    Raises:
      ValueError: if the table does not have a label, or no row of it, if a name is ambiguous there or occurs twice in
        `names`, or if a ratio is 1 by definition.

    Example:

    >>> from mrs_keras.measured.label_tables import LabelTable
    >>> values = {"NAA": np.array([10.0]), "NAAG": np.array([2.0]), "tCr": np.array([8.0])}
    >>> deviations = {"NAA": np.array([0.3]), "NAAG": np.array([0.4]), "tCr": np.array([0.2])}
    >>> table = LabelTable(("sub-01",), values, deviations, dict.fromkeys(values, "mM"), "TSV")
    >>> labels = labels_of(table, ["tNAA_over_tCr"])
    >>> labels.values, labels.deviations.round(4)
    (array([[1.5]]), array([[0.0729]]))
    """
    names = tuple(names)
    if not names or len(set(names)) < len(names):
        raise ValueError(f"`label_names` must be one or more different names. Received: {', '.join(names) or 'none'}.")
    signals, missing = [], []
    for name in names:
        signal = _label(table, name)
        if signal is None or not np.isfinite(signal.values).any():
            missing.append(name)
        else:
            signals.append(signal)
    if missing:
        empty = [name for name, column in table.values.items() if not np.isfinite(column).any()]
        offered = [name for name in table.values if name not in empty]
        without = f" Columns without a value: {', '.join(empty)}." if empty else ""
        raise ValueError(
            f"The table '{table.path}' has no values of {', '.join(missing)}. Expected a column, its parts, or both "
            f"sides of the ratio. Received the columns: {', '.join(offered)}.{without} "
            f"Choose labels that it has, for example label_names={_example(table, offered)}."
        )
    values = np.stack([signal.values for signal in signals], axis=1)
    deviations = np.stack([signal.deviations for signal in signals], axis=1)
    return LabelValues(
        names=names,
        units=tuple(signal.unit for signal in signals),
        values=values,
        deviations=np.where(np.isfinite(values), deviations, np.nan),
        participants=table.participants,
        sessions=table.sessions,
        source=str(table.path),
    )


def _example(table: LabelTable, offered: list[str]) -> list[str]:
    """Returns label names for an error message: the usual ones that the table has, else its first columns."""
    numerators = [split_ratio(name)[0] for name in DEFAULT_LABEL_NAMES]
    usual = ([name for name in names if _label(table, name) is not None] for names in (DEFAULT_LABEL_NAMES, numerators))
    return next(filter(None, usual), offered[:3])


def _label(table: LabelTable, name: str) -> _Signal | None:
    """Returns a label, or `None` if the table does not have it."""
    numerator, denominator = split_ratio(name)
    if denominator is None:
        return _signal(table, numerator, None)
    if parts_of(numerator) == parts_of(denominator):
        raise ValueError(f"The label {name!r} is 1 by definition. Expected two different signals. Take another label.")
    own = _signal(table, numerator, denominator)
    if own is not None and np.isfinite(own.deviations).any():
        return own
    scales = [None, *dict.fromkeys(denominator for _, denominator in map(split_ratio, table.values) if denominator)]
    for scale in scales:
        above, below = _signal(table, numerator, scale), _signal(table, denominator, scale)
        if above is not None and below is not None and above.unit == below.unit:
            ratio = _divide(above, below)
            return ratio if own is None else dataclasses.replace(own, deviations=_scaled(own, ratio))
    return own


def _signal(table: LabelTable, name: str, denominator: str | None) -> _Signal | None:
    """Returns a signal, or its ratio to `denominator`, from its own column or the sum of its parts."""
    own = _column(table, name, denominator)
    parts = parts_of(name)
    if own is not None or len(parts) == 1:
        return own
    found = [_column(table, part, denominator) for part in parts]
    if any(part is None for part in found) or len({part.unit for part in found}) > 1:
        return None
    deviations = np.sqrt(sum(part.deviations**2 for part in found))
    return _Signal(sum(part.values for part in found), deviations, found[0].unit)


def _column(table: LabelTable, name: str, denominator: str | None) -> _Signal | None:
    """Returns the column of a signal, or of its ratio to `denominator`, by its name or an alias."""
    below = None if denominator is None else parts_of(denominator)
    found = {}
    for column in table.values:
        numerator, other = split_ratio(column)
        if parts_of(numerator) == parts_of(name) and (None if other is None else parts_of(other)) == below:
            found[numerator] = column
    if len(found) > 1 and name not in found:
        raise ValueError(
            f"The label {name!r} is ambiguous in the table '{table.path}'. "
            f"Received the columns: {', '.join(found.values())}. Use the exact name of one of them."
        )
    if not found:
        return None
    column = found.get(name, next(iter(found.values())))
    return _Signal(table.values[column], table.deviations[column], table.unit[column])


def _divide(above: _Signal, below: _Signal) -> _Signal:
    """Returns a ratio with its standard deviation; missing where the denominator is 0."""
    denominator = np.where(below.values == 0, np.nan, below.values)
    ratio = above.values / denominator
    of_denominator = np.where(np.isfinite(below.deviations), below.deviations, 0.0)
    return _Signal(ratio, np.hypot(above.deviations, ratio * of_denominator) / np.abs(denominator), "")


def _scaled(own: _Signal, ratio: _Signal) -> np.ndarray:
    """Returns the deviations of the table's own ratio, from that of the quotient: the two differ by rounding only."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.abs(own.values) * np.where(ratio.values == 0, np.nan, ratio.deviations / np.abs(ratio.values))


def label_title(name: str) -> str:
    """Returns a label as a title: `label_title("tNAA_over_tCr")` is `"tNAA / tCr"`."""
    numerator, denominator = split_ratio(name)
    return numerator if denominator is None else f"{numerator} / {usual_name(denominator)}"
