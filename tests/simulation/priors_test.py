import dataclasses
import json

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from mrs_keras import Acquisition, Prior, UniformRange, default_basis, simulate, simulate_basis
from mrs_keras.basis import SPIN_SYSTEMS, basis_for
from mrs_keras.simulation import EFFECT_UNITS, PRIOR_PRESETS, Empirical, Fixed, JointNormal, LogNormal, Normal
from mrs_keras.simulation.keyed_random import keyed_normal, keyed_uniform

PRIOR = Prior.from_preset("naa_pcr")
BRAIN = Prior.from_preset("brain_press_te30_uniform")
BASIS = default_basis()
COLUMNS = ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")

EXPECTED_CONCENTRATIONS = [[11.963109094849472, 4.044159504887992], [8.222861297582277, 3.415417498558262]]
EXPECTED_GAMMA = [24.703654506532327, 16.835951650993465]


def test_default_prior_has_the_published_ranges():
    ranges = PRIOR.to_dict()
    assert ranges["concentrations"] == {"NAA": [7.5, 17.0], "PCr": [3.0, 5.5]}
    assert ranges["gamma"] == ranges["sigma"] == [2.0, 25.0]
    assert ranges["phi0"] == [-1.5, 1.5]
    assert ranges["phi1"] == [-1e-5, 1e-5]
    assert ranges["eps"] == [-20.0, 20.0]
    assert ranges["baseline"] == [-0.05, 0.05]
    assert ranges["baseline_order"] == 4


@pytest.mark.parametrize("name", PRIOR_PRESETS)
def test_every_range_of_a_preset_has_a_unit_and_a_source(name):
    prior = Prior.from_preset(name)
    named = [leaf for column in COLUMNS[1:] for leaf in prior.leaves(column)]
    for limits in (*prior.concentrations.values(), *named, *prior.effects.values()):
        assert limits.unit
        assert limits.source
    assert prior.snr is None or prior.snr.source


def test_draws_are_uniform_over_their_ranges():
    draws = PRIOR.draw(BASIS, 0, 20_000, seed=3)
    assert draws.baseline.shape == (20_000, 10)
    unit = {
        "concentrations": [PRIOR.concentrations["NAA"], PRIOR.concentrations["PCr"]],
        **{name: [getattr(PRIOR, name)] for name in COLUMNS[1:6]},
        "baseline": [PRIOR.baseline] * 10,
    }
    numbers = []
    for name, ranges in unit.items():
        values = getattr(draws, name).reshape(20_000, -1)
        values = values / PRIOR.peak_height(BASIS) if name == "baseline" else values
        for column, limits in zip(values.T, ranges, strict=True):
            numbers.append((column - limits.low) / (limits.high - limits.low))
            # 17 tests at 1e-4 each: a right generator fails one in 600 seeds, and this seed is fixed.
            assert scipy.stats.kstest(numbers[-1], "uniform").pvalue > 1e-4
    correlation = np.corrcoef(numbers) - np.eye(len(numbers))
    assert np.abs(correlation).max() < 5 / np.sqrt(20_000)


@given(st.integers(0, 300), st.integers(1, 40))
def test_an_example_does_not_depend_on_the_block_it_is_drawn_in(start, size):
    block = PRIOR.draw(BASIS, start, start + size, seed=7)
    alone = PRIOR.draw(BASIS, start + size - 1, start + size, seed=7)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(block, name)[-1:], getattr(alone, name))


def test_no_examples_can_be_drawn():
    assert len(PRIOR.draw(BASIS, 5, 5, seed=0)) == 0


def test_seeds_and_splits_give_other_examples():
    draws = [PRIOR.draw(BASIS, 0, 50, seed=seed, split=split).gamma for seed, split in ((0, "a"), (1, "a"), (0, "b"))]
    assert len(np.unique(np.concatenate(draws))) == 150


def test_a_change_to_one_range_leaves_the_other_draws():
    changed = dataclasses.replace(PRIOR, gamma=UniformRange(0.0, 1.0))
    before, after = (prior.draw(BASIS, 0, 20, seed=0) for prior in (PRIOR, changed))
    for name in ("concentrations", "sigma", "eps", "phi0", "phi1"):
        np.testing.assert_array_equal(getattr(before, name), getattr(after, name))


