"""The prior of the brain against the published statistics that it is made of."""

import dataclasses
import re

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from mrs_keras import Prior, simulate
from mrs_keras.basis import SPIN_SYSTEMS, basis_for
from mrs_keras.simulation import Fixed, voigt_fwhm_hz
from mrs_keras.simulation import big_press as published
from mrs_keras.simulation.graph import tf_draw
from tests.measured.scan_files import shared

PRIOR = Prior.from_preset("brain_press_te30")
BASIS = basis_for(PRIOR.metabolites)
COUNT = 20_000
PUBLISHED_NAMES = {"Ins": "mI", "sIns": "sI", "PCho": "PCh", "Lip13a": "Lip13"}
MM = 7.5 / 6.087  # of one unit of amplitude: tCr is 7.5 mM


@pytest.fixture(scope="module")
def draws():
    return PRIOR.draw(BASIS, 0, COUNT, seed=5)


@pytest.fixture(scope="module")
def amounts(draws):
    return dict(zip(PRIOR.metabolites, draws.concentrations.T, strict=True))


@pytest.fixture(scope="module")
def file():
    """Name -> numbers, as published."""
    text = shared("bigpress_prior", "MRS_BigPRESS_Philips.txt").read_text()
    found = re.findall(r"^(\w+) \(.*\)\n((?: .*\n?)+)", text, re.MULTILINE)
    return {name: body.strip().strip("[]").replace("'", "").replace(",", " ").split() for name, body in found}


def numbers(file, name):
    return [float(number) for number in file[name]]


def test_the_numbers_are_those_that_are_published(file):
    means, deviations = numbers(file, "ampl"), numbers(file, "ampl_SD")
    rows = dict(zip(file["ampl_names"], zip(means, deviations, strict=True), strict=True))
    assert rows.keys() == {*(PUBLISHED_NAMES.get(name, name) for name in published.AMPLITUDES), "H2O", *(
        f"{kind}_{PUBLISHED_NAMES.get(one, one)}_{PUBLISHED_NAMES.get(other, other)}"
        for one, other in published.PAIRS
        for kind in ("sum", "diff")
    )}  # fmt: skip
    for name, numbers_of_it in published.AMPLITUDES.items():
        assert numbers_of_it == rows[PUBLISHED_NAMES.get(name, name)]
    for pair, (of_sum, of_difference) in published.PAIRS.items():
        name = "_".join(PUBLISHED_NAMES.get(each, each) for each in pair)
        assert (of_sum, of_difference) == (rows[f"sum_{name}"][1], rows[f"diff_{name}"][1])
    assert rows["sum_Cr_PCr"][0] == published.TOTAL_CREATINE
    baseline = zip(numbers(file, "beta_j"), numbers(file, "beta_j_SD"), strict=True)
    assert tuple(baseline) == published.BASELINE
    phases = tuple((*numbers(file, name), *numbers(file, f"{name}_SD")) for name in ("ph0", "ph1"))
    assert phases == published.PHASES_DEG


def test_amounts_have_the_published_means_and_deviations_and_are_never_negative(amounts):
    for name, (mean, deviation) in published.AMPLITUDES.items():
        values = amounts[name]
        assert values.min() >= 0
        # Five standard errors; those of the deviation grow with the kurtosis of skewed distributions.
        assert values.mean() == pytest.approx(mean * MM, abs=5 * deviation * MM / np.sqrt(COUNT))
        heavy = np.sqrt((scipy.stats.kurtosis(values) + 2) / COUNT) / 2
        assert values.std() == pytest.approx(deviation * MM, rel=5 * heavy + 2e-3)
    assert np.mean(amounts["Cr"] + amounts["PCr"]) == pytest.approx(7.5, rel=0.005)


@pytest.mark.parametrize(("pair", "expected"), published.PAIRS.items(), ids=map("/".join, published.PAIRS))
def test_sums_and_differences_of_pairs_deviate_as_published(amounts, pair, expected):
    one, other = (amounts[name] for name in pair)
    assert np.std(one + other) == pytest.approx(expected[0] * MM, rel=0.06)
    assert np.std(one - other) == pytest.approx(expected[1] * MM, rel=0.03)


def test_what_is_not_published_as_correlated_is_independent(amounts):
    pairs = {frozenset(pair) for pair in published.PAIRS}
    ranks = scipy.stats.spearmanr(np.stack(list(amounts.values()), axis=1)).statistic
    for row, one in enumerate(amounts):
        for column, other in enumerate(amounts):
            if row < column and frozenset((one, other)) not in pairs:
                assert abs(ranks[row, column]) < 5 / np.sqrt(COUNT)


def test_the_metabolites_are_the_21_and_every_leaf_has_unit_and_source():
    assert set(SPIN_SYSTEMS) < set(PRIOR.metabolites)
    for name in PRIOR.definitions():
        leaf = PRIOR.leaf(name)
        assert leaf.source, name
        assert leaf.unit or name == "snr", name


def test_lines_are_as_wide_as_published(draws):
    # The basis has 2.0 Hz of its own; published are 5.25 Hz at 127.73 MHz, and a deviation of 20 %.
    width_hz = voigt_fwhm_hz(draws.gamma[:, 0] + 2 * np.pi, draws.sigma[:, 0])
    assert np.median(width_hz) == pytest.approx(5.25 * 123.2 / 127.73, rel=0.02)
    assert width_hz.std() / width_hz.mean() == pytest.approx(0.2, abs=0.02)


