"""What the study found, in words made from its numbers."""

import itertools
import math
from collections.abc import Iterable, Sequence

from mrs_keras.study.enrichment.arm_names import CLASSICAL, MEAN, OUTSIDE, RECALIBRATED, SIMULATIONS
from mrs_keras.study.enrichment.control_words import control_warnings, control_words
from mrs_keras.study.enrichment.judged_task import (
    JudgedTask,
    holds_zero,
    listed,
    title_of,
    with_limits,
    with_regressor,
)
from mrs_keras.study.enrichment.results import Comparison, Score, TaskResults

VERDICTS = ("better", "worse", "within 5 %", "unresolved")

FOLLOWED = 2
"""Arms whose differences are told at all sizes, at most."""


def in_words(results: TaskResults, scores: Sequence[Score], comparisons: Sequence[Comparison]) -> str:
    """Returns one paragraph that says what a task found, and what it could not find.

    Every difference stands with its 95 % limits. It begins with a warning if a control failed: if classical
    augmentation differs from itself with other seeds, or if shuffled labels are not told from right ones.

    Args:
      results: of the task.
      scores: of all arms, sizes and truths.
      comparisons: of arms with classical augmentation, and with simulations.
    """
    task = JudgedTask(results, scores, comparisons)
    if not any(math.isfinite(each.concordance.value) for each in scores):
        return " ".join(["Nothing was measured in this task.", *_failures(task)])
    return " ".join(
        itertools.chain(
            control_warnings(task),
            _setting(task),
            _against_classical(task),
            _against_simulations(task),
            _by_size(task),
            _highest(task),
            _levels(task),
            control_words(task),
            _second_truths(task),
            _resolvable(task),
            _failures(task),
        )
    )


def difference(each: Comparison, error: bool = True) -> str:
    """Returns a comparison with its limits: of the concordance, and of the error unless that is left out."""
    text = with_limits(each.concordance, "+")
    if error and math.isfinite(each.error.value):
        text += f", error {with_limits(each.error, '+', 0, ' %')}"
    return text


def _setting(task: JudgedTask) -> Iterable[str]:
    results = task.results
    sites = len(set(results.sites))
    where = f"{len(results.subjects)} subjects" + (f" of {sites} sites" if 1 < sites < len(results.subjects) else "")
    yield f"{where} were predicted, each when held out (truth: {task.truth})."
    reached = [
        f"{with_limits(score.concordance)} {with_regressor(name)} (error {with_limits(score.error, digits=1)} %)"
        for name in task.regressors
        if (score := task.score(CLASSICAL, name, task.main))
    ]
    if reached:
        yield f"With {task.subjects(task.main)}, classical augmentation reached a concordance of {listed(reached)}."
    else:
        yield f"Classical augmentation was not measured with {task.subjects(task.main)}: nothing is compared with it."


def _against_classical(task: JudgedTask) -> Iterable[str]:
    """Says which arms are better than classical augmentation at the main size, and which are not."""
    found = [each for each in task.compared() if each.arm in task.tried]
    if not found:
        return
    of_arm = {arm: [each.verdict for each in found if each.arm == arm] for arm in _ranked(found)}
    better = sum(set(verdicts) == {"better"} for verdicts in of_arm.values())
    worse = sum(set(verdicts) == {"worse"} for verdicts in of_arm.values())
    mixed = sum({"better", "worse"} & set(verdicts) != set() and len(set(verdicts)) > 1 for verdicts in of_arm.values())
    every = "with every regressor" if len(task.regressors) > 1 else "with the regressor"
    parts = [f"{better} better than that {every}", f"{worse} worse"]
    if mixed:
        parts.append(f"{mixed} better or worse with some")
    yield f"Of {len(of_arm)} other arms: {', '.join(parts)}, {len(of_arm) - better - worse - mixed} neither."
    yield from _verdicts(task, found, "classical augmentation")
    if tested := [each for each in found if math.isfinite(each.p_holm)]:
        missed = [
            each for each in tested if each.verdict not in ("better", "worse") and not holds_zero(each.concordance)
        ]
        more = f"; without it, {len(missed)} more would have limits that exclude 0" if missed else ""
        yield f"'Better' and 'worse' hold after Holm's correction for all arms at this size{more}."


