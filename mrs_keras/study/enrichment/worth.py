"""How many labelled subjects an arm is worth."""

import dataclasses
from collections.abc import Iterable

from mrs_keras.study.enrichment.agreement import agreement_sums
from mrs_keras.study.enrichment.arm_names import CLASSICAL
from mrs_keras.study.enrichment.bootstrap import agreement_of
from mrs_keras.study.enrichment.results import Score, TaskResults


@dataclasses.dataclass(frozen=True)
class Worth:
    """Attributes:
    subjects: number of labelled subjects with which classical augmentation is as good.
    bound: `""` if that is the number; `"at least"` or `"at most"` at the ends of the sizes that were studied.
    """

    subjects: float
    bound: str = ""

    def __str__(self) -> str:
        return f"{self.bound} {self.subjects:.0f}".strip()


def worth_in_subjects(scores: Iterable[Score], results: TaskResults) -> dict[tuple[str, str, str], Worth]:
    """Finds with how many labelled subjects classical augmentation reaches the concordance of each arm.

    The curve of classical augmentation is linear in the logarithm of the number of subjects between the sizes; of a
    curve that falls in between, the first crossing counts. An arm's concordance is that of classical augmentation at
    the same size plus their difference on the draws, subjects and labels that both have: few draws of an arm may be
    lucky ones. It is a point estimate by the first truth; `comparisons_of` says whether there is a difference at all.

    Args:
      scores: of `scores_of`.
      results: of the same task.

    Returns:
      (arm, regressor, size) -> worth, of all arms but classical augmentation, where that has the same regressor and
      size. The regressor of an arm without one is that of the classical augmentation that it is compared with.
    """
    primary = next(iter(results.truths))
    scores = [score for score in scores if score.truth == primary]
    curves: dict[str, dict[str, float]] = {}
    for score in scores:
        if score.arm == CLASSICAL:
            curves.setdefault(score.regressor, {})[score.size] = score.concordance.value
    found = {}
    for score in scores:
        if score.arm == CLASSICAL:
            continue
        for regressor in [score.regressor] if score.regressor else sorted(curves):
            curve = curves.get(regressor, {})
            pairs = [(score.arm, score.regressor), (CLASSICAL, regressor)]
            sums = agreement_sums(results, primary, score.size, pairs)
            if score.size in curve and sums is not None:
                reached = curve[score.size] + agreement_of(sums)[0]
                labelled = {size: results.labelled[size] for size in curve}
                found[score.arm, regressor, score.size] = _first_crossing(curve, labelled, reached)
    return found


def _first_crossing(curve: dict[str, float], labelled: dict[str, float], reached: float) -> Worth:
    """Returns the smallest number of subjects at which the curve is as high as `reached`."""
    order = sorted(curve, key=labelled.__getitem__)
    subjects, heights = [labelled[size] for size in order], [curve[size] for size in order]
    if reached <= heights[0]:
        return Worth(subjects[0], "at most")
    for place in range(1, len(order)):
        low, high = heights[place - 1], heights[place]
        if low < reached <= high:
            share = (reached - low) / (high - low)
            return Worth(float(subjects[place - 1] ** (1 - share) * subjects[place] ** share))
    return Worth(subjects[-1], "at least")
