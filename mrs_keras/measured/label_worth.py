"""Which labels are worth conditioning on: their spread against their uncertainty, and how far two programs agree."""

import warnings

import numpy as np

from mrs_keras.measured.label_sums import LabelValues


def conditioning_worth(values: np.ndarray, deviations: np.ndarray) -> dict[str, np.ndarray]:
    """Compares the spread of labels between scans with the uncertainty of each.

    The reliability of a measurement is the fraction of its variance that is not error: 1 - mean(s^2) / var
    (Lord and Novick 1968, ISBN 978-0-201-04310-5). A label whose reliability is near 0 or negative carries the noise of
    the fit. CRLBs are lower bounds: a reliability from them is an upper bound.

    Args:
      values: float (rows, labels), NaN where missing.
      deviations: float (rows, labels), standard deviations, NaN where unknown.

    Returns:
      A dict of arrays (labels,): `known`, the number of scans with a value; `mean`; `spread`, the standard deviation
      between scans; `uncertainty`, the median of the deviations; `spread_over_uncertainty`; `reliability`. NaN where
      fewer than two values, or no deviations, are known. All are in the unit of the label, the last two without unit.

    Example:

    >>> worth = conditioning_worth(np.array([[1.0], [2.0], [3.0]]), np.full((3, 1), 0.5))
    >>> float(worth["spread_over_uncertainty"][0]), float(worth["reliability"][0])
    (2.0, 0.75)
    """
    values, deviations = np.asarray(values, np.float64), np.asarray(deviations, np.float64)
    if values.ndim != 2 or values.shape != deviations.shape:
        raise ValueError(
            "`values` and `deviations` must have the shape (rows, labels). "
            f"Received: {values.shape} and {deviations.shape}. Take both from the same `LabelValues`."
        )
    known = np.isfinite(values).sum(axis=0)
    with warnings.catch_warnings(), np.errstate(divide="ignore", invalid="ignore"):
        # Empty columns and single rows give NaN, which is the answer.
        warnings.simplefilter("ignore", RuntimeWarning)
        spread = np.nanstd(values, axis=0, ddof=1)
        uncertainty = np.nanmedian(deviations, axis=0)
        return {
            "known": known,
            "mean": np.nanmean(values, axis=0),
            "spread": spread,
            "uncertainty": uncertainty,
            "spread_over_uncertainty": spread / uncertainty,
            "reliability": 1 - np.nanmean(deviations**2, axis=0) / spread**2,
        }


def agreement(first: LabelValues, second: LabelValues) -> dict[str, np.ndarray]:
    """Returns how far two programs agree on the labels of the same scans.

    Bias and limits of agreement (Bland and Altman 1986, doi 10.1016/S0140-6736(86)90837-8) are those of the difference
    in percent of the mean of the two: the mean of d = 200 (a - b) / (a + b), and 1.96 standard deviations of d.

    Args:
      first: labels from one program.
      second: the same labels from another program. Rows are matched by participant and session.

    Returns:
      A dict of arrays (labels,): `rows`, the number of scans that both have; `correlation` (Pearson's r);
      `bias_percent`; `limits_percent`, on either side of the bias. NaN for fewer than three scans.

    Raises:
      ValueError: if the two have different labels, or no scan in common.
    """
    if first.names != second.names:
        raise ValueError(
            "Two tables can only be compared by the same labels. "
            f"Received: {', '.join(first.names)} and {', '.join(second.names)}. Use the same `label_names`."
        )
    place = {key: row for row, key in enumerate(_keys(second))}
    pairs = [(row, place[key]) for row, key in enumerate(_keys(first)) if key in place]
    if not pairs:
        raise ValueError(
            "The two tables have no scan in common. "
            f"Received: {first.participants[0]}, ... and {second.participants[0]}, ... Compare fits of the same scans."
        )
    rows, others = np.array(pairs).T
    result = {name: np.full(len(first.names), np.nan) for name in ("correlation", "bias_percent", "limits_percent")}
    result["rows"] = np.zeros(len(first.names), np.int64)
    for column in range(len(first.names)):
        a, b = first.values[rows, column], second.values[others, column]
        both = np.isfinite(a) & np.isfinite(b) & (a + b != 0)
        a, b = a[both], b[both]
        result["rows"][column] = len(a)
        if len(a) < 3:
            continue
        difference = 200 * (a - b) / (a + b)
        if a.std() > 0 and b.std() > 0:
            result["correlation"][column] = np.corrcoef(a, b)[0, 1]
        result["bias_percent"][column] = difference.mean()
        result["limits_percent"][column] = 1.96 * difference.std(ddof=1)
    return result


def _keys(labels: LabelValues) -> list[tuple[str, str | None]]:
    return list(zip(labels.participants, labels.sessions or [None] * len(labels.participants), strict=True))
