import numpy as np
import pytest

from mrs_keras.basis.macromolecules import add_broad_signals
from mrs_keras.fitting import InVivoModel, fit_spectra
from mrs_keras.study.enrichment import exact_signals, exact_truth
from mrs_keras.study.enrichment.exact_truth import RATIOS, exact_truth_domain
from mrs_keras.study.enrichment.fidelity import fitted_labels


@pytest.fixture(scope="module")
def domain():
    return exact_truth_domain(24, seed=3)


def test_without_the_gap_a_fit_of_the_basis_finds_the_labels(monkeypatch):
    nothing = np.zeros(exact_truth.EXACT_ACQUISITION.points)
    monkeypatch.setattr(exact_truth, "line_shape", lambda *_: np.exp(-9 * exact_truth.EXACT_ACQUISITION.time_axis_s))
    monkeypatch.setattr(exact_truth, "broad_signal", lambda *_: nothing)
    monkeypatch.setattr(exact_truth, "baseline_signal", lambda *_: nothing)
    monkeypatch.setattr(exact_signals, "T2_S", {})
    monkeypatch.setattr(exact_signals, "OTHER_T2_S", np.inf)
    known = exact_truth_domain(4, seed=3)
    basis = add_broad_signals(known.basis, ["CrCH2"])
    fit = fit_spectra(known.noise_free, basis, baseline_order=0, phi1_limit=5e-3)
    amounts = dict(zip(basis.names, fit.parameters.concentrations.T, strict=True))
    creatine = amounts["Cr"] + amounts["PCr"]
    found = [amounts["NAA"] + amounts["NAAG"], amounts["GPC"] + amounts["PCho"], amounts["Ins"], amounts["GSH"]]
    assert fit.residual.max() < 1e-4
    np.testing.assert_allclose(np.stack(found, axis=1) / creatine[:, None], known.labels, rtol=1e-3)


def test_a_spectrum_does_not_depend_on_how_many_there_are(domain):
    few = exact_truth_domain(7, seed=3)
    for name in ("spectra", "noise_free", "noise_sigma", "labels"):
        assert getattr(few, name).tobytes() == getattr(domain, name)[:7].tobytes()
    assert (few.subjects, few.sites) == (domain.subjects[:7], domain.sites[:7])
    assert not np.allclose(exact_truth_domain(7, seed=4).labels, few.labels)


def test_labels_vary_between_subjects_as_in_vivo():
    labels = exact_truth_domain(200, seed=0, sites=2).labels
    mean, deviation = np.array(list(RATIOS.values())).T
    # Standard errors are 1.2 % of the mean at most, and 5 % of the deviation.
    np.testing.assert_allclose(labels.mean(axis=0), mean, rtol=0.03)
    np.testing.assert_allclose(labels.std(axis=0) / labels.mean(axis=0), deviation, rtol=0.15)
    assert np.abs(np.corrcoef(labels.T) - np.eye(4)).max() < 0.2


def test_noise_is_white_and_of_the_stated_level(domain):
    noise = (domain.spectra - domain.noise_free) / domain.noise_sigma[:, None]
    np.testing.assert_allclose([noise.real.std(), noise.imag.std()], 1.0, atol=0.02)
    assert abs(np.vdot(noise[:, :-1], noise[:, 1:]) / np.vdot(noise, noise)) < 0.03
    snr = np.abs(domain.noise_free).max(axis=1) / domain.noise_sigma
    assert snr.min() > 100
    assert snr.max() < 700


def test_sites_differ_by_more_than_their_subjects(domain):
    baseline = domain.noise_free[:, domain.acquisition.window_ppm_axis < 0.4]
    baseline = baseline / np.abs(domain.noise_free).max(axis=1, keepdims=True)
    sites = np.array(domain.sites)
    means = np.array([baseline[sites == site].mean(axis=0) for site in np.unique(sites)])
    within = [baseline[sites == site].std(axis=0) for site in np.unique(sites)]
    assert means.std(axis=0).mean() > np.mean(within)


def test_the_fit_in_vivo_leaves_more_than_noise_and_is_biased(domain):
    fits = fit_spectra(
        domain.spectra[:6], domain.basis, model=InVivoModel(), noise_sigma=domain.noise_sigma[:6], jobs=1
    )
    assert np.median(fits.misfit) > 1.5
    bias = fitted_labels(fits, domain.label_names) / domain.labels[:6] - 1
    assert bias.mean(axis=0)[[0, 3]].min() > 0.05


def test_numbers_below_one_are_refused():
    with pytest.raises(ValueError, match="subjects"):
        exact_truth_domain(0, seed=0)
