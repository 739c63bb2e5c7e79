"""The figures of a task of the study."""

import math

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.study.enrichment.arm_names import CLASSICAL, REAL, SIMULATIONS
from mrs_keras.study.enrichment.comparisons import CVAE
from mrs_keras.study.enrichment.judged_task import CONTROLS, LEVELS, JudgedTask, title_of
from mrs_keras.study.enrichment.results import ALL, Score

IMPORTANT = tuple(
    title_of(arm)
    for arm in (
        CLASSICAL,
        SIMULATIONS,
        "simulations_of_all",
        "cvae_of_simulations",
        "simulations_and_hybrid",
        "hybrid",
        CVAE,
        REAL,
    )
)
"""Titles of the arms that get a colour, the same in all figures."""

FIDELITY = {"correlation": 1.0, "slope": 1.0, "error": 0.0}
"""Number of an arm's fidelity, of each label -> its value where the judge finds exactly what was asked for.

The judge is a fit with an error of its own: real spectra, whose labels are as right as they can be, do not reach it."""

FIDELITY_TITLES = {"correlation": "correlation", "slope": "slope", "error": "error (percent)"}


def task_figures(task: JudgedTask) -> dict[str, Figure]:
    """Draws the figures of a task for which there are numbers.

    Returns:
      `learning_curves`, `differences_to_classical`, `differences_to_simulations`, `slopes` and `label_fidelity`, those
      for which something was measured.
    """
    figures = {"learning_curves": _curves(task)}
    figures |= {f"differences_to_{reference}": _differences(task, reference) for reference in (CLASSICAL, SIMULATIONS)}
    figures |= {"slopes": _slopes(task), "label_fidelity": _fidelity(task)}
    return {name: figure for name, figure in figures.items() if figure is not None}


def fidelity_labels(task: JudgedTask) -> dict[str, dict[str, dict[str, float]]]:
    """Returns number (`correlation`, `slope`, `error`) -> arm -> label -> value, of generated and real spectra."""
    return {
        name: {
            arm: {label: numbers.get(f"{label} {name}", math.nan) for label in task.results.labels}
            for arm, numbers in task.results.fidelity.items()
            if any(f"{label} {name}" in numbers for label in task.results.labels)
        }
        for name in FIDELITY
    }


def _curve(scores: list[Score | None]) -> np.ndarray:
    return np.array([[math.nan] * 3 if each is None else each.concordance for each in scores], float)


def _curves(task: JudgedTask) -> Figure | None:
    if not task.regressors or not task.results.sizes:
        return None
    sizes = task.results.sizes
    # Without the number of all subjects, they are drawn beyond the largest size.
    numbers = [float(size) if size != ALL else task.results.labelled.get(ALL, math.nan) for size in sizes]
    if not math.isfinite(numbers[-1]):
        numbers[-1] = 2 * max((each for each in numbers[:-1]), default=1.0)
    curves = {
        regressor: {
            title_of(arm): curve
            for arm in task.arms
            if arm not in LEVELS
            if np.isfinite(curve := _curve([task.score(arm, regressor, size) for size in sizes])).any()
        }
        for regressor in task.regressors
    }
    levels = {
        title_of(arm): curve
        for arm in LEVELS
        if np.isfinite(curve := _curve([task.score(arm, "", size) for size in sizes])).any()
    }
    ticks = [f"all\n({number:.0f})" if size == ALL else size for size, number in zip(sizes, numbers, strict=True)]
    return plotting.plot_enrichment_curves(numbers, curves, levels, IMPORTANT, ticks)


def _differences(task: JudgedTask, reference: str) -> Figure | None:
    rows: dict[str, dict] = {}
    values: dict[str, list[float]] = {}
    for each in task.compared(reference):
        if math.isfinite(each.concordance.value):
            rows.setdefault(each.arm, {})[each.regressor] = (
                np.array(each.concordance),
                np.array(each.error),
                each.verdict,
            )
            values.setdefault(each.arm, []).append(each.concordance.value)
    if not rows:
        return None
    ordered = sorted(rows, key=lambda arm: (arm in CONTROLS, -np.mean(values[arm])))
    return plotting.plot_differences({title_of(arm): rows[arm] for arm in ordered}, title_of(reference))


def _slopes(task: JudgedTask) -> Figure | None:
    slopes = {
        label.replace("_over_", "/"): {
            title_of(arm): {
                score.regressor: score.by_label[label]["slope"]
                for regressor in task.regressors
                if (score := task.score(arm, regressor, task.main)) and "slope" in score.by_label.get(label, {})
            }
            for arm in task.arms
            if task.score(arm, (*task.regressors, "")[0], task.main)
        }
        for label in task.results.labels
    }
    return plotting.plot_slopes(slopes) if any(arm for each in slopes.values() for arm in each.values()) else None


def _fidelity(task: JudgedTask) -> Figure | None:
    order = [*task.arms, *(arm for arm in task.results.fidelity if arm not in task.arms)]
    panels = {
        FIDELITY_TITLES[name]: {title_of(arm): np.array(list(arms[arm].values())) for arm in order if arm in arms}
        for name, arms in fidelity_labels(task).items()
        if arms
    }
    agreement = {FIDELITY_TITLES[name]: value for name, value in FIDELITY.items()}
    labels = [label.replace("_over_", "/") for label in task.results.labels]
    return plotting.plot_label_fidelity(panels, agreement, labels, IMPORTANT) if panels else None
