"""How well each arm predicts."""

import numpy as np

from mrs_keras.study.enrichment.agreement import agreement_sums
from mrs_keras.study.enrichment.arm_names import ARMS
from mrs_keras.study.enrichment.bootstrap import bootstrap
from mrs_keras.study.enrichment.results import Interval, Score, TaskResults


def scores_of(results: TaskResults) -> list[Score]:
    """Scores every arm, regressor and size by every truth.

    All subjects with a finite truth and prediction are pooled over the rotations of the held-out sites, one label and
    draw at a time; see `AgreementSums` for the measures. The limits are those of `bootstrap`, of the percentage error
    those of its logarithm; concordances end at -1 and 1. A label that the truth or the arm does not have is left out of
    the mean and is NaN in `by_label`: then means over labels do not compare with those of other arms, and
    `comparisons_of` does it on what both have.

    Args:
      results: of a task.

    Returns:
      The scores in the order of `ARMS`, then regressors by name, sizes and truths as in `results`. An arm that has
      nothing in common with a truth has none.
    """
    found = [
        _score(results, arm, regressor, size, truth)
        for arm, regressor in arms_and_regressors(results)
        for size in results.sizes
        for truth in results.truths
    ]
    return [score for score in found if score is not None]


def arms_and_regressors(results: TaskResults) -> list[tuple[str, str]]:
    """Returns the pairs that have predictions, in the order of `ARMS`, then by name of the regressor."""
    order = {arm: place for place, arm in enumerate(ARMS)}
    return sorted({cell[:2] for cell in results.predictions}, key=lambda pair: (order[pair[0]], pair[1]))


def _score(results: TaskResults, arm: str, regressor: str, size: str, truth: str) -> Score | None:
    sums = agreement_sums(results, truth, size, [(arm, regressor)])
    if sums is None:
        return None
    agreement = bootstrap(sums)
    pooled = sums.pooled(np.ones((1, sums.sites)))
    # NaN of a slope without spread, or of a percentage error without a truth other than 0, stays: one column per label.
    of_labels = {name: getattr(pooled, name)()[0, 0].mean(axis=0) for name in ("concordance", "error", "slope", "bias")}
    places = {label: place for place, label in enumerate(sums.labels)}
    return Score(
        arm=arm,
        regressor=regressor,
        size=size,
        truth=truth,
        draws=sums.draws,
        concordance=Interval(*(min(max(each, -1.0), 1.0) for each in agreement.concordance.limits)),
        error=Interval(*(float(np.exp(each)) for each in agreement.log_error.limits)),
        by_label={
            label: {
                name: float(values[places[label]]) if label in places else np.nan for name, values in of_labels.items()
            }
            for label in results.labels
        },
    )