def test_first_draws_never_change():
    # A promise to users: these numbers were drawn once, and every version must draw them again.
    draws = PRIOR.draw(BASIS, 0, 2, seed=0)
    np.testing.assert_allclose(draws.concentrations, EXPECTED_CONCENTRATIONS, rtol=1e-14)
    np.testing.assert_allclose(draws.gamma[:, 0], EXPECTED_GAMMA, rtol=1e-14)


def test_keyed_normal_numbers_are_normal_and_independent_of_the_block():
    normal = keyed_normal(0, 2000, 501, "seed", "noise")
    assert scipy.stats.kstest(normal.ravel(), "norm").pvalue > 1e-3
    # A million numbers: moments within five standard errors, pairs of one transform and tails included.
    assert np.abs(np.mean(normal.astype(float) ** 4) - 3) < 5 * np.sqrt(96 / normal.size)
    assert np.abs(np.mean(normal[:, 0:500:2] * normal[:, 1:500:2])) < 5 / np.sqrt(normal.size / 2)
    assert np.mean(np.abs(normal) > 4) == pytest.approx(2 * scipy.stats.norm.sf(4), abs=5 * np.sqrt(6.3e-5 / 1e6))
    np.testing.assert_array_equal(normal[1500:], keyed_normal(1500, 2000, 501, "seed", "noise"))
    assert np.abs(np.corrcoef(normal[:20]) - np.eye(20)).max() < 5 / np.sqrt(501)


def test_keys_that_only_look_alike_when_joined_differ():
    assert keyed_uniform(0, 1, 1, "1", "2") != keyed_uniform(0, 1, 1, "12")


@pytest.mark.parametrize(
    ("arguments", "name"), [((-1, 3, 0), "start"), ((0, 2.5, 0), "stop"), ((5, 3, 0), "stop"), ((0, 3, None), "seed")]
)
def test_draws_of_no_such_examples_or_without_a_seed_are_refused(arguments, name):
    start, stop, seed = arguments
    with pytest.raises(ValueError, match=f"`{name}` must"):
        PRIOR.draw(BASIS, start, stop, seed=seed)


def test_pairs_differ_in_the_varied_parameters_alone():
    pairs = PRIOR.draw_pairs(BASIS, ("gamma", "sigma"), 0, 3, seed=0)
    for name in COLUMNS:
        first, second = getattr(pairs, name)[0::2], getattr(pairs, name)[1::2]
        if name in ("gamma", "sigma"):
            np.testing.assert_allclose(first, 2 + 0.1 * 23)
            np.testing.assert_allclose(second, 2 + 0.9 * 23)
        else:
            np.testing.assert_array_equal(first, second)


def test_the_tallest_peak_is_that_of_naa_at_17_mm_in_the_narrowest_line():
    height = PRIOR.peak_height(BASIS)
    time = BASIS.acquisition.time_axis_s
    signal = 17 * PRIOR.basis(BASIS).fids[:, 0] * np.exp(-2 * time - (2 * time) ** 2)
    signal[0] /= 2
    assert height == pytest.approx(np.abs(np.fft.fft(signal)).max() / np.sqrt(2048), rel=1e-12)


@pytest.mark.parametrize("limits", [(2.0, 1.0), (np.nan, 1.0), (0.0, np.inf)])
def test_a_range_upside_down_or_not_finite_is_refused(limits):
    with pytest.raises(ValueError, match="finite with low <= high. Received"):
        UniformRange(*limits)


