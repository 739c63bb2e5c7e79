"""Priors with groups of metabolites that shift, scaled concentrations, and baselines of splines."""

import dataclasses
import json

import numpy as np
import pytest

from mrs_keras import Acquisition, Prior, UniformRange, simulate_basis
from mrs_keras.basis import Basis
from mrs_keras.simulation import (
    ExampleRecipe,
    FittedPrior,
    Fixed,
    Kernel,
    MeanResidual,
    Normal,
    SpectralParameters,
    SplineBaseline,
    forward_model,
)
from mrs_keras.simulation.graph import tf_examples, tf_forward_model

ACQUISITION = Acquisition(127.7, 2000.0, 1024, (-1.0, 4.3))
BASIS: Basis = simulate_basis(["NAA", "NAAG", "Cr", "Ins"], ACQUISITION).scaled()
SPLINES = SplineBaseline(-1.0, 4.3, 7)
GROUPED = Prior(
    concentrations={name: UniformRange(2.0, 10.0) for name in BASIS.names},
    gamma=UniformRange(2.0, 10.0),
    sigma=UniformRange(2.0, 10.0),
    eps=UniformRange(-5.0, 5.0),
    phi0=UniformRange(-1.0, 1.0),
    phi1=UniformRange(-1e-4, 1e-4),
    baseline=Normal(0.0, 0.05),
    baseline_splines=SPLINES,
    groups={"NAAG": ("NAAG",), "others": ("Ins",)},
    shifts={"NAAG": UniformRange(3.0, 4.0), "others": UniformRange(-9.0, -8.0)},
)


def test_spectra_of_groups_and_splines_are_those_of_the_forward_model():
    recipe = ExampleRecipe(GROUPED, BASIS)
    examples = recipe.draw(0, 20)
    regressors = np.zeros((1024, 7))
    ppm = ACQUISITION.ppm_axis
    # Each column of its own from the definition of B-splines by recursion (Cox and de Boor).
    knots = np.concatenate([[-1.0] * 3, np.linspace(-1.0, 4.3, 5), [4.3] * 3])
    inside = (ppm >= -1.0) & (ppm < 4.3)

    def spline(number, degree):
        if degree == 0:
            return ((ppm >= knots[number]) & (ppm < knots[number + 1])).astype(float)
        total = np.zeros_like(ppm)
        for start, sign, span in ((number, 1, degree), (number + 1, -1, degree)):
            width = knots[start + span] - knots[start]
            if width > 0:
                edge = knots[start] if sign == 1 else knots[start + span]
                total += sign * (ppm - edge) / width * spline(start, degree - 1)
        return total

    for number in range(7):
        regressors[inside, number] = spline(number, 3)[inside]
    regressors[~inside] = SPLINES.regressors(ACQUISITION)[~inside]  # at most two points beyond either end
    assert np.abs(regressors[~inside]).sum() <= 4
    eps = examples.parameters.eps
    parameters = dataclasses.replace(
        examples.parameters,
        eps=eps[:, [0, 1, 0, 2]],
        gamma=examples.parameters.gamma[:, [0] * 4],
        sigma=examples.parameters.sigma[:, [0] * 4],
    )
    expected = forward_model(parameters, BASIS, metabolite_groups=range(4), baseline_regressors=regressors)
    expected = expected[:, ACQUISITION.window]
    np.testing.assert_allclose(recipe.simulate(examples), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_shifts_of_groups_are_relative_to_the_first_line_shape():
    draws = GROUPED.draw(BASIS, 0, 200, seed=0)
    shifts = draws.eps[:, 1:] - draws.eps[:, :1]
    assert shifts[:, 0].min() >= 3
    assert shifts[:, 0].max() <= 4
    assert shifts[:, 1].min() >= -9
    assert shifts[:, 1].max() <= -8
    assert GROUPED.metabolite_groups == [0, 1, 0, 2]
    stored = ExampleRecipe(GROUPED, BASIS).draw(0, 200).features()["shifts"]
    np.testing.assert_allclose(stored, shifts, rtol=1e-5)


def test_groups_and_splines_in_a_graph_are_those_of_numpy():
    recipe = ExampleRecipe(GROUPED, BASIS)
    batch = {name: np.asarray(value, np.float64) for name, value in tf_examples(recipe, 16, 3).items()}
    eps = batch["eps"][:, None] + np.concatenate([np.zeros((16, 1)), batch["shifts"]], axis=1)
    parameters = SpectralParameters(
        batch["concentrations"],
        np.repeat(batch["gamma"][:, None], 3, axis=1),
        np.repeat(batch["sigma"][:, None], 3, axis=1),
        eps,
        batch["phi0"],
        batch["phi1"],
        batch["baseline"],
    )
    expected = forward_model(
        parameters, BASIS, metabolite_groups=[0, 1, 0, 2], baseline_regressors=SPLINES.regressors(ACQUISITION)
    )[:, ACQUISITION.window]
    found = batch["spectrum"][..., 0] + 1j * batch["spectrum"][..., 1]
    assert np.linalg.norm(found - expected) / np.linalg.norm(expected) < 1e-5


def test_at_another_field_shifts_of_groups_grow_and_heights_stay():
    there = GROUPED.for_frequency(2 * 127.7, 127.7)
    ours, theirs = (prior.draw(BASIS, 0, 10, seed=0) for prior in (GROUPED, there))
    np.testing.assert_allclose(theirs.eps, 2 * ours.eps)
    np.testing.assert_allclose(theirs.gamma, 2 * ours.gamma)
    assert there.baseline == GROUPED.baseline


def test_a_prior_with_groups_and_splines_comes_back_from_plain_data():
    again = Prior.from_dict(json.loads(json.dumps(GROUPED.to_dict())))
    assert again.to_dict() == GROUPED.to_dict()
    ours, theirs = (prior.draw(BASIS, 0, 5, seed=0) for prior in (GROUPED, again))
    for field in dataclasses.fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))