def _against_simulations(task: JudgedTask) -> Iterable[str]:
    """Compares with simulations the arms that are of interest: better than they are, or than classical augmentation."""
    better = {each.arm for each in task.compared() if each.verdict == "better"}
    found = [
        each
        for each in task.compared(SIMULATIONS)
        if each.arm in task.tried and each.arm != CLASSICAL and (each.arm in better or each.verdict == "better")
    ]
    if found:
        yield from _verdicts(task, found, "simulations")


def _verdicts(task: JudgedTask, found: Sequence[Comparison], name: str) -> Iterable[str]:
    """Yields a sentence for each verdict; arms with the largest gain come first."""
    of = {verdict: [each for each in found if each.verdict == verdict] for verdict in VERDICTS}
    if not of["better"]:
        yield f"No arm was found to be better than {name} with {task.subjects(task.main)}."
    heads = {
        "better": f"Better than {name}, by a concordance of",
        "worse": f"Worse than {name}",
        "within 5 %": f"With an error within 5 % of that of {name}",
        "unresolved": f"Unresolved against {name}",
    }
    for verdict, each in of.items():
        if each:
            texts = []
            for arm in _ranked(each):
                ours = [one for one in each if one.arm == arm]
                with_error = verdict in ("better", "within 5 %")
                parts = [f"{difference(one, with_error)} {with_regressor(one.regressor)}".strip() for one in ours]
                texts.append(f"{title_of(arm)} {listed(parts)}")
            yield f"{heads[verdict]}: {'; '.join(texts)}."


def _ranked(found: Sequence[Comparison]) -> list[str]:
    """Returns the arms, that of the largest mean difference of concordance first."""
    values: dict[str, list[float]] = {}
    for each in found:
        values.setdefault(each.arm, []).append(each.concordance.value)
    return sorted(values, key=lambda arm: -sum(values[arm]) / len(values[arm]))


def _by_size(task: JudgedTask) -> Iterable[str]:
    """Says how the differences to classical change with the number of labelled subjects."""
    better = [each for each in task.compared() if each.verdict == "better" and each.arm in task.tried]
    arms = _ranked(better) or [SIMULATIONS]
    several = [arm for arm in arms if len(task.sizes_of(arm)) > 1]
    texts = []
    for arm, regressor in itertools.product(several[:FOLLOWED], task.regressors):
        found = [each for size in task.results.sizes if (each := task.comparison(arm, CLASSICAL, regressor, size))]
        if len(found) > 1:
            path = ", ".join(f"{each.size}: {with_limits(each.concordance, '+')}" for each in found)
            texts.append(f"{title_of(arm)} {with_regressor(regressor)} {path} ({_trend(found[0], found[-1])})")
    if texts:
        yield f"The gain over classical augmentation by the number of labelled subjects: {'; '.join(texts)}."


def _trend(first: Comparison, last: Comparison) -> str:
    if last.concordance.high < first.concordance.low:
        return "it falls"
    if last.concordance.low > first.concordance.high:
        return "it rises"
    return "no trend is resolved"


def _highest(task: JudgedTask) -> Iterable[str]:
    """Says which arm has the highest concordance with each number of subjects."""
    texts, count = [], 0
    for size in task.results.sizes:
        best: dict[str, list[str]] = {}
        for regressor in task.regressors:
            found = [score for arm in task.tried if (score := task.score(arm, regressor, size))]
            if found:
                top, count = max(found, key=lambda each: each.concordance.value), max(count, len(found))
                best.setdefault(top.arm, []).append(f"{with_limits(top.concordance)} {with_regressor(regressor)}")
        if best:
            texts.append(f"{size}: {listed([f'{title_of(arm)} {listed(each)}' for arm, each in best.items()])}")
    if count > 1:
        yield (
            f"Highest concordance by labelled subjects (of up to {count} arms, the highest flatters itself): "
            f"{'; '.join(texts)}."
        )