def test_priors_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match="Unknown `preset`.*'naa_pcr'"):
        Prior.from_preset("naa")
    with pytest.raises(ValueError, match="prior of gamma must not be negative"):
        dataclasses.replace(PRIOR, gamma=UniformRange(-1.0, 2.0))
    with pytest.raises(ValueError, match="at least one metabolite"):
        dataclasses.replace(PRIOR, concentrations={})
    with pytest.raises(ValueError, match="Unknown `metabolite`.*Received: metabolite='Xyz'"):
        dataclasses.replace(PRIOR, concentrations={"Xyz": UniformRange(0, 1)}).draw(BASIS, 0, 1, seed=0)
    with pytest.raises(ValueError, match="Unknown `varied`"):
        PRIOR.draw_pairs(BASIS, ("width",), 0, 1, seed=0)
    with pytest.raises(ValueError, match="Unknown effect parameter.*drift_hz.*Received: .'drift'"):
        dataclasses.replace(PRIOR, effects={"drift": UniformRange(0, 1)})
    with pytest.raises(ValueError, match="needs all of its parameters.*Missing: eddy_time_constant_s"):
        dataclasses.replace(PRIOR, effects={"eddy_amplitude_hz": UniformRange(0, 1)})
    with pytest.raises(ValueError, match="prior of eddy_time_constant_s must be above 0"):
        dataclasses.replace(BRAIN, effects={**BRAIN.effects, "eddy_time_constant_s": UniformRange(0, 1)})
    with pytest.raises(ValueError, match="prior of water_height must not be negative"):
        dataclasses.replace(BRAIN, effects={**BRAIN.effects, "water_height": UniformRange(-1, 1)})
    with pytest.raises(ValueError, match="prior of snr must be above 0"):
        dataclasses.replace(PRIOR, snr=UniformRange(0, 10))
    with pytest.raises(ValueError, match="`water_lines` must be a whole number"):
        dataclasses.replace(BRAIN, water_lines=0)


def test_a_prior_without_effects_says_nothing_of_them():
    assert PRIOR.draw_effects(BASIS, 0, 5, seed=0) is None
    assert PRIOR.draw_snr(0, 5, seed=0) is None
    assert not {"effects", "water_lines", "snr"} & set(PRIOR.to_dict())


def test_the_brain_has_21_metabolites_macromolecules_and_every_effect():
    assert set(BRAIN.metabolites) == {*SPIN_SYSTEMS, "MM3T", "Lip09", "Lip13a"}
    assert set(BRAIN.effects) == set(EFFECT_UNITS)
    plain = BRAIN.to_dict()
    assert plain["snr"] == [20.0, 150.0]
    assert plain["effects"]["drift_hz"] == [-3.0, 3.0]


def test_effects_are_uniform_over_their_ranges_and_independent():
    basis = basis_for(BRAIN.metabolites)
    effects = BRAIN.draw_effects(basis, 0, 5000, seed=2).values()
    effects["water_height"] = effects["water_height"] / BRAIN.peak_height(basis)
    numbers = [(BRAIN.draw_snr(0, 5000, seed=2) - 20) / 130]
    for name, values in effects.items():
        limits = BRAIN.effects[name]
        numbers += list((values.reshape(5000, -1).T - limits.low) / (limits.high - limits.low))
    assert len(numbers) == 1 + 5 * BRAIN.water_lines + 3
    for column in numbers:
        # 19 tests at 1e-4 each: a right generator fails one in 500 seeds, and this seed is fixed.
        assert scipy.stats.kstest(column, "uniform").pvalue > 1e-4
    assert np.abs(np.corrcoef(numbers) - np.eye(len(numbers))).max() < 5 / np.sqrt(5000)


def test_effects_of_an_example_do_not_depend_on_the_block():
    basis = basis_for(BRAIN.metabolites)
    block, alone = (BRAIN.draw_effects(basis, start, 20, seed=7) for start in (0, 19))
    for name, values in alone.values().items():
        np.testing.assert_array_equal(block.values()[name][19:], values)
    np.testing.assert_array_equal(BRAIN.draw_snr(0, 20, seed=7)[19:], BRAIN.draw_snr(19, 20, seed=7))


@pytest.mark.parametrize("prior", [PRIOR, BRAIN], ids=["naa_pcr", "brain_press_te30_uniform"])
def test_a_prior_made_plain_comes_back_with_the_same_draws(prior):
    basis = basis_for(prior.metabolites)
    again = Prior.from_dict(json.loads(json.dumps(prior.to_dict())))
    assert again.to_dict() == prior.to_dict()
    ours, theirs = (each.draw(basis, 0, 8, seed=0) for each in (prior, again))
    for field in dataclasses.fields(ours):
        np.testing.assert_array_equal(getattr(ours, field.name), getattr(theirs, field.name))


# === Other fields ===


def test_at_its_own_frequency_a_prior_is_the_same_object():
    assert PRIOR.for_frequency(123.2) is PRIOR
    assert Prior.from_preset("brain_press_te30_uniform", 123.2).to_dict() == BRAIN.to_dict()


