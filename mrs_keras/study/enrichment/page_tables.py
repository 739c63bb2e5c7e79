"""The tables of the report: header and rows of text."""

import math
from collections.abc import Mapping, Sequence

from mrs_keras.study.enrichment.arm_names import ARMS, CLASSICAL, REAL, SIMULATIONS
from mrs_keras.study.enrichment.judged_task import JudgedTask, is_identical, title_of, with_limits
from mrs_keras.study.enrichment.results import ALL, Comparison
from mrs_keras.study.enrichment.task_figures import fidelity_labels
from mrs_keras.study.enrichment.words import NOT_CORRECTED, ONE_DRAW

Table = tuple[tuple[str, ...], list[tuple[str, ...]]]
"""Header and rows."""

MEASURES = {"concordance": 2, "error": 1}
"""Attribute of a score -> digits."""

OF_LABELS = {
    "concordance": "{:.2f}",
    "correlation": "{:.2f}",
    "slope": "{:.2f}",
    "bias": "{:+.1f} %",
    "error": "{:.1f} %",
}
"""What is known of each label -> how it is written."""


REAL_FIDELITY = "real: the judge's own error"
"""Name of the row of real spectra among the labels of generated ones."""


def score_table(task: JudgedTask, measure: str, truth: str | None = None) -> Table:
    """Returns concordance or error of each arm at each size, with limits.

    Args:
      task: of which.
      measure: `"concordance"` or `"error"`, percent.
      truth: name of the labeller. Defaults to `None`: the primary one.
    """
    sizes = task.results.sizes
    rows = []
    for arm, regressor in _arms_and_regressors(task):
        scores = [task.score(arm, regressor, size, truth) for size in sizes]
        if any(scores):
            cells = (
                "" if each is None else with_limits(getattr(each, measure), "", MEASURES[measure]) for each in scores
            )
            rows.append((_name(arm, regressor), *cells))
    return ("", *(_size_title(task, size) for size in sizes)), rows


def comparison_table(task: JudgedTask, reference: str, size: str | None = None, truth: str | None = None) -> Table:
    """Returns the differences from a reference arm at a size, the main one if none is given, with their verdicts."""
    header = ("", "concordance", "error, relative", "p", "p, Holm", "could be resolved", "draws", "verdict")
    rows = [
        (
            _name(each.arm, each.regressor),
            with_limits(each.concordance, "+"),
            with_limits(each.error, "+", 0, " %"),
            _p(each.p),
            _p(each.p_holm),
            f"{each.resolvable:.2f}" if math.isfinite(each.resolvable) else "",
            _draws(task, each),
            _verdict(each),
        )
        for each in task.compared(reference, size, truth)
    ]
    return header, rows


def label_table(task: JudgedTask, measure: str) -> Table:
    """Returns concordance, error, slope or bias of each label and arm at the main size."""
    labels = task.results.labels
    rows = []
    for arm, regressor in _arms_and_regressors(task):
        if score := task.score(arm, regressor, task.main):
            values = (score.by_label.get(label, {}).get(measure, math.nan) for label in labels)
            cells = (OF_LABELS[measure].format(value) if math.isfinite(value) else "" for value in values)
            rows.append((_name(arm, regressor), *cells))
    return ("", *labels), rows


def worth_table(task: JudgedTask, worth: Mapping[tuple[str, str, str], object]) -> Table:
    """Returns with how many real subjects classical augmentation is as good as each arm.

    Args:
      task: of which.
      worth: (arm, regressor, size) -> number of subjects in words, of `worth_in_subjects`.
    """
    sizes = task.results.sizes
    rows = []
    for arm in task.arms:
        for regressor in task.regressors:
            cells = [str(worth.get((arm, regressor, size), "")) for size in sizes]
            if any(cells):
                rows.append((_name(arm, regressor), *cells))
    return ("", *(_size_title(task, size) for size in sizes)), rows


def fidelity_table(task: JudgedTask) -> Table:
    """Returns how far the in-vivo fit finds the labels of the generated spectra of each arm, and those of real ones."""
    numbers = fidelity_labels(task)
    found = {arm for arms in numbers.values() for arm in arms}
    rows = []
    for arm in dict.fromkeys((*ARMS, *task.results.fidelity)):
        for label in task.results.labels if arm in found else ():
            values = [(name, arms.get(arm, {}).get(label, math.nan)) for name, arms in numbers.items()]
            cells = [OF_LABELS[name].format(value) if math.isfinite(value) else "" for name, value in values]
            rows.append((REAL_FIDELITY if arm == REAL else title_of(arm), label, *cells))
    return ("arm", "label", *numbers), rows


def arm_table(tasks: Sequence[JudgedTask]) -> Table:
    """Returns what each arm is that was measured in a task, or failed."""
    found = {arm for task in tasks for arm in (*task.arms, *task.results.failures)}
    rows = [(each.title, each.about) for arm, each in ARMS.items() if arm in found]
    return ("arm", "what is trained on"), rows + [(arm, "") for arm in sorted(found - set(ARMS))]


def failure_table(task: JudgedTask) -> Table:
    """Returns the arms that failed."""
    return ("arm", "what went wrong"), [(title_of(arm), text) for arm, text in task.results.failures.items()]


def text_table(table: Table) -> str:
    """Returns a table as text, without its empty columns."""
    header, rows = table
    kept = [place for place in range(len(header)) if any(row[place] for row in rows)]
    lines = [[line[place] for place in kept] for line in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def task_tables(task: JudgedTask) -> dict[str, Table]:
    """Returns title -> table of the numbers that the terminal shows."""
    tables = {"Concordance with the truth, 95 % limits": score_table(task, "concordance")}
    for reference in (CLASSICAL, SIMULATIONS):
        correction = f", {NOT_CORRECTED}" if reference == SIMULATIONS else ""
        name = f"Differences from {title_of(reference)} at {_size_title(task, task.main)}{correction}"
        tables[name] = comparison_table(task, reference)
    return {title: table for title, table in tables.items() if table[1]}


def _arms_and_regressors(task: JudgedTask) -> list[tuple[str, str]]:
    """Returns each arm with each regressor that it has, in the order of tables."""
    found = {(each.arm, each.regressor) for each in task.scores}
    return [(arm, name) for arm in task.arms for name in (*task.regressors, "") if (arm, name) in found]


def _name(arm: str, regressor: str) -> str:
    return f"{title_of(arm)}, {regressor}" if regressor else title_of(arm)


def _size_title(task: JudgedTask, size: str) -> str:
    number = task.results.labelled.get(size, math.nan)
    return f"all ({number:.0f})" if size == ALL and math.isfinite(number) else f"n = {size}" if size != ALL else size


def _draws(task: JudgedTask, each: Comparison) -> str:
    """Returns the number of draws, and of the networks that they share."""
    shared = [task.results.networks[arm] for arm in (each.arm, each.reference) if arm in task.results.networks]
    if not shared:
        return str(each.draws)
    return f"{each.draws} ({min(shared)} network{'s' if min(shared) != 1 else ''})"


def _verdict(each: Comparison) -> str:
    if each.draws == 1:
        return f"{each.verdict} ({ONE_DRAW})"
    return "the same predictions" if is_identical(each) else each.verdict


def _p(value: float) -> str:
    if not math.isfinite(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"