def test_without_a_metabolite_its_group_is_gone():
    prior = GROUPED.without(["NAAG"])
    assert prior.groups == {"others": ("Ins",)}
    assert set(prior.shifts) == {"others"}
    assert prior.metabolite_groups == [0, 0, 1]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"shifts": {"NAAG": Fixed(0.0)}}, "Each group must have a shift"),
        ({"groups": {"NAAG": ("NAAG",), "others": ("Xyz",)}}, "not in the prior: Xyz"),
        ({"groups": {"NAAG": ("NAAG", "Ins"), "others": ("Ins",)}}, "that are in no other"),
        ({"groups": {"NAAG": ("NAAG", "NAA"), "others": ("Cr", "Ins")}}, "must be in no group"),
        ({"baseline": [Fixed(0.0)] * 3}, "one for each real coefficient. Expected: 14. Received: 3"),
    ],
)
def test_groups_and_baselines_that_make_no_sense_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(GROUPED, **changes)


def test_a_baseline_does_not_reach_beyond_its_ends():
    narrow = dataclasses.replace(GROUPED, baseline_splines=SplineBaseline(0.2, 4.2, 6))
    with pytest.raises(ValueError, match="The baseline is defined from 0.2 to 4.2 ppm"):
        ExampleRecipe(narrow, BASIS).simulate(ExampleRecipe(narrow, BASIS).draw(0, 1))
    with pytest.raises(ValueError, match="`splines` must be"):
        SplineBaseline(0.2, 4.2, 3)
    with pytest.raises(ValueError, match="`low_ppm` must be below `high_ppm`"):
        SplineBaseline(4.2, 0.2, 6)


# === Scaled concentrations ===

ROWS = np.random.default_rng(0).uniform(5, 6, size=(12, 5))
JOINT = Kernel((*BASIS.names, "gamma"), ROWS, bandwidth=0.5)
JOINED = FittedPrior(
    **{
        **{field.name: getattr(GROUPED, field.name) for field in dataclasses.fields(GROUPED)},
        "concentrations": {name: JOINT[name] for name in BASIS.names},
        "gamma": JOINT["gamma"],
    },
    fitted_to={"subjects": 12},
    reference={"concentrations": dict.fromkeys(BASIS.names, 5.5), "gamma": 5.5, "sigma": 5.0},
)


