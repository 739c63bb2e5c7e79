"""What each arm adds to classical augmentation and to simulations, judged."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from mrs_keras.study.enrichment.agreement import agreement_sums
from mrs_keras.study.enrichment.arm_names import (
    AGAIN,
    CLASSICAL,
    MEAN,
    OUTSIDE,
    REAL,
    RECALIBRATED,
    SIMULATIONS,
)
from mrs_keras.study.enrichment.bootstrap import bootstrap
from mrs_keras.study.enrichment.results import Comparison, Interval, TaskResults
from mrs_keras.study.enrichment.scores import arms_and_regressors

REFERENCES = (CLASSICAL, SIMULATIONS)

PLACEBO, CVAE = "placebo", "cvae"

PLACEBO_REFERENCES = (CVAE, REAL)
"""Arms with right labels, with which the placebo alone is compared: it must be worse."""

SAME_ERROR_PERCENT = 5.0
LEVEL = 0.05


def comparisons_of(results: TaskResults) -> list[Comparison]:
    """Compares every arm with classical augmentation and with simulations, by every regressor, size and truth; the
    placebo also with the cVAE of the same spectra and with real spectra.

    Both arms of a comparison have the same draws, subjects and labels. An arm without a regressor is compared with the
    reference arm of each regressor, which the comparison then names.

    One family of claims is protected against chance as a whole, by Holm (1979), Scand J Stat 6:65-70: the differences
    of all arms to classical augmentation at the main size by the first truth, with all regressors. Nothing is claimed
    of classical augmentation with other seeds, of the mean and of other programs: they are not in it. An arm with
    one draw is not in it either: its limits know nothing of seeds, and its verdict is `unresolved`. In the family an
    arm is `better` or `worse` if the limits of the difference of concordance exclude 0 and p after Holm is below 0.05.
    Outside of it the same words rest on the unadjusted limits alone: of 20 comparisons without any difference one is
    expected to get them by chance, so that they describe and do not prove. Otherwise the verdict is `within 5 %` if all
    of the limits of the relative difference of the percentage errors are inside +-5 %, and `unresolved` if not.

    Args:
      results: of a task.

    Returns:
      The comparisons with classical augmentation, those with simulations, and those of the placebo with right labels,
      each in the order of `scores_of`.
    """
    pairs = arms_and_regressors(results)
    found = [
        _comparison(results, arm, reference, reference_regressor, size, truth, regressor)
        for reference in (*REFERENCES, *PLACEBO_REFERENCES)
        for arm, regressor in pairs
        for name, reference_regressor in pairs
        if name == reference and arm != reference and regressor in ("", reference_regressor)
        if arm == PLACEBO or reference in REFERENCES
        for size in results.sizes
        for truth in results.truths
    ]
    found = [each for each in found if each is not None]
    family = [place for place, each in enumerate(found) if _in_family(each, results)]
    for place, p in zip(family, holm([found[place].p for place in family]), strict=True):
        found[place] = dataclasses.replace(found[place], p_holm=p)
    return [dataclasses.replace(each, verdict=_verdict(each)) for each in found]


def holm(p: Sequence[float]) -> list[float]:
    """Adjusts p values by the step-down method of Holm (1979), Scand J Stat 6:65-70.

    Args:
      p: of each test. NaN, of a test that could not be made, stays NaN and does not count.

    Returns:
      The adjusted p values, in the same order.

    Example:

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, np.float64)
    adjusted = np.full(len(values), np.nan)
    order = [place for place in np.argsort(values, kind="stable") if np.isfinite(values[place])]
    factors = np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    return adjusted.tolist()


def _comparison(
    results: TaskResults, arm: str, reference: str, reference_regressor: str, size: str, truth: str, regressor: str
) -> Comparison | None:
    sums = agreement_sums(results, truth, size, [(arm, regressor), (reference, reference_regressor)])
    if sums is None:
        return None
    concordance, log_error = bootstrap(sums)
    return Comparison(
        arm=arm,
        reference=reference,
        regressor=reference_regressor,
        size=size,
        truth=truth,
        draws=sums.draws,
        concordance=concordance.limits,
        error=Interval(*(float(100 * np.expm1(each)) for each in log_error.limits)),
        p=concordance.p,
        p_holm=np.nan,
        resolvable=concordance.resolvable,
        verdict="",
    )


def _in_family(comparison: Comparison, results: TaskResults) -> bool:
    return (
        comparison.draws > 1
        and comparison.reference == CLASSICAL
        and comparison.arm not in (AGAIN, MEAN, OUTSIDE, RECALIBRATED)
        and comparison.size == results.main_size
        and comparison.truth == next(iter(results.truths))
    )


def _verdict(comparison: Comparison) -> str:
    if comparison.draws == 1:
        return "unresolved"
    holds = np.isnan(comparison.p_holm) or comparison.p_holm < LEVEL
    if holds and comparison.concordance.low > 0:
        return "better"
    if holds and comparison.concordance.high < 0:
        return "worse"
    if comparison.error.low > -SAME_ERROR_PERCENT and comparison.error.high < SAME_ERROR_PERCENT:
        return "within 5 %"
    return "unresolved"
