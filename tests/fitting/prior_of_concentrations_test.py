"""Priors from tables of fits."""

import json

import numpy as np
import pytest
import scipy.stats

from mrs_keras import Prior
from mrs_keras.basis import basis_for
from mrs_keras.fitting import prior_from_concentrations, prior_from_fits
from mrs_keras.simulation import FittedPrior
from tests.fitting.fits_of_truth import BASIS, fits_of_truth

RNG = np.random.default_rng(0)
COMMON = RNG.normal(size=60)
VALUES = {
    "NAA": 24 * (1 + 0.08 * COMMON + 0.02 * RNG.normal(size=60)),
    "mI": 14 * (1 + 0.08 * COMMON + 0.02 * RNG.normal(size=60)),
    "Cr": 10 * (1 + 0.05 * RNG.normal(size=60)),
    "PCr": 6 * (1 + 0.05 * RNG.normal(size=60)),
    "Lac": np.where(np.arange(60) < 20, np.nan, RNG.uniform(0.5, 2, 60)),
    "Asp": np.where(np.arange(60) < 40, np.nan, 4.0),
    "MM09": RNG.uniform(1, 9, 60),
    "tNAA": RNG.uniform(20, 30, 60),
    "GPC+PCh": RNG.uniform(1, 2, 60),
    "Glu_over_tCr": RNG.uniform(1, 2, 60),
    "CrCH2": RNG.uniform(1, 2, 60),
}


@pytest.fixture(scope="module")
def prior() -> FittedPrior:
    return prior_from_concentrations(VALUES)


def test_concentrations_are_those_of_the_table_and_the_rest_is_that_of_the_preset(prior):
    rest = Prior.from_preset("brain_press_te30")
    basis = basis_for(rest.metabolites)
    ours, theirs = (each.draw(basis, 0, 6000, seed=0) for each in (prior, rest))
    drawn = dict(zip(prior.metabolites, ours.concentrations.T, strict=True))
    factor = 8 / np.median(VALUES["Cr"] + VALUES["PCr"])
    for name, column in (("NAA", "NAA"), ("Ins", "mI"), ("Cr", "Cr")):
        assert drawn[name].mean() == pytest.approx(factor * VALUES[column].mean(), rel=0.02)
        # Outliers are centres, but do not widen the rest: the formula of the kernel, in logarithms.
        kernel = prior.concentrations[name].joint
        logs = np.log(VALUES[column])
        inliers = np.delete(logs, kernel.outliers)
        centres = (1 - kernel.bandwidth**2) * ((logs - inliers.mean()) ** 2).mean()
        expected = np.sqrt(centres + kernel.bandwidth**2 * inliers.var(ddof=1))
        assert np.log(drawn[name]).std() == pytest.approx(expected, rel=0.03)
    truth = np.corrcoef(VALUES["NAA"], VALUES["mI"])[0, 1]
    assert np.corrcoef(drawn["NAA"], drawn["Ins"])[0, 1] == pytest.approx(truth, abs=0.05)
    table = ("NAA", "Ins", "Cr", "PCr", "Lac")
    assert set(prior.fitted_to["concentrations"].split(", ")) == set(table)
    assert prior.metabolites == rest.metabolites
    for number, name in enumerate(rest.metabolites):
        if name not in table:
            np.testing.assert_array_equal(ours.concentrations[:, number], theirs.concentrations[:, number])
    for name in ("gamma", "sigma", "eps", "phi0", "phi1"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    np.testing.assert_array_equal(prior.draw_snr(0, 9, seed=0), rest.draw_snr(0, 9, seed=0))


def test_missing_values_are_0_and_no_draw_is_below(prior):
    lactate = prior.concentrations["Lac"].joint
    assert (lactate.rows[:20, lactate.names.index("Lac")] == 0).all()
    drawn = prior.draw(basis_for(prior.metabolites), 0, 2000, seed=0).concentrations
    assert drawn.min() >= 0
    values = np.delete(lactate.rows[:, lactate.names.index("Lac")], lactate.outliers)
    centres = values.mean() + np.sqrt(1 - 0.9**2) * (lactate.rows[:, lactate.names.index("Lac")] - values.mean())
    below = scipy.stats.norm.cdf(-centres / (0.9 * values.std(ddof=1))).mean()
    none = (drawn[:, prior.metabolites.index("Lac")] == 0).mean()
    assert none == pytest.approx(below, abs=5 * np.sqrt(below / 2000))


def test_heights_are_relative_to_the_tallest_peak_that_the_prior_allows(prior):
    basis = basis_for(prior.metabolites)
    assert prior.peak_height(basis) == Prior.peak_height(prior, basis)


def test_it_is_a_fitted_prior_with_a_notice_that_comes_back_from_a_file(prior, tmp_path):
    prior.save(tmp_path / "prior.json")
    again = Prior.load(tmp_path / "prior.json")
    assert isinstance(again, FittedPrior)
    assert again.to_dict() == prior.to_dict()
    assert "each of 60 subjects" in json.loads((tmp_path / "prior.json").read_text())["notice"]
    assert prior.for_frequency(246.4).eps.high == 2 * prior.eps.high
    with pytest.raises(ValueError, match=r"Expected a basis of 246.4 MHz. Received: 123.2 MHz"):
        prior.for_frequency(246.4).peak_height(basis_for(prior.metabolites))


def test_the_rest_may_be_a_prior_from_fits():
    rest = prior_from_fits(fits_of_truth(60))
    prior = prior_from_concentrations(VALUES, rest)
    ours, theirs = (each.draw(BASIS, 0, 500, seed=0) for each in (prior, rest))
    np.testing.assert_array_equal(ours.baseline, theirs.baseline)
    np.testing.assert_array_equal(ours.gamma, theirs.gamma)
    assert prior.fitted_to["subjects"] == 120
    naa = prior.metabolites.index("NAA")
    # Both kernels have 60 rows, and draw them independently.
    assert abs(np.corrcoef(ours.concentrations[:, naa], theirs.concentrations[:, naa])[0, 1]) < 5 / np.sqrt(500)


def test_sites_are_clusters():
    assert set(prior_from_concentrations(VALUES, sites=["a", "b"] * 30).concentrations["NAA"].joint.clusters) == {0, 1}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tNAA": np.ones(20), "NAA_over_tCr": np.ones(20)}, "needs concentrations of single metabolites"),
        ({"NAA": np.ones(20), "Cr": np.ones(19)}, "one number for each subject in every column"),
        ({"Ins": np.ones(20), "mI": np.ones(20)}, "Received: Ins and mI, both of which are Ins"),
        ({"NAA": np.ones(20)}, "Expected Cr or PCr among the columns"),
        ({"Cr": np.ones(7)}, "concentrations of at least 8 subjects. Received: 7"),
    ],
)
def test_tables_that_a_prior_cannot_be_made_of_are_refused(values, message):
    with pytest.raises(ValueError, match=message):
        prior_from_concentrations(values)


def test_of_few_subjects_it_warns():
    with pytest.warns(UserWarning, match="made from 10 subjects"):
        prior_from_concentrations({"Cr": RNG.uniform(4, 5, 10)})