def test_metabolites_that_share_a_factor_keep_their_ratio_and_the_rest_its_draws():
    scaled = JOINED.with_scaled_concentrations({"NAA+NAAG": UniformRange(0.5, 1.5), "Cr": UniformRange(2.0, 3.0)})
    ours, theirs = (prior.draw(BASIS, 0, 4000, seed=0) for prior in (JOINED, scaled))
    factors = theirs.concentrations / ours.concentrations
    np.testing.assert_allclose(factors[:, 0], factors[:, 1], rtol=1e-12)
    np.testing.assert_allclose(factors[:, 3], 1.0, rtol=1e-12)
    assert factors[:, 0].min() >= 0.5
    assert factors[:, 0].max() <= 1.5
    assert factors[:, 2].min() >= 2
    assert factors[:, 2].max() <= 3
    # Independent of all else, to 5 standard errors.
    others = np.column_stack([factors[:, 0], factors[:, 2], ours.concentrations, ours.gamma, ours.baseline])
    assert np.abs(np.corrcoef(others, rowvar=False)[:2] - np.eye(2, others.shape[1])).max() < 5 / np.sqrt(4000)
    for name in ("gamma", "eps", "phi0", "baseline"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


def test_one_distribution_is_a_factor_for_each_metabolite():
    scaled = JOINED.with_scaled_concentrations(UniformRange(0.5, 1.5))
    ours, theirs = (prior.draw(BASIS, 0, 1000, seed=0) for prior in (JOINED, scaled))
    factors = theirs.concentrations / ours.concentrations
    assert np.abs(np.corrcoef(factors, rowvar=False) - np.eye(4)).max() < 5 / np.sqrt(1000)


def test_scaled_concentrations_in_a_graph_and_from_a_file_share_their_factor():
    scaled = JOINED.with_scaled_concentrations({"NAA+NAAG": UniformRange(0.01, 100.0)})
    again = Prior.from_dict(json.loads(json.dumps(scaled.to_dict())))
    np.testing.assert_array_equal(*(p.draw(BASIS, 0, 9, seed=0).concentrations for p in (scaled, again)))
    drawn = tf_examples(ExampleRecipe(again, BASIS), 64, 0)["concentrations"].numpy()
    # The rows are from 5 to 6, the factor spans four decades.
    assert np.abs(np.log(drawn[:, 0] / drawn[:, 1])).max() < 0.5
    assert np.ptp(np.log(drawn[:, 0])) > 2


def test_requested_concentrations_are_drawn_as_asked_and_the_rest_stays():
    asked = JOINED.with_concentrations({"Cr": UniformRange(100.0, 101.0)})
    ours, theirs = (prior.draw(BASIS, 0, 100, seed=0) for prior in (JOINED, asked))
    assert theirs.concentrations[:, 2].min() >= 100
    np.testing.assert_array_equal(ours.concentrations[:, [0, 1, 3]], theirs.concentrations[:, [0, 1, 3]])
    np.testing.assert_array_equal(ours.baseline, theirs.baseline)  # heights are not those of the taller creatine


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"Xyz": Fixed(2.0)}, "must have the metabolites that are asked for"),
        ({"NAA+NAAG": Fixed(2.0), "NAA": Fixed(2.0)}, "can be scaled once"),
        ({"NAA": UniformRange(-1.0, 2.0)}, "factor of NAA must not be negative"),
    ],
)
def test_factors_that_make_no_sense_are_refused(factors, message):
    with pytest.raises(ValueError, match=message):
        JOINED.with_scaled_concentrations(factors)


# === The mean residual ===


def test_a_mean_residual_is_added_with_its_complex_coefficient():
    values = np.random.default_rng(1).normal(size=(2, 60))
    residual = MeanResidual(0.0, 4.0, values[0] + 1j * values[1])
    baseline = [Fixed(0.0)] * 14 + [Fixed(0.02), Fixed(0.03)]
    with_residual = dataclasses.replace(JOINED, residual=residual, baseline=baseline)
    without = dataclasses.replace(JOINED, baseline=[Fixed(0.0)] * 14)
    spectra = [ExampleRecipe(p, BASIS).simulate(ExampleRecipe(p, BASIS).draw(0, 3)) for p in (with_residual, without)]
    ppm = ACQUISITION.window_ppm_axis
    known = np.linspace(0.0, 4.0, 60)
    shape = np.interp(ppm, known, values[0]) + 1j * np.interp(ppm, known, values[1])
    expected = (0.02 + 0.03j) * JOINED.peak_height(BASIS) * np.where((ppm >= 0) & (ppm <= 4), shape, 0)
    np.testing.assert_allclose(spectra[0] - spectra[1], np.tile(expected, (3, 1)), atol=1e-5 * np.abs(spectra).max())
    graph = tf_examples(ExampleRecipe(with_residual, BASIS), 3, 0)
    parameters = {name: graph[name][:, None] for name in ("gamma", "sigma", "eps")}
    parameters = {name: np.repeat(value, 3, axis=1) for name, value in parameters.items()}
    parameters["eps"] = parameters["eps"] + np.concatenate([np.zeros((3, 1)), graph["shifts"]], axis=1)
    parameters |= {name: graph[name] for name in ("concentrations", "phi0", "phi1")}
    clean = tf_forward_model(parameters, BASIS, metabolite_groups=[0, 1, 0, 2]).numpy()
    found = graph["spectrum"].numpy()[..., 0] + 1j * graph["spectrum"].numpy()[..., 1]
    np.testing.assert_allclose(found - clean, np.tile(expected, (3, 1)), atol=1e-5 * np.abs(found).max())


def test_a_mean_residual_must_be_values_at_rising_shifts():
    with pytest.raises(ValueError, match="at least two values at rising chemical shifts"):
        MeanResidual(4.0, 0.0, np.zeros(5))
    with pytest.raises(ValueError, match="`values`"):
        MeanResidual(0.0, 4.0, np.array([0.0, np.nan]))
