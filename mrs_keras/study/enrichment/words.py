"""What the study found, in a few sentences made from its numbers."""

import itertools
import math
from collections.abc import Iterable, Sequence

from mrs_keras.study.enrichment.arm_names import CLASSICAL, SIMULATIONS
from mrs_keras.study.enrichment.control_words import control_summary, control_warnings
from mrs_keras.study.enrichment.judged_task import (
    JudgedTask,
    difference,
    listed,
    title_of,
    with_limits,
    with_regressor,
)
from mrs_keras.study.enrichment.results import Comparison, Score, TaskResults

HYBRIDS = ("hybrid", "simulations_and_hybrid")

ONE_DRAW = "one draw: its limits know nothing of seeds"

NOT_CORRECTED = "not corrected for the number of arms"


def in_words(results: TaskResults, scores: Sequence[Score], comparisons: Sequence[Comparison]) -> str:
    """Returns what a task found at its main size, at most four sentences; `details_in_words` has the rest.

    The sentences are of the best arm and regression, of simulations against classical augmentation, of the hybrid
    against simulations, and of the controls. Every difference stands with its 95 % limits. Warnings come first if a
    control failed.

    Args:
      results: of the task.
      scores: of all arms, sizes and truths.
      comparisons: of `comparisons_of`.
    """
    task = JudgedTask(results, scores, comparisons)
    if not is_measured(task):
        return " ".join(["Nothing was measured in this task.", *failures(task)])
    return " ".join(
        itertools.chain(
            control_warnings(task), _best(task), _simulations(task), _hybrids(task), [control_summary(task)]
        )
    )


def is_measured(task: JudgedTask) -> bool:
    """Returns whether there is any number."""
    return any(math.isfinite(each.concordance.value) for each in task.scores)


def failures(task: JudgedTask) -> Iterable[str]:
    """Yields a sentence that names the arms that failed, if there are any."""
    if task.results.failures:
        texts = (f"{title_of(arm)} ({message})" for arm, message in task.results.failures.items())
        yield f"Failed: {'; '.join(texts)}."


def of_each_regressor(found: Sequence[Comparison], error: bool = True) -> str:
    """Returns the differences of an arm with their verdicts, such as `+0.24 (0.18 to 0.30) with ridge (better)`."""
    return listed(
        [f"{difference(each, error)} {with_regressor(each.regressor)} ({short_verdict(each)})" for each in found]
    )


def short_verdict(each: Comparison) -> str:
    """Returns the verdict, and that there is one draw."""
    return f"{each.verdict}, one draw" if each.draws == 1 else each.verdict


def _best(task: JudgedTask) -> Iterable[str]:
    """Says which arm and regression have the highest concordance, and whether any arm is better than classical."""
    found = [
        score
        for arm, regressor in itertools.product(task.tried, task.regressors)
        if (score := task.score(arm, regressor, task.main))
    ]
    with_subjects = f"With {task.subjects(task.main)}"
    if not found:
        yield f"No arm was measured with {task.subjects(task.main)}."
        return
    best = max(found, key=lambda each: each.concordance.value)
    text = (
        f"{with_subjects}, {title_of(best.arm)} {with_regressor(best.regressor)} has the highest concordance, "
        f"{with_limits(best.concordance)}"
    )
    if not any(score.arm == CLASSICAL for score in found):
        yield f"{text}; classical augmentation was not measured: nothing is compared with it."
        return
    against = task.comparison(best.arm, CLASSICAL, best.regressor, task.main)
    if against is not None and best.arm != SIMULATIONS:
        text += f", which differs from classical augmentation by {of_each_regressor([against], error=False)}"
    if not any(each.verdict == "better" for each in task.told()):
        text += "; no arm was found to be better than classical augmentation"
    yield f"{text}."


def _simulations(task: JudgedTask) -> Iterable[str]:
    if found := [each for each in task.told() if each.arm == SIMULATIONS]:
        yield f"Simulations against classical augmentation: {of_each_regressor(found)}."


def _hybrids(task: JudgedTask) -> Iterable[str]:
    told = task.told(SIMULATIONS)
    texts = [
        f"{title_of(arm)} {of_each_regressor(found, error=False)}"
        for arm in HYBRIDS
        if (found := [each for each in told if each.arm == arm])
    ]
    if texts:
        yield f"Against simulations ({NOT_CORRECTED}): {'; '.join(texts)}."
