"""What the study found beside the main results, a list of short sentences made from its numbers."""

import itertools
import math
from collections.abc import Iterable, Sequence

from mrs_keras.study.enrichment.arm_names import CLASSICAL, MEAN, OUTSIDE, RECALIBRATED, SIMULATIONS
from mrs_keras.study.enrichment.control_words import control_details
from mrs_keras.study.enrichment.judged_task import (
    JudgedTask,
    holds_zero,
    is_identical,
    listed,
    ranked,
    title_of,
    with_limits,
    with_regressor,
)
from mrs_keras.study.enrichment.results import Comparison, Score, TaskResults
from mrs_keras.study.enrichment.words import NOT_CORRECTED, failures, is_measured, of_each_regressor

FOLLOWED = 2
"""Arms whose differences are told at all sizes, at most."""


def details_in_words(
    results: TaskResults, scores: Sequence[Score], comparisons: Sequence[Comparison]
) -> tuple[str, ...]:
    """Returns what `in_words` leaves out, a short sentence or two each; nothing if nothing was measured.

    Every difference stands with its 95 % limits. Of arms that are the same at a size nothing is said.

    Args:
      results: of the task.
      scores: of all arms, sizes and truths.
      comparisons: of `comparisons_of`.
    """
    task = JudgedTask(results, scores, comparisons)
    if not is_measured(task):
        return ()
    return tuple(
        itertools.chain(
            _setting(task),
            _against_classical(task),
            _against_simulations(task),
            _what_limits_know(task),
            _by_size(task),
            _highest(task),
            _levels(task),
            control_details(task),
            _second_truths(task),
            _resolvable(task),
            failures(task),
        )
    )


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


def _against_classical(task: JudgedTask) -> Iterable[str]:
    """Says of each arm how it differs from classical augmentation at the main size, the largest gain first."""
    found = task.told()
    if not found:
        return
    of_arm = {arm: [each for each in found if each.arm == arm] for arm in ranked(found)}
    verdicts = [{each.verdict for each in ours} for ours in of_arm.values()]
    better, worse = verdicts.count({"better"}), verdicts.count({"worse"})
    mixed = sum(len(each) > 1 and not each.isdisjoint({"better", "worse"}) for each in verdicts)
    every = "with every regressor" if len(task.regressors) > 1 else "with the regressor"
    parts = [f"{better} better than classical augmentation {every}", f"{worse} worse"]
    if mixed:
        parts.append(f"{mixed} better or worse with some")
    yield f"Of {len(of_arm)} other arms: {', '.join(parts)}, {len(of_arm) - better - worse - mixed} neither."
    for arm, ours in of_arm.items():
        yield f"{title_of(arm)} minus classical: {of_each_regressor(ours)}."
    if tested := [each for each in found if math.isfinite(each.p_holm)]:
        missed = [
            each for each in tested if each.verdict not in ("better", "worse") and not holds_zero(each.concordance)
        ]
        more = f"; without it, {len(missed)} more would have limits that exclude 0" if missed else ""
        yield f"'Better' and 'worse' hold after Holm's correction for all arms at this size{more}."


def _against_simulations(task: JudgedTask) -> Iterable[str]:
    """Compares with simulations the arms that are of interest: better than they are, or than classical augmentation."""
    better = {each.arm for each in task.told() if each.verdict == "better"}
    told = [each for each in task.told(SIMULATIONS) if each.arm != CLASSICAL]
    better |= {each.arm for each in told if each.verdict == "better"}
    found = [each for each in told if each.arm in better]
    if found:
        yield f"Comparisons with simulations, and those at other sizes, are {NOT_CORRECTED}."
    for arm in ranked(found):
        ours = [each for each in found if each.arm == arm]
        yield f"{title_of(arm)} minus simulations: {of_each_regressor(ours)}."


def _what_limits_know(task: JudgedTask) -> Iterable[str]:
    """Says what the limits of arms with one draw, or with few networks, do not know."""
    found = task.told()
    single = [title_of(arm) for arm in dict.fromkeys(each.arm for each in found if each.draws == 1)]
    if single:
        which = "all arms" if len(single) == len({each.arm for each in found}) else listed(single)
        yield f"One draw of {which}: the limits know nothing of seeds, so that there is no verdict."
    networks = {arm: number for arm, number in task.results.networks.items() if arm in task.arms}
    for number in sorted(set(networks.values())):
        arms = listed([title_of(arm) for arm, of_arm in networks.items() if of_arm == number])
        yield (
            f"All draws of {arms} share {_networks(number)} for each group of sites that is held out: their limits "
            "know little of how networks differ."
        )


def _networks(number: int) -> str:
    return f"{number} network{'s' if number != 1 else ''}"


def _by_size(task: JudgedTask) -> Iterable[str]:
    """Says how the differences to classical change with the number of labelled subjects."""
    arms = ranked([each for each in task.told() if each.verdict == "better"]) or [SIMULATIONS]
    several = [arm for arm in arms if len(task.sizes_of(arm)) > 1]
    for arm, regressor in itertools.product(several[:FOLLOWED], task.regressors):
        found = [
            each
            for size in task.results.sizes
            if (each := task.comparison(arm, CLASSICAL, regressor, size)) and not is_identical(each)
        ]
        if len(found) > 1:
            path = ", ".join(f"{each.size}: {with_limits(each.concordance, '+')}" for each in found)
            yield (
                f"{title_of(arm)} minus classical {with_regressor(regressor)} by labelled subjects: {path} "
                f"({_trend(found[0], found[-1])})."
            )


def _trend(first: Comparison, last: Comparison) -> str:
    if min(first.draws, last.draws) > 1:
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
            for each in task.told()
            if each.draws > 1 and (other := task.comparison(each.arm, each.reference, each.regressor, each.size, truth))
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


def _resolvable(task: JudgedTask) -> Iterable[str]:
    found = [each for each in task.told() if math.isfinite(each.resolvable) and each.draws > 1]
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
