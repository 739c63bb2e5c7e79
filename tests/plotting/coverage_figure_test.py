"""The figure of how generated spectra cover the data."""

import numpy as np

from mrs_keras.plotting import plot_coverage


def test_all_panels_show_the_two_components_in_which_the_default_prior_differs_most():
    rng = np.random.default_rng(0)
    validation = rng.normal(size=(300, 5))
    features = {name: rng.normal(size=(300, 5)) for name in ("fitted", "standard_normal", "simulated")}
    features["fitted"][:, [1, 3]] += 2.0
    features["standard_normal"][:, [0, 4]] += 4.0
    number = {"density": 1.0, "coverage": 0.9, "classifier": {"accuracy": 0.5, "standard_error": 0.01}}
    *clouds, _ = plot_coverage(features, validation, dict.fromkeys(features, number), 0.97).axes
    assert len(clouds) == 3
    for axes in clouds:
        assert axes.get_xlabel().startswith("principal component 2")
        assert axes.get_ylabel().startswith("principal component 4")
        assert axes.get_xlim() == axes.get_ylim() == clouds[0].get_xlim()
