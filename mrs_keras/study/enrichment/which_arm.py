"""Which arm to use with how many scans, from the numbers."""

import math
from collections.abc import Iterable, Sequence

import numpy as np

from mrs_keras.study.enrichment.arm_names import CLASSICAL, OUTSIDE, RECALIBRATED, SIMULATIONS
from mrs_keras.study.enrichment.control_words import control_warnings
from mrs_keras.study.enrichment.judged_task import JudgedTask, listed, title_of, with_limits, with_regressor
from mrs_keras.study.enrichment.results import Comparison, Score, TaskResults
from mrs_keras.study.enrichment.words import difference


def advice(results: TaskResults, scores: Sequence[Score], comparisons: Sequence[Comparison]) -> str:
    """Returns which arm to use with how many scans, a sentence or two for each number.

    An arm is recommended where its verdict against classical augmentation is `better` with at least one regressor and
    `worse` with none. Of several, that of the highest mean concordance; but simulations if they are one of them and it
    was not found to be better than they are, since nothing has to be trained for them. The outside program is named
    where its concordance is higher than that of the recommended arm.

    Args:
      results: of the task.
      scores: of all arms, sizes and truths.
      comparisons: of arms with classical augmentation, and with simulations.
    """
    task = JudgedTask(results, scores, comparisons)
    found = [text for size in results.sizes for text in _with_size(task, size)]
    if not found:
        return "No advice: there is nothing to compare with classical augmentation."
    if any(control_warnings(task)):
        found.insert(0, "A control failed (see the warning): what follows is a guess.")
    if len(results.sizes) > 1:
        found.append(
            f"The choice is corrected for the number of arms (Holm) with {task.subjects(task.main)} alone: elsewhere, "
            "of arms that are no better, one comparison in 40 says that they are."
        )
    return " ".join(found)


def _with_size(task: JudgedTask, size: str) -> Iterable[str]:
    """Yields the advice for a number of labelled subjects."""
    compared = [each for each in task.compared(size=size) if each.arm in task.tried]
    if not compared:
        return
    arm = _recommended(task, size, compared)
    ours = [score for name in task.regressors if (score := task.score(arm, name, size))]
    best = max(ours, key=lambda each: each.concordance.value, default=None)
    reached = listed([f"{with_limits(each.concordance)} {with_regressor(each.regressor)}" for each in ours])
    if arm == CLASSICAL:
        yield (
            f"With {task.subjects(size)}: classical augmentation, with a concordance of {reached}; no arm was found to "
            f"be better{_resolvable(compared)}."
        )
    else:
        gains = [
            f"{difference(each)} {with_regressor(each.regressor)} ({each.verdict})"
            for each in compared
            if each.arm == arm
        ]
        yield (
            f"With {task.subjects(size)}: {title_of(arm)}, with a concordance of {reached}; its gain over classical "
            f"augmentation is {listed(gains)}."
        )
    if best is not None and not best.concordance.low > 0:
        yield "Its concordance is not told from 0, which is that of predicting the mean: too little was learned."
    outside = [score for each in (OUTSIDE, RECALIBRATED) if (score := task.score(each, "", size))]
    top = max(outside, key=lambda each: each.concordance.value, default=None)
    if top is not None and best is not None and top.concordance.value > best.concordance.value:
        how = ", recalibrated on the same subjects," if top.arm == RECALIBRATED else ""
        yield f"The outside program{how} has a higher concordance, {with_limits(top.concordance)}: use it if you can."


def _recommended(task: JudgedTask, size: str, compared: Sequence[Comparison]) -> str:
    """Returns the arm to use, classical augmentation if nothing was found to be better."""
    verdicts: dict[str, list[str]] = {}
    for each in compared:
        verdicts.setdefault(each.arm, []).append(each.verdict)
    better = [arm for arm, found in verdicts.items() if "better" in found and "worse" not in found]
    if not better:
        return CLASSICAL

    def concordance(arm: str) -> float:
        found = [score for name in task.regressors if (score := task.score(arm, name, size))]
        return float(np.mean([each.concordance.value for each in found])) if found else -math.inf

    best = max(better, key=concordance)
    if SIMULATIONS in better and best != SIMULATIONS:
        above = [each.verdict for each in task.compared(SIMULATIONS, size) if each.arm == best]
        if "better" not in above:
            return SIMULATIONS
    return best


def _resolvable(compared: Sequence[Comparison]) -> str:
    known = [each.resolvable for each in compared if math.isfinite(each.resolvable)]
    if not known:
        return ""
    low, high = min(known), max(known)
    text = f"{low:.2f}" + (f" to {high:.2f}" if high - low >= 0.005 else "")
    return f" (smallest difference of concordance that could have been found: {text})"