def test_the_published_parts_of_the_line_make_that_width(file):
    # Basis of 1.0 Hz, common decays, and the kernel on the points of a spectrum of 2000 Hz that is zero-filled to 4096.
    lorentzian = np.mean(numbers(file, "lorentzLB")[:19])  # of the metabolites
    (gaussian,), kernel = numbers(file, "gaussLB"), np.array(numbers(file, "lineShape"))
    time = np.arange(0, 1, 1 / 2000)
    frequency = np.arange(-25, 25, 2000 / 4096 / 16)
    decay = np.exp(-(np.pi * 1.0 + lorentzian) * time - gaussian * time**2)
    line = np.cos(2 * np.pi * frequency[:, None] * time) @ decay - decay[0] / 2
    offsets = (np.arange(29) - 14) * 2000 / 4096
    line = sum(
        part * np.interp(frequency - offset, frequency, line) for part, offset in zip(kernel, offsets, strict=True)
    )
    assert np.ptp(frequency[line > line.max() / 2]) == pytest.approx(5.25, abs=0.05)


def test_the_phase_is_best_known_where_the_spectra_were_phased(draws):
    def phase_deg(ppm):
        return np.rad2deg(-draws.phi0 - draws.phi1 * (ppm - 4.65) * 127.73)

    published_at_water = [phase_deg(4.65).mean(), phase_deg(4.65).std()]
    np.testing.assert_allclose(published_at_water, published.PHASES_DEG[0], rtol=0.03)
    slope = np.diff([phase_deg(3.0), phase_deg(4.0)], axis=0)
    np.testing.assert_allclose([slope.mean(), slope.std()], published.PHASES_DEG[1], rtol=0.04)
    deviations = {ppm: phase_deg(ppm).std() for ppm in (0.5, 2.0, 3.1, 4.65)}
    assert deviations[3.1] == pytest.approx(4.1, abs=0.3)
    assert min(deviations.values()) == deviations[3.1]


def test_the_mean_baseline_is_the_published_one_on_a_typical_spectrum(draws):
    # Oracle: cubic B-splines by their formula, centres from 0.5 to 4.0 ppm; a typical spectrum is 1 high.
    ppm = np.linspace(0.3, 4.2, 200)
    spacing = 3.5 / 13
    expected = np.zeros(200)
    for number, (mean, _) in enumerate(published.BASELINE):
        u = np.abs(ppm - 0.5 - number * spacing) / spacing
        expected += mean * np.select([u < 1, u < 2], [2 / 3 - u**2 + u**3 / 2, (2 - u) ** 3 / 6])
    regressors = PRIOR.baseline_regressors(BASIS.acquisition)
    coefficients = draws.baseline.mean(axis=0)
    baseline = regressors @ (coefficients[0::2] + 1j * coefficients[1::2])
    clean = simulate(draws[:500], BASIS, baseline_regressors=regressors)
    height = np.median(clean.real.max(axis=1))
    found = np.interp(ppm, BASIS.acquisition.ppm_axis, baseline.real) / height
    assert np.abs(found - expected).max() < 0.008  # of 0.14; 5 % of the height, and the noise of the mean
    assert not draws.baseline[:, 1::2].any()
    np.testing.assert_allclose(height / PRIOR.peak_height(BASIS), published.TYPICAL_HEIGHT, rtol=0.05)


def test_the_noise_is_the_published_one_relative_to_naa(draws):
    few = draws[:500]
    regressors = PRIOR.baseline_regressors(BASIS.acquisition)
    unphased = dataclasses.replace(few, phi0=0 * few.phi0, phi1=0 * few.phi1)
    ppm = BASIS.acquisition.window_ppm_axis
    near_naa = (ppm > 1.9) & (ppm < 2.1)
    naa = simulate(unphased, BASIS, baseline_regressors=regressors)[:, near_naa].real.max(axis=1)
    tallest = np.abs(simulate(dataclasses.replace(few, baseline=None), BASIS)).max(axis=1)
    snr_of_naa = naa / (tallest / PRIOR.draw_snr(0, 500, seed=5))
    assert snr_of_naa.mean() == pytest.approx(227, rel=0.06)
    assert snr_of_naa.std() == pytest.approx(59, rel=0.15)


def test_a_graph_draws_from_the_same_distribution(draws):
    made = {name: value.numpy() for name, value in tf_draw(PRIOR, BASIS, 5000, seed=1, batch=tf.constant(0)).items()}
    constant = [isinstance(leaf, Fixed) for leaf in PRIOR.baseline]
    ours = {**vars(draws), "snr": PRIOR.draw_snr(0, COUNT, seed=5)}
    compared = 0
    for name in ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline", "snr"):
        one, other = ours[name].reshape(COUNT, -1).T, made[name].reshape(5000, -1).T
        for column, (left, right) in enumerate(zip(one, other, strict=True)):
            if name == "baseline" and constant[column]:
                assert not right.any()
                continue
            assert scipy.stats.ks_2samp(left, right).pvalue > 1e-5
            compared += 1
    assert compared == 30 + 6 + 14
    in_graph = dict(zip(PRIOR.metabolites, made["concentrations"].T, strict=True))
    for one, other in published.PAIRS:
        here = np.corrcoef(in_graph[one], in_graph[other])[0, 1]
        there = np.corrcoef(*(draws.concentrations[:, PRIOR.metabolites.index(name)] for name in (one, other)))[0, 1]
        assert here == pytest.approx(there, abs=5 / np.sqrt(5000))


def test_at_another_field_pairs_stay_correlated_and_widths_grow():
    there = PRIOR.for_frequency(2 * 123.2)
    basis = BASIS  # sets the height of the baseline alone
    ours, theirs = (prior.draw(basis, 0, 50, seed=1) for prior in (PRIOR, there))
    np.testing.assert_array_equal(theirs.concentrations, ours.concentrations)
    np.testing.assert_allclose(theirs.sigma, 2 * ours.sigma, rtol=1e-12)
    np.testing.assert_array_equal(theirs.phi1, ours.phi1)
