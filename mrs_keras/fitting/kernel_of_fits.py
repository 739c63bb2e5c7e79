"""The kernel density of fitted parameters: which rows are outliers, which parameters are a block."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from mrs_keras.basis.macromolecules import BROAD_SIGNALS
from mrs_keras.checks import check_finite
from mrs_keras.simulation.kernel_distribution import Kernel
from mrs_keras.simulation.parameters import SCALARS

DIGITS = 6
"""Significant digits of the numbers of a prior: its file stays small, and it is the same when it is read back."""

FEWEST_OF_A_SITE = 4
"""Sites with fewer inliers than this are one cluster."""

LARGEST_SCORE = 10.0
"""Robust standard score at which a parameter's distance is cut, so that none decides alone."""

LOGARITHMIC_ABOVE = 0.05
"""Fraction of a parameter's median that every fit must exceed for its logarithm to be drawn."""

MEASURED_BROAD = ("MM", "Lip", "Mac")
"""How names of macromolecules and lipids that were measured begin."""

METABOLITES, BACKGROUND, LINES = range(3)
"""Blocks of parameters."""


def kernel_of_fits(
    table: Mapping[str, np.ndarray],
    *,
    bandwidth: float,
    block_fraction: float,
    outliers: np.ndarray,
    sites: Sequence[str] | None,
    at_least_0: Sequence[str],
    source: str,
) -> Kernel:
    """Returns the kernel density of fitted parameters.

    Args:
      table: name of a parameter, as in `Kernel` -> its values, (fits,).
      bandwidth: of the kernel.
      block_fraction: of the kernel; its blocks are those of `block_of`.
      outliers: int, numbers of the fits that are outliers.
      sites: of the fits, its clusters, or `None`: one cluster.
      at_least_0: names of parameters that are not negative. Those that are well above 0 in all fits are drawn by their
        logarithm, as they are skewed; draws of the others are cut at 0.
      source: of the fits.
    """
    rows = round_to_digits(np.stack([np.asarray(values, np.float64) for values in table.values()], axis=1))
    positive = [
        name
        for name, column in zip(table, rows.T, strict=True)
        if name == "snr" or (name in at_least_0 and column.min() > LOGARITHMIC_ABOVE * np.median(column))
    ]
    return Kernel(
        names=tuple(table),
        rows=rows,
        outliers=tuple(outliers.tolist()),
        bandwidth=bandwidth,
        clusters=_clusters(sites, outliers),
        blocks=tuple(block_of(name) for name in table),
        block_fraction=block_fraction,
        logarithmic=tuple(positive),
        at_least_0=tuple(name for name in at_least_0 if name not in positive),
        source=source,
    )


def block_of(name: str) -> int:
    """Returns the block of a parameter.

    Baseline, macromolecules, lipids and what is missing of creatine's CH2 line beside the residual water compensate
    each other in a fit, and are one block; line widths, shifts, phases and noise, which the scanner and the shim
    decide, another; the metabolites, which the subject decides, the third.
    """
    if name.startswith(("baseline/", *MEASURED_BROAD)) or name in BROAD_SIGNALS:
        return BACKGROUND
    return LINES if name in (*SCALARS, "snr") or name.startswith("shift/") else METABOLITES


def farthest(values: np.ndarray, fraction: float) -> np.ndarray:
    """Returns the rows that lie farthest from the medians of their columns, int (rows fraction,), ascending.

    The distance of a row is the root mean square of its `robust_scores` (Rousseeuw and Hubert 2011, doi
    10.1002/widm.2).

    Args:
      values: float (rows, columns).
      fraction: of the rows, from 0 to 0.5.

    Raises:
      ValueError: if the fraction is out of range.
    """
    if not 0 <= fraction <= 0.5:
        raise ValueError(f"`outlier_fraction` must be from 0 to 0.5. Received: {fraction}. Give for example 0.15.")
    order = np.argsort((robust_scores(values) ** 2).sum(axis=1), kind="stable")
    return np.sort(order[len(order) - round(fraction * len(order)) :])


def robust_scores(values: np.ndarray) -> np.ndarray:
    """Returns how far rows lie from the medians of the columns, float64 (rows, columns that vary).

    A score is over the median absolute deviation, scaled as a standard deviation, and at most 10. Columns of which half
    are equal are left out.

    Args:
      values: float (rows, columns).
    """
    values = check_finite("values", np.asarray(values, np.float64))
    distances = np.abs(values - np.median(values, axis=0))
    spread = 1.4826 * np.median(distances, axis=0)
    return np.minimum(distances[:, spread > 0] / spread[spread > 0], LARGEST_SCORE)


def round_to_digits(values: np.ndarray) -> np.ndarray:
    """Returns values with `DIGITS` significant digits, float64 of the same shape."""
    values = np.asarray(values, np.float64)
    return np.reshape([float(f"{value:.{DIGITS}g}") for value in values.ravel()], values.shape)


def _clusters(sites: Sequence[str] | None, outliers: np.ndarray) -> tuple[int, ...]:
    if sites is None:
        return ()
    inliers = Counter(site for row, site in enumerate(sites) if row not in set(outliers.tolist()))
    large = sorted(site for site, count in inliers.items() if count >= FEWEST_OF_A_SITE)
    if len(large) < 2:
        return ()
    number = {site: n for n, site in enumerate(large)}
    small = [row for row, site in enumerate(sites) if site not in number]
    # Too few to be a cluster even together: with the first one.
    rest = len(large) if sum(row not in set(outliers.tolist()) for row in small) >= FEWEST_OF_A_SITE else 0
    return tuple(number.get(site, rest) for site in sites)
