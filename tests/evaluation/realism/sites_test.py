import dataclasses

import numpy as np
import pytest

from mrs_keras.evaluation.realism import canonical_spectra, measure_sites
from mrs_keras.random_streams import REALISM
from mrs_keras.simulation.keyed_random import keyed_normal
from tests.evaluation.realism.simulated import ACQUISITION, LABELS, generated, real

SITES = ("site0", "site1", "site2")


def with_forms(spectra):
    forms = canonical_spectra(spectra.spectra, ACQUISITION, spectra.noise_sigma)
    return spectra, forms


@pytest.fixture(scope="module")
def scans():
    return with_forms(real(slice(0, 90))), with_forms(real(slice(90, 150)))


def made(**changes):
    spectra = generated(slice(150, 450), sites=[SITES[number % 3] for number in range(150, 450)])
    return dataclasses.replace(spectra, **changes)


def test_spectra_of_the_true_distribution_are_near_every_site_with_the_noise_that_they_declare(scans):
    plain = made()
    sites = measure_sites(*scans, with_forms(plain))
    assert tuple(sites) == SITES
    every = [(each.spectra, each.noise_sigma, np.array(each.sites)) for each in (scans[0][0], scans[1][0], plain)]
    # Noise over the tallest point near NAA, as the axis says, without the canonical form.
    ppm = ACQUISITION.window_ppm_axis
    heights = [np.abs(spectra[:, (ppm > 1.9) & (ppm < 2.1)]).max(axis=1) for spectra, _, _ in every]
    scale = np.median(np.concatenate(heights[:2])) / np.median(heights[2])
    for name, each in sites.items():
        assert (each.held_out, each.generated) == (20, 100)
        # Medians of 20 distances.
        assert each.nearest_ratio == pytest.approx(1, abs=0.25)
        levels = [sigma[of == name] for _, sigma, of in every]
        expected = scale * np.median(levels[2]) / np.median(np.concatenate(levels[:2]))
        assert each.noise == pytest.approx(expected, rel=0.05)
        assert each.noise_in_window == pytest.approx(each.noise, rel=0.06)


def test_noise_that_is_too_strong_at_one_site_shows_at_that_site(scans):
    plain = made()
    at_site = np.array(plain.sites) == "site1"
    added = keyed_normal(0, len(plain), 2 * plain.spectra.shape[1], REALISM, "test").view(np.complex64)
    # Of three quarters of the variance of the noise: the level is sqrt(1.75) of it. Declared is the old one.
    spectra = plain.spectra + np.sqrt(0.75) * (at_site * plain.noise_sigma)[:, None] * added
    before, after = (measure_sites(*scans, with_forms(each)) for each in (plain, made(spectra=spectra)))
    for site, factor in zip(SITES, (1, np.sqrt(1.75), 1), strict=True):
        assert after[site].noise_in_window / before[site].noise_in_window == pytest.approx(factor, rel=0.05)
        assert after[site].noise / before[site].noise == pytest.approx(1, rel=0.02)


def test_the_units_of_generated_spectra_do_not_matter(scans):
    plain = made()
    scaled = made(spectra=7 * plain.spectra, noise_sigma=7 * plain.noise_sigma)
    for one, other in zip(*(measure_sites(*scans, with_forms(each)).values() for each in (plain, scaled)), strict=True):
        assert one.noise == pytest.approx(other.noise, rel=1e-3)
        assert one.noise_in_window == pytest.approx(other.noise_in_window, rel=1e-3)


def test_spectra_without_a_site_count_at_that_of_their_nearest_training_spectrum(scans):
    training = scans[0][0]
    copies = made(
        spectra=training.spectra, noise_sigma=training.noise_sigma, labels=np.zeros((90, len(LABELS))), sites=()
    )
    sites = measure_sites(*scans, with_forms(copies))
    assert [each.generated for each in sites.values()] == [training.sites.count(site) for site in SITES]


def test_a_site_that_none_was_generated_for_has_no_noise(scans):
    sites = measure_sites(*scans, with_forms(made(sites=["site0"] * 300)))
    assert (sites["site1"].generated, sites["site1"].noise, sites["site1"].noise_in_window) == (0, None, None)


def test_one_site_is_not_compared_with_itself(scans):
    at_one = [(dataclasses.replace(each, sites=()), forms) for each, forms in scans]
    assert measure_sites(*at_one, with_forms(made())) == {}
