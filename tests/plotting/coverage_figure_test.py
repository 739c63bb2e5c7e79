"""The figure of how generated spectra cover the data."""

import numpy as np

from mrs_keras.plotting import plot_coverage


def test_all_panels_show_the_two_components_in_which_the_default_prior_differs_most():
    rng = np.random.default_rng(0)
    validation = rng.normal(size=(300, 5))
    features = {name: rng.normal(size=(300, 5)) for name in ("default prior", "other prior", "simulated")}
    features["default prior"][:, [1, 3]] += 2.0
    features["other prior"][:, [0, 4]] += 4.0
    scores = dict.fromkeys(features, (1.0, 0.9, 0.5, 0.01))
    *clouds, _ = plot_coverage(features, validation, scores, 0.97, reference="simulated").axes
    assert len(clouds) == 3
    for axes in clouds:
        assert axes.get_xlabel().startswith("principal component 2")
        assert axes.get_ylabel().startswith("principal component 4")
        assert axes.get_xlim() == axes.get_ylim() == clouds[0].get_xlim()
