"""Evaluation against a prior with spline baselines or groups: fits, distributions, requested labels and noise."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

from mrs_keras import Prior
from mrs_keras.basis.default import basis_for
from mrs_keras.data import DatasetDescription
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.generation import FittedSet, Generation
from mrs_keras.evaluation.parameter_errors import FitErrors
from mrs_keras.evaluation.random_pairs import PathsOfRandomPairs
from mrs_keras.evaluation.set_quality import SetQuality, ks_statistics, shares_outside
from mrs_keras.evaluation.spectrum_sets import SpectrumSet, requested_concentrations
from mrs_keras.evaluation.topic import NO_RANGES, LeftOut
from mrs_keras.fitting import prior_from_fits
from mrs_keras.simulation import ExampleRecipe
from tests.fitting.fits_of_truth import fits_of_truth

SPECTRA = 20


@pytest.fixture(scope="module")
def physics() -> DatasetPhysics:
    prior = Prior.from_preset("brain_press_te30")
    description = DatasetDescription.of_recipe(ExampleRecipe(prior, basis_for(prior.metabolites)))
    return dataclasses.replace(DatasetPhysics.of(description), fitted=SPECTRA)


@pytest.fixture(scope="module")
def simulated(physics) -> SpectrumSet:
    parameters, spectra = physics.draw(SPECTRA, "test of fits")
    return SpectrumSet("simulated", "simulated", spectra, parameters.concentrations)


@pytest.fixture(scope="module")
def fitted(physics, simulated) -> FittedSet:
    drawn = physics.recipe.draw(0, 400, "another").parameters
    return FittedSet.of(simulated, physics, drawn)


def total(concentrations: np.ndarray, physics: DatasetPhysics, *names: str) -> np.ndarray:
    return concentrations[:, [physics.prior.metabolites.index(name) for name in names]].sum(axis=1)


def test_the_fit_of_the_published_prior_finds_the_truth(physics, simulated, fitted):
    assert physics.in_vivo
    assert not physics.uniform
    assert not physics.exact
    assert fitted.fit.converged.all()
    found = fitted.fit.parameters.concentrations
    for names, tolerance in ((("NAA", "NAAG"), 0.02), (("Cr", "PCr"), 0.025), (("GPC", "PCho"), 0.04)):
        true = total(simulated.requested, physics, *names)
        assert np.median(np.abs(total(found, physics, *names) / true - 1)) < tolerance, names
    true = physics.recipe.draw(0, SPECTRA, "test of fits").parameters
    errors = FitErrors.of(simulated.spectra, true, physics).parameters
    assert tuple(errors) == physics.compared == ("gamma", "sigma", "eps", "phi0", "phi1")
    assert np.median(errors["sigma"]) < 0.5  # of 15 1/s
    assert np.median(errors["eps"]) < 1.5  # of +-12 rad/s
    assert np.median(errors["phi1"]) < 2e-4  # of a deviation of 7e-4 rad/Hz


def test_what_the_fit_leaves_over_is_the_noise(physics, fitted):
    true = physics.recipe.noise_sigma(physics.recipe.draw(0, SPECTRA, "test of fits"))
    # Of 504 numbers, 43 splines, real and imaginary, with two thirds of their freedom, and up to 35 others are fitted.
    assert np.median(fitted.left_over / true) == pytest.approx(np.sqrt(1 - 90 / 504), abs=0.04)
    assert np.all(np.abs(fitted.left_over / true - 1) < 0.35)


def test_distributions_are_compared_with_what_is_drawn_from_the_prior(physics):
    draws = [physics.recipe.draw(0, 1000, split).parameters for split in ("one", "other")]
    same = ks_statistics(draws[0], physics, draws[1])
    assert max(same.values()) < 1.95 / np.sqrt(500)  # the 0.1 % point of two samples
    shifted = dataclasses.replace(draws[0], eps=draws[0].eps + 6.0)  # a quarter of the width
    assert ks_statistics(shifted, physics, draws[1])["eps"] == pytest.approx(0.25, abs=0.05)
    assert ks_statistics(shifted, physics, draws[1])["gamma"] == same["gamma"]
    outside = shares_outside(draws[0], physics, draws[1])
    assert all(abs(share - 0.01) < 0.012 for share in outside.values())
    assert shares_outside(shifted, physics, draws[1])["eps"] == pytest.approx(0.25, abs=0.04)


def test_numbers_say_how_far_generated_spectra_are_from_simulated_ones(physics, simulated, fitted):
    fit = fitted.fit
    quality = [SetQuality.of(fit, factor * simulated.requested, physics, fit.parameters) for factor in (1.5, 1.0)]
    off = dataclasses.replace(simulated, name="fitted", label="generated")
    sets = FittedSet(off, fit, quality[0]), FittedSet(simulated, fit, quality[1])
    generation = Generation(physics.basis.acquisition.window_ppm_axis, physics, (sets[0],), sets[1], fit)
    numbers = generation.numbers()["generation"]
    assert numbers["fitted"]["above_simulated"]["ks"] == dict.fromkeys(physics.compared, 0.0)
    error = numbers["fitted"]["concentration_error"]["median"] / numbers["simulated"]["concentration_error"]["median"]
    assert numbers["fitted"]["above_simulated"]["concentration_error"] == pytest.approx(error - 1)
    assert error > 2
    panels = generation.figures()["generated_marginals"].axes
    assert [axes.get_xlabel().split("\n")[0] for axes in panels] == list(physics.compared)
    assert "spectra drawn from the prior" in "".join(section.text for section in generation.sections())


def test_requested_concentrations_follow_the_prior_within_the_trained_ranges(physics):
    labels = DatasetDescription.of_recipe(physics.recipe).labels
    many = dataclasses.replace(physics, fitted=20_000)
    requested = requested_concentrations(SimpleNamespace(labels=labels), many)
    assert requested.shape == (20_000, 30)
    assert labels.out_of_range(requested) is None
    columns = [physics.prior.metabolites.index(name) for name in ("Cr", "PCr")]
    correlation = np.corrcoef(requested[:, columns].T)[0, 1]
    # var(a + b) - var(a - b) = 4 cov(a, b), of the published deviations; truncation at 0 weakens it.
    assert correlation == pytest.approx((0.843**2 - 1.853**2) / 4 / (0.848 * 1.163), abs=0.08)


def test_paths_between_the_ends_of_ranges_are_left_out(physics):
    left_out = PathsOfRandomPairs.measure(None, physics)
    assert isinstance(left_out, LeftOut)
    assert left_out.why == NO_RANGES


def test_a_prior_from_fits_takes_the_same_way():
    fits = fits_of_truth(40, residual=12.0)
    prior = prior_from_fits(fits)
    physics = DatasetPhysics(ExampleRecipe(prior, fits.basis), prior.peak_height(fits.basis))
    assert physics.in_vivo
    examples = physics.recipe.draw(0, 8, "test of fits")
    stored = physics.true_parameters(examples.features())
    np.testing.assert_allclose(stored.eps, examples.parameters.eps, rtol=1e-5, atol=1e-4)
    np.testing.assert_allclose(
        physics.noise_level(stored, examples.snr), physics.recipe.noise_sigma(examples), rtol=1e-4
    )
    fit = physics.fit(physics.simulate(examples, "test of fits"))
    true = examples.parameters.concentrations
    for names in (("NAA", "NAAG"), ("Cr", "PCr")):
        ratio = total(fit.parameters.concentrations, physics, *names) / total(true, physics, *names)
        assert np.median(np.abs(ratio - 1)) < 0.06, names
    assert physics.values(stored)["eps"].shape == (8,)
