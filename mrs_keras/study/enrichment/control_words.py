"""What the controls of the study say: A/A, which must find nothing, and shuffled labels, which must be caught."""

import math
from collections.abc import Iterable

from mrs_keras.study.enrichment.arm_names import AGAIN, CLASSICAL, REAL
from mrs_keras.study.enrichment.judged_task import (
    CVAE,
    PLACEBO,
    JudgedTask,
    holds_zero,
    listed,
    title_of,
    with_limits,
    with_regressor,
)
from mrs_keras.study.enrichment.results import Comparison


def a_a_intervals(task: JudgedTask) -> list[tuple[Comparison, str, bool | None]]:
    """Returns the comparison, the measure, and whether its interval holds 0, of classical augmentation with itself."""
    return [
        (each, name, holds_zero(getattr(each, name)))
        for each in task.comparisons
        if (each.arm, each.reference) == (AGAIN, CLASSICAL)
        for name in ("concordance", "error")
        if math.isfinite(getattr(each, name).value)
    ]


def placebo_pairs(task: JudgedTask) -> list[tuple[str, str, str, float]]:
    """Returns size, regressor, other arm, and how far the concordance of shuffled labels is below the other's.

    With most subjects, shuffled labels must be below the cVAE of the same spectra, and below real spectra. With fewer,
    the cVAE may have learned as little as they have.
    """
    sizes = task.sizes_of(PLACEBO)
    return [
        (size, regressor, other, score.concordance.value - placebo.concordance.value)
        for size in sizes
        for regressor in task.regressors
        for other in ((CVAE, REAL) if size == sizes[-1] else (CVAE,))
        if (placebo := task.score(PLACEBO, regressor, size)) and (score := task.score(other, regressor, size))
    ]


def control_warnings(task: JudgedTask) -> Iterable[str]:
    """Yields a warning for each control that failed."""
    intervals = a_a_intervals(task)
    if failed := [(each, name) for each, name, held in intervals if held is False]:
        texts = [f"{name} {_signed(each, name)} {_where(task, each)}" for each, name in failed]
        yield (
            "WARNING: THE A/A COMPARISON FAILED. Classical augmentation differs from itself with other seeds in "
            f"{len(failed)} of {len(intervals)} intervals: {'; '.join(texts)}. By chance, about "
            f"{0.05 * len(intervals):.1f} would exclude 0. Differences of that size between other arms mean nothing."
        )
    if missed := [pair for pair in _at_largest(placebo_pairs(task)) if pair[3] <= 0]:
        texts = [_pair_text(task, *pair[:3]) for pair in missed]
        yield (
            f"WARNING: THE PLACEBO WAS NOT CAUGHT. {'; '.join(texts)}: concordance does not tell right labels from "
            "shuffled ones here, and gains of arms that generate spectra may not come from their labels."
        )
    lucky = [
        each for each in task.comparisons if (each.arm, each.reference, each.verdict) == (PLACEBO, CLASSICAL, "better")
    ]
    if lucky:
        texts = [f"{with_limits(each.concordance, '+')} {_where(task, each)}" for each in lucky]
        yield (
            f"WARNING: SHUFFLED LABELS ARE JUDGED BETTER THAN CLASSICAL AUGMENTATION: {'; '.join(texts)}. Verdicts of "
            "this task are not to be trusted."
        )


def control_words(task: JudgedTask) -> Iterable[str]:
    """Yields what the controls say where they did not fail."""
    intervals = a_a_intervals(task)
    known = [(each, name) for each, name, held in intervals if held is not None]
    if not known:
        yield (
            "A/A was not measured: nothing shows that chance is not taken for an effect here."
            if not intervals
            else "A/A has no limits: nothing shows that chance is not taken for an effect here."
        )
    elif all(held is not False for *_, held in intervals):
        concordance = [each for each, name in known if name == "concordance"]
        text = f"all {len(known)} intervals hold 0"
        if concordance:
            largest = max(concordance, key=lambda each: abs(each.concordance.value))
            text += f", the largest difference is {with_limits(largest.concordance, '+')} {_where(task, largest)}"
        yield f"A/A, classical augmentation against itself with other seeds, found nothing, as it must: {text}."
    pairs = placebo_pairs(task)
    largest = _at_largest(pairs)
    if not pairs:
        yield "The placebo (shuffled labels) was not compared."
    elif all(below > 0 for *_, below in largest):
        size = largest[0][0]
        yield f"The placebo was caught by concordance: with {task.subjects(size)}, {'; '.join(_caught(task, size))}."
    if missed := [pair for pair in pairs if pair not in largest and pair[3] <= 0]:
        texts = "; ".join(_pair_text(task, *pair[:3]) for pair in missed)
        yield f"With fewer, the labels of the cVAE teach no more than shuffled ones: {texts}."


def _at_largest(pairs: list[tuple[str, str, str, float]]) -> list[tuple[str, str, str, float]]:
    return [pair for pair in pairs if pair[0] == pairs[-1][0]]


def _caught(task: JudgedTask, size: str) -> Iterable[str]:
    """Yields concordance and error of shuffled and of right labels, for each regressor."""
    for regressor in task.regressors:
        scores = [(arm, task.score(arm, regressor, size)) for arm in (PLACEBO, CVAE, REAL)]
        texts = [f"{title_of(arm)} {with_limits(score.concordance)}" for arm, score in scores if score]
        errors = [f"{score.error.value:.1f}" for _, score in scores if score]
        if len(texts) > 1:
            yield f"{listed(texts)} {with_regressor(regressor)}, errors {listed(errors)} %"


def _pair_text(task: JudgedTask, size: str, regressor: str, other: str) -> str:
    placebo, score = task.score(PLACEBO, regressor, size), task.score(other, regressor, size)
    return (
        f"{title_of(PLACEBO)} {with_limits(placebo.concordance)}, {title_of(other)} {with_limits(score.concordance)} "
        f"{with_regressor(regressor)} and {task.subjects(size)}"
    )


def _signed(each: Comparison, name: str) -> str:
    if name == "concordance":
        return with_limits(each.concordance, "+")
    return with_limits(each.error, "+", 1, " %")


def _where(task: JudgedTask, each: Comparison) -> str:
    parts = [
        with_regressor(each.regressor),
        f"at n = {each.size}",
        "" if each.truth == task.truth else f"by {each.truth}",
    ]
    return f"({' '.join(part for part in parts if part)})"
