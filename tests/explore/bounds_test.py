"""Cramer-Rao bounds of the physical model, against the scatter of fits of noisy spectra."""

import dataclasses

import numpy as np
import pytest

from mrs_keras import Prior, default_basis, fit_spectra
from mrs_keras.explore.bounds import physical_bounds
from mrs_keras.simulation import ExampleRecipe

RECIPE = ExampleRecipe(Prior.from_preset("naa_pcr"), default_basis())
NOISY = 300
"""Fits; their standard deviation is known to 4 %."""


def test_bounds_are_the_scatter_of_fits():
    drawn = RECIPE.draw(0, 1, "tests of the page")
    clean = RECIPE.simulate(drawn, 0, "tests of the page")
    sigma = float(np.abs(clean).max() / 400)
    random = np.random.default_rng(0)
    noise = sigma * (random.normal(size=(NOISY, 252)) + 1j * random.normal(size=(NOISY, 252)))
    parameters = fit_spectra(clean + noise, RECIPE.basis, phi1_limit=0).parameters
    own = dataclasses.replace(drawn.parameters, phi1=np.zeros(1))
    bounds = physical_bounds(own, RECIPE.basis.scaled(), sigma, phi1_limit=0)
    scatter = {name: np.ravel(getattr(parameters, name)).std() for name in ("gamma", "sigma", "eps", "phi0")}
    scatter |= dict(zip(("NAA", "PCr"), parameters.concentrations.std(axis=0), strict=True))
    for name, deviation in scatter.items():
        assert bounds[name] == pytest.approx(deviation, rel=0.15), name
    assert bounds["phi1"] == 0


def test_bounds_are_finite_at_the_ends_of_the_widths():
    parameters = dataclasses.replace(RECIPE.draw(0, 1).parameters, gamma=np.zeros((1, 1)), sigma=np.zeros((1, 1)))
    bounds = physical_bounds(parameters, RECIPE.basis.scaled(), 1.0, phi1_limit=1e-5)
    assert all(0 < bound < np.inf for bound in bounds.values())
    assert bounds["phi1"] < 1e-5
