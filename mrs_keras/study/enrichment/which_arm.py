"""Which arm and regression to use with how many scans, from the numbers."""

import math
from collections.abc import Iterable, Sequence

from mrs_keras.study.enrichment.arm_names import CLASSICAL, OUTSIDE, RECALIBRATED, SIMULATIONS
from mrs_keras.study.enrichment.control_words import control_warnings
from mrs_keras.study.enrichment.judged_task import JudgedTask, title_of, with_limits, with_regressor
from mrs_keras.study.enrichment.results import Comparison, Score, TaskResults
from mrs_keras.study.enrichment.words import of_each_regressor


def advice(results: TaskResults, scores: Sequence[Score], comparisons: Sequence[Comparison]) -> str:
    """Returns which arm to use with which regression for how many scans, a sentence or two for each number.

    An arm is recommended where it is `better` than classical augmentation with the regression that suits classical
    augmentation best: a gain with another regression may only make up for that. Of such arms and all regressions, the
    pair of the highest concordance; but simulations if they are such an arm and the other was not found to be better
    than they are with the regression that suits them best, since nothing has to be trained for them. The outside
    program is named where its concordance is higher than that of the recommended pair.

    Args:
      results: of the task.
      scores: of all arms, sizes and truths.
      comparisons: of `comparisons_of`.
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
    compared, classical = task.told(size=size), _best(task, [CLASSICAL], size)
    if not compared or classical is None:
        return
    chosen = _recommended(task, size, classical)
    text = f"With {task.subjects(size)}: {_pair(chosen)}, with a concordance of {with_limits(chosen.concordance)}; "
    if chosen.arm == CLASSICAL:
        if all(each.draws == 1 for each in compared):
            yield f"{text}one draw tells nothing of other arms."
        else:
            yield f"{text}no arm was found to be better{_resolvable(compared)}."
    else:
        gains = [each for each in compared if each.arm == chosen.arm]
        yield (
            f"{text}the best of classical augmentation is {with_limits(classical.concordance)} "
            f"{with_regressor(classical.regressor)}, and the gain is {of_each_regressor(gains)}."
        )
    if not chosen.concordance.low > 0:
        yield "Its concordance is not told from 0, which is that of predicting the mean: too little was learned."
    top = _best(task, [OUTSIDE, RECALIBRATED], size)
    if top is not None and top.concordance.value > chosen.concordance.value:
        how = ", recalibrated on the same subjects," if top.arm == RECALIBRATED else ""
        yield f"The outside program{how} has a higher concordance, {with_limits(top.concordance)}: use it if you can."


def _recommended(task: JudgedTask, size: str, classical: Score) -> Score:
    """Returns arm and regression to use, those of `classical` if nothing was found to be better.

    Args:
      task: of which.
      size: number of labelled subjects.
      classical: of classical augmentation with the regression that suits it best.
    """
    better = [
        each.arm for each in task.told(size=size) if each.regressor == classical.regressor and each.verdict == "better"
    ]
    best = _best(task, better, size)
    if best is None:
        return classical
    if SIMULATIONS in better and best.arm != SIMULATIONS:
        simulations = _best(task, [SIMULATIONS], size)
        above = task.comparison(best.arm, SIMULATIONS, simulations.regressor, size)
        if above is None or above.verdict != "better":
            return simulations
    return best


def _best(task: JudgedTask, arms: Sequence[str], size: str) -> Score | None:
    """Returns the highest concordance of arms with any regression."""
    found = [
        score for arm in arms for name in (*task.regressors, "") if (score := task.score(arm, name, size)) is not None
    ]
    return max(found, key=lambda each: each.concordance.value, default=None)


def _pair(score: Score) -> str:
    arm = "classical augmentation" if score.arm == CLASSICAL else title_of(score.arm)
    return f"{arm} {with_regressor(score.regressor)}"


def _resolvable(compared: Sequence[Comparison]) -> str:
    known = [each.resolvable for each in compared if math.isfinite(each.resolvable) and each.draws > 1]
    if not known:
        return ""
    low, high = min(known), max(known)
    text = f"{low:.2f}" + (f" to {high:.2f}" if high - low >= 0.005 else "")
    return f" (smallest difference of concordance that could have been found: {text})"
