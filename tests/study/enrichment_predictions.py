"""Predictions of a study of enrichment that are truth, made worse by known effects of sites and draws."""

import numpy as np

from mrs_keras.study.enrichment.results import Cell, TaskResults

SITES = 7
SIZES = ("8", "16", "32")


def task_results(predictions, truths, sites, *, sizes=SIZES, main_size="16"):
    """Returns results of any predictions; `truths` is one array (subjects, labels) or one for each labeller."""
    truths = truths if isinstance(truths, dict) else {"first": truths}
    subjects, labels = next(iter(truths.values())).shape
    return TaskResults(
        title="simulated",
        labels=tuple(f"label {label}" for label in range(labels)),
        truths=truths,
        subjects=tuple(f"sub-{row:03d}" for row in range(subjects)),
        sites=tuple(sites),
        sizes=sizes,
        labelled={size: float(size) for size in sizes},
        main_size=main_size,
        predictions=predictions,
    )


def noisy_arms(rng, noise, *, draws=3, labels=2, subjects=70, sizes=("16",)):
    """Returns results of arms with independent noise of their own: (arm, regressor) -> its deviation."""
    truth = 1 + 0.2 * rng.normal(size=(subjects, labels))
    predictions = {
        Cell(*arm, size, draw): truth + deviation * rng.normal(size=truth.shape)
        for arm, deviation in noise.items()
        for size in sizes
        for draw in range(draws)
    }
    return task_results(predictions, truth, [f"S{row % SITES}" for row in range(subjects)], sizes=sizes)


def crossed_effects(rng, *, draws, of_sites=0.0, of_draws=0.0, of_both=0.0, subjects=35):
    """Returns classical augmentation twice: both with the same distribution, so that the expected difference is 0.

    Slope and intercept of each arm's predictions have independent normal effects of sites, of draws, and of each draw
    at each site, of these deviations. Subjects' own deviations are shared by arms and draws, as those of measured
    spectra are.
    """
    site = np.arange(subjects) % SITES
    truth = 1 + 0.1 * rng.normal(size=SITES)[site] + 0.2 * rng.normal(size=subjects)
    shared = 0.1 * rng.normal(size=subjects)
    predictions = {}
    for arm in ("classical", "classical_again"):
        effects = (
            of_sites * rng.normal(size=(2, 1, SITES))
            + of_draws * rng.normal(size=(2, draws, 1))
            + of_both * rng.normal(size=(2, draws, SITES))
        )
        slope, intercept = 0.5 + effects[0], 0.3 * effects[1]
        for draw in range(draws):
            of_draw = 1 + slope[draw, site] * (truth - 1) + intercept[draw, site] + shared
            predictions[Cell(arm, "ridge", "16", draw)] = of_draw[:, None]
    return task_results(predictions, truth[:, None], [f"S{each}" for each in site], sizes=("16",))
