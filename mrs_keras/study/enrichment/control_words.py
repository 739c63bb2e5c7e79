"""What the controls of the study say: A/A, which must find nothing, and shuffled labels, which must be caught."""

import math
from collections.abc import Iterable, Sequence

from mrs_keras.study.enrichment.arm_names import AGAIN, CLASSICAL
from mrs_keras.study.enrichment.comparisons import LEVEL, PLACEBO, PLACEBO_REFERENCES, holm
from mrs_keras.study.enrichment.judged_task import (
    JudgedTask,
    difference,
    holds_zero,
    title_of,
    with_limits,
    with_regressor,
)
from mrs_keras.study.enrichment.results import Comparison


def a_a_comparisons(task: JudgedTask) -> list[Comparison]:
    """Returns the comparisons of classical augmentation with itself that know of seeds and have limits."""
    return [
        each
        for each in task.comparisons
        if (each.arm, each.reference) == (AGAIN, CLASSICAL) and each.draws > 1 and math.isfinite(each.p)
    ]


def placebo_pairs(task: JudgedTask, size: str) -> list[Comparison]:
    """Returns the differences of shuffled labels from right ones: those of the cVAE, and those of real spectra.

    Their verdict says whether shuffled labels were caught: `worse`, if the limits of the paired difference exclude 0.
    """
    return [
        each
        for reference in PLACEBO_REFERENCES
        for each in task.compared(reference, size)
        if each.arm == PLACEBO and math.isfinite(each.concordance.value)
    ]