def test_shifts_and_widths_grow_with_the_field_and_the_rest_stays():
    there = BRAIN.for_frequency(297.2)
    factor = 297.2 / 123.2
    growing = {"gamma", "sigma", "eps", "water_shift_hz", "water_gamma", "water_sigma", "drift_hz"}
    names = {"gamma", "sigma", "eps", "phi0", "phi1", "baseline", "snr", *BRAIN.effects, *BRAIN.metabolites}
    assert growing < names
    for name in names:
        expected = factor if name in growing else 1.0
        ends = [(leaf.low, leaf.high) for leaf in (there.leaf(name), BRAIN.leaf(name))]
        np.testing.assert_allclose(ends[0], np.multiply(ends[1], expected), rtol=1e-12)
        assert (there.leaf(name).unit, there.leaf(name).source) == (BRAIN.leaf(name).unit, BRAIN.leaf(name).source)
    assert PRIOR.for_frequency(61.6).eps.high == 10.0


def test_at_another_field_shifts_and_widths_are_the_same_in_ppm():
    """The same draws at 3 and 7 T, on signals that are alike in ppm, make spectra that are alike in ppm."""
    spectra = []
    for frequency_mhz in (123.2, 297.2):
        acquisition = Acquisition(frequency_mhz, 4000.0 * frequency_mhz / 123.2, 2048)
        prior = dataclasses.replace(
            PRIOR.for_frequency(frequency_mhz), phi1=Fixed(0.0), concentrations={"PCr": UniformRange(3.0, 5.5)}
        )
        # Lines that are widened in proportion to the frequency, too.
        basis = simulate_basis(["PCr"], acquisition, linewidth_hz=2.0 * frequency_mhz / 123.2)
        spectra.append(np.abs(simulate(prior.draw(basis, 0, 4, seed=0), basis)))
    np.testing.assert_allclose(spectra[1], spectra[0], rtol=1e-4, atol=1e-4 * spectra[0].max())


@pytest.mark.parametrize("leaf", [Fixed(3.0), Normal(3.0, 1.0, 0.5, 6.0), LogNormal(3.0, 0.4), UniformRange(1.0, 5.0)])
def test_a_distribution_times_a_factor_has_its_quantiles_times_the_factor(leaf):
    fractions = np.linspace(0, 1, 11)
    np.testing.assert_allclose(leaf.times(2.5).quantile(fractions), 2.5 * leaf.quantile(fractions), rtol=1e-9)


def test_joint_distributions_stay_joint_at_another_field():
    names = ("gamma", "eps", "phi0")
    covariance = np.array([[0.04, 0.1, 0.02], [0.1, 4.0, 0.3], [0.02, 0.3, 0.5]])
    rows = np.abs(np.random.default_rng(0).normal(size=(20, 3))) + 0.1
    for joint in (JointNormal(names, [1.5, 2.0, 0.1], covariance, ("gamma",)), Empirical(names, rows)):
        prior = dataclasses.replace(PRIOR, **{name: joint[name] for name in names})
        there = prior.for_frequency(246.4)
        assert there.gamma.joint is there.eps.joint is there.phi0.joint
        ours, theirs = (each.draw(BASIS, 0, 4000, seed=0) for each in (prior, there))
        columns = [np.stack([np.log(drawn.gamma[:, 0]), drawn.eps[:, 0], drawn.phi0]) for drawn in (ours, theirs)]
        for name, factor in {"gamma": 2.0, "eps": 2.0, "phi0": 1.0}.items():
            ends = [(leaf.low, leaf.high) for leaf in (there.leaf(name), prior.leaf(name))]
            np.testing.assert_allclose(ends[0], np.multiply(ends[1], factor), rtol=1e-9)
        # Each correlation of 4,000 draws has a standard error of at most 0.016, and there are two of them.
        np.testing.assert_allclose(*map(np.corrcoef, columns), atol=0.1)
        np.testing.assert_allclose(theirs.eps.mean(), 2 * ours.eps.mean(), atol=5 * 2 * ours.eps.std() / 4000**0.5)


@pytest.mark.parametrize("frequency_mhz", [0.0, -1.0, np.nan])
def test_a_frequency_that_is_none_is_refused(frequency_mhz):
    with pytest.raises(ValueError, match="`spectrometer_frequency_mhz` must be a finite number above 0"):
        Prior.from_preset("naa_pcr", frequency_mhz)