def _levels(task: JudgedTask) -> Iterable[str]:
    """Says where the mean and the outside program stand."""
    if mean := task.score(MEAN, "", task.main):
        yield f"Predicting the mean has an error of {with_limits(mean.error, digits=1)} %."
    levels = {}
    for arm in (OUTSIDE, RECALIBRATED):
        sizes = [task.main, *reversed(task.results.sizes)]
        if score := next((score for size in sizes if (score := task.score(arm, "", size))), None):
            levels[arm] = score
    if not levels:
        yield "No outside program was compared."
        return
    raw, recalibrated = (levels.get(arm) for arm in (OUTSIDE, RECALIBRATED))
    texts = [f"{with_limits(raw.concordance)} as it is"] if raw else []
    if recalibrated:
        texts.append(f"{with_limits(recalibrated.concordance)} recalibrated on {task.subjects(recalibrated.size)}")
    yield f"The outside program on the same spectra has a concordance of {' and '.join(texts)}."
    top = max(levels.values(), key=lambda each: each.concordance.value)
    above = [
        f"{title_of(arm)} {with_regressor(regressor)}, {with_limits(score.concordance)}"
        for arm, regressor in itertools.product(task.tried, task.regressors)
        if (score := task.score(arm, regressor, top.size)) and score.concordance.value > top.concordance.value
    ]
    if above:
        yield f"Above that with {task.subjects(top.size)}: {'; '.join(above)}."
    else:
        yield f"No arm reaches that with {task.subjects(top.size)}."


def _second_truths(task: JudgedTask) -> Iterable[str]:
    """Says whether another labeller's truth changes what is found, by limits alone: Holm's family has one truth."""
    for truth in list(task.results.truths)[1:]:
        pairs = [
            (each, other)
            for each in task.compared()
            if each.arm in task.tried and (other := task.comparison(*_key(each), truth))
        ]
        if not pairs:
            continue
        changed = [(each, other) for each, other in pairs if _side(each) != _side(other)]
        texts = "; ".join(
            f"{title_of(each.arm)} {with_regressor(each.regressor)} {with_limits(other.concordance, '+')} instead of "
            f"{with_limits(each.concordance, '+')}"
            for each, other in changed
        )
        yield (
            f"Judged by {truth} instead, limits are on the same side of 0 or hold it in {len(pairs) - len(changed)} of "
            f"{len(pairs)} comparisons{f' (not so: {texts})' if changed else ''}."
        )


def _side(each: Comparison) -> int:
    return int(each.concordance.low > 0) - int(each.concordance.high < 0)


def _key(each: Comparison) -> tuple[str, str, str, str]:
    return each.arm, each.reference, each.regressor, each.size


def _resolvable(task: JudgedTask) -> Iterable[str]:
    found = [each for each in task.compared() if math.isfinite(each.resolvable) and each.arm in task.tried]
    if not found:
        yield "What differences could have been resolved is not known."
        return
    low, high = (pick(found, key=lambda each: each.resolvable) for pick in (min, max))
    text = f"{low.resolvable:.2f} ({title_of(low.arm)} {with_regressor(low.regressor)}".rstrip() + ")"
    if high.resolvable - low.resolvable >= 0.005:
        text += f" to {high.resolvable:.2f} ({title_of(high.arm)} {with_regressor(high.regressor)}".rstrip() + ")"
    unresolved = sum(each.verdict == "unresolved" for each in found)
    yield (
        f"With {task.subjects(task.main)}, the smallest difference of concordance from classical augmentation that "
        f"could have been found with a power of 80 % is {text}: smaller ones may be there and were not seen "
        f"({unresolved} of {len(found)} comparisons are unresolved)."
    )


def _failures(task: JudgedTask) -> Iterable[str]:
    if task.results.failures:
        texts = (f"{title_of(arm)} ({message})" for arm, message in task.results.failures.items())
        yield f"Failed: {'; '.join(texts)}."