def control_warnings(task: JudgedTask) -> Iterable[str]:
    """Yields a warning for each control that failed.

    A/A failed if one of its differences of concordance is found after Holm's correction for all of them, the placebo if
    with most subjects it is better than right labels. With fewer, the cVAE may have learned as little as it has.
    """
    if found := _found_in_a_a(task):
        texts = [f"{with_limits(each.concordance, '+')} {_where(task, each)}" for each in found]
        yield (
            "WARNING: THE A/A COMPARISON FAILED. After Holm's correction, classical augmentation differs from itself "
            f"with other seeds in {len(found)} of {len(a_a_comparisons(task))} comparisons: {'; '.join(texts)}. "
            "Differences of that size between other arms mean nothing."
        )
    if better := [each for each in _at_largest(task) if each.verdict == "better"]:
        yield (
            f"WARNING: THE PLACEBO WAS NOT CAUGHT. Shuffled labels are better than right ones: {_listed(better)}. "
            "Concordance does not tell them apart here, and gains of arms that generate spectra may not come from "
            "their labels."
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


def control_summary(task: JudgedTask) -> str:
    """Returns what both controls say, one sentence."""
    if _found_in_a_a(task):
        a_a = "A/A failed"
    elif a_a_comparisons(task):
        a_a = f"A/A found nothing after Holm's correction ({_counted(task)})"
    else:
        a_a = _without_a_a(task)
    pairs = _at_largest(task)
    caught = sum(each.verdict == "worse" for each in pairs)
    if not pairs:
        placebo = "the placebo (shuffled labels) was not compared"
    elif caught:
        placebo = f"the placebo (shuffled labels) was caught in {caught} of {len(pairs)} comparisons with right labels"
    else:
        placebo = f"the placebo (shuffled labels) was caught in none of {len(pairs)} comparisons with right labels"
    return f"Controls: {a_a}; {placebo}."


def control_details(task: JudgedTask) -> Iterable[str]:
    """Yields the numbers of the controls, short sentences."""
    if known := a_a_comparisons(task):
        largest = max(known, key=lambda each: abs(each.concordance.value))
        excluded = [
            f"{name} {text} {_where(task, each)}" for each, name, text, held in _intervals(known) if held is False
        ]
        yield (
            "A/A, classical augmentation against itself with other seeds, "
            + ("found a difference" if _found_in_a_a(task) else "found nothing")
            + f" after Holm's correction for all of its differences of concordance; {_counted(task)}"
            + (f": {'; '.join(excluded)}." if excluded else ".")
        )
        yield f"The largest of these differences is {with_limits(largest.concordance, '+')} {_where(task, largest)}."
    else:
        yield f"{_without_a_a(task)}, so that nothing shows that chance is not taken for an effect here."
    yield from _placebo_details(task)


def _placebo_details(task: JudgedTask) -> Iterable[str]:
    sizes = task.sizes_of(PLACEBO)
    if not (pairs := _at_largest(task)):
        yield "The placebo (shuffled labels) was not compared."
        return
    heads = {
        "The placebo was caught, shuffled labels are below right ones": lambda each: each.verdict == "worse",
        "Shuffled labels are below right ones, but that is not resolved": lambda each: each.concordance.value < 0,
        "Shuffled labels are not below right ones, but that is not resolved either": lambda each: (
            each.verdict != "better"
        ),
        "Shuffled labels are better than right ones": lambda each: True,
    }
    for head, is_so in heads.items():
        if found := [each for each in pairs if is_so(each)]:
            yield f"{head}, with {task.subjects(sizes[-1])}: {_listed(found)}."
        pairs = [each for each in pairs if each not in found]
    few = [each for size in sizes[:-1] for each in placebo_pairs(task, size) if each.verdict != "worse"]
    if few:
        yield (
            "With fewer subjects, shuffled labels are not told from right ones in "
            f"{len(few)} of {sum(len(placebo_pairs(task, size)) for size in sizes[:-1])} comparisons."
        )


def _found_in_a_a(task: JudgedTask) -> list[Comparison]:
    """Returns the A/A comparisons whose concordances differ after Holm, over all sizes, regressors and truths."""
    known = a_a_comparisons(task)
    return [each for each, p in zip(known, holm([each.p for each in known]), strict=True) if p < LEVEL]


def _without_a_a(task: JudgedTask) -> str:
    found = [each for each in task.comparisons if (each.arm, each.reference) == (AGAIN, CLASSICAL)]
    if not found:
        return "A/A was not measured"
    return "A/A has one draw, and its limits know nothing of seeds" if found[0].draws == 1 else "A/A has no limits"


def _intervals(known: Sequence[Comparison]) -> list[tuple[Comparison, str, str, bool]]:
    """Returns comparison, measure, text, and whether the interval holds 0, where there is one."""
    texts = [
        (each, name, with_limits(getattr(each, name), "+", digits, unit), holds_zero(getattr(each, name)))
        for each in known
        for name, digits, unit in (("concordance", 2, ""), ("error", 1, " %"))
    ]
    return [each for each in texts if each[3] is not None]


def _counted(task: JudgedTask) -> str:
    """Returns how many intervals of A/A exclude 0, and how many do by chance."""
    held = [held for *_, held in _intervals(a_a_comparisons(task))]
    return (
        f"{held.count(False) or 'none'} of {len(held)} intervals of concordance and error exclude 0, about "
        f"{LEVEL * len(held):.1f} expected by chance"
    )


def _at_largest(task: JudgedTask) -> list[Comparison]:
    sizes = task.sizes_of(PLACEBO)
    return placebo_pairs(task, sizes[-1]) if sizes else []


def _listed(pairs: Sequence[Comparison]) -> str:
    texts = []
    for each in pairs:
        draw = ", one draw" if each.draws == 1 else ""
        texts.append(f"minus {title_of(each.reference)} {difference(each)} {with_regressor(each.regressor)}{draw}")
    return "; ".join(texts)


def _where(task: JudgedTask, each: Comparison) -> str:
    parts = [
        with_regressor(each.regressor),
        f"at n = {each.size}",
        "" if each.truth == task.truth else f"by {each.truth}",
    ]
    return f"({' '.join(part for part in parts if part)})"
