"""Fits of in-vivo spectra against the forward model, scipy's optimiser and finite differences."""

import dataclasses

import numpy as np
import pytest
import scipy.optimize

from mrs_keras.basis import BROAD_SIGNALS, add_broad_signals, simulate_press
from mrs_keras.fitting import AmplitudeRatio, InVivoFits, InVivoModel, fit_spectra
from mrs_keras.simulation import SpectralParameters, forward_model
from tests.fitting.in_vivo_spectra import ACQUISITION, metabolite_basis, simulate_in_vivo

SMALL = ("NAA", "Cr", "PCr", "GPC", "Ins", "Glu")
MODEL = InVivoModel(metabolites=SMALL, broad=("MM09", "MM20"))
PLAIN = InVivoModel(metabolites=SMALL, broad=(), creatine_ch2=False, groups={}, ratios=(), splines_per_ppm=0)
"""Lines without baseline, shifts and priors."""


@pytest.fixture(scope="module")
def spectra():
    return simulate_in_vivo(3)


@pytest.fixture(scope="module")
def fits(spectra) -> InVivoFits:
    names = {"ids": ["one", "two", "three"], "participants": ["sub-1", "sub-2", "sub-3"]}
    return fit_spectra(spectra[0], metabolite_basis(), model=MODEL, noise_sigma=spectra[1], jobs=1, **names)


def plain_spectra(count: int = 2) -> tuple[np.ndarray, float]:
    basis = metabolite_basis().select(SMALL).scaled()
    one, rng = np.ones(count), np.random.default_rng(0)
    parameters = SpectralParameters(
        np.outer(one, [10, 4, 5, 2, 6, 9]), 8 * one, 6 * one, 3 * one, 0.3 * one, phi1=2e-4 * one
    )
    clean = forward_model(parameters, basis)[:, ACQUISITION.window]
    sigma = 0.01 * np.abs(clean).max()
    return clean + sigma * (rng.normal(size=(*clean.shape, 2)) @ [1, 1j]), sigma


def model_at(x: np.ndarray, basis) -> np.ndarray:
    """The lines at amplitudes, gamma, sigma, eps, phi0, 1000 phi1, by the forward model: real (2 window_points,)."""
    c, (gamma, sigma, eps, phi0, phi1) = x[:-5], x[-5:]
    parameters = SpectralParameters(c[None], [gamma], [sigma], [eps], [phi0], [phi1 / 1000])
    return forward_model(parameters, basis)[0, ACQUISITION.window].view(np.float64)


def test_fitted_spectra_are_the_forward_model_at_the_reported_parameters(fits):
    regressors = fits.baseline_splines.regressors(ACQUISITION)
    again = forward_model(fits.parameters(), fits.basis, baseline_regressors=regressors)[:, ACQUISITION.window]
    np.testing.assert_allclose(again, fits.fitted, rtol=0, atol=1e-12 * np.abs(again).max())


def test_parts_of_a_fit_add_up_to_it(fits, spectra):
    total = fits.column_spectra(1).sum(axis=0) + fits.baseline_spectra()[1]
    np.testing.assert_allclose(total, fits.fitted[1], rtol=0, atol=1e-12 * np.abs(total).max())
    np.testing.assert_allclose(fits.fitted + fits.residual, spectra[0], rtol=1e-12)


def test_a_fit_without_baseline_and_priors_is_the_optimum_of_scipy():
    measured, sigma = plain_spectra()
    fits = fit_spectra(measured, metabolite_basis(), model=PLAIN, noise_sigma=sigma, jobs=1)
    assert fits.converged.all()
    for row, spectrum in enumerate(measured):
        shape = [getattr(fits, name)[row] for name in ("gamma", "sigma", "eps", "phi0")]
        ours = np.concatenate([fits.concentrations[row], shape, [1000 * fits.phi1[row]]])

        def difference(x, spectrum=spectrum):
            return model_at(x, fits.basis) - spectrum.view(np.float64)

        start = np.concatenate([np.ones(6), [5, 5, 0, 0, 0]])
        lower = np.concatenate([np.zeros(8), [-np.inf] * 3])
        oracle = scipy.optimize.least_squares(difference, start, bounds=(lower, np.inf), xtol=1e-14, ftol=1e-14)
        assert np.sum(difference(ours) ** 2) == pytest.approx(2 * oracle.cost, rel=1e-8)
        np.testing.assert_allclose(ours, oracle.x, rtol=1e-3, atol=1e-3)


def test_bounds_are_those_of_the_forward_model_by_finite_differences():
    measured, sigma = plain_spectra(1)
    fits = fit_spectra(measured, metabolite_basis(), model=PLAIN, noise_sigma=sigma, jobs=1)
    shape = [getattr(fits, name)[0] for name in ("gamma", "sigma", "eps", "phi0")]
    x = np.concatenate([fits.concentrations[0], shape, [1000 * fits.phi1[0]]])
    steps = 1e-4 * np.eye(len(x))
    jacobian = np.array([model_at(x + step, fits.basis) - model_at(x - step, fits.basis) for step in steps]) / 2e-4
    covariance = sigma**2 * np.linalg.inv(jacobian @ jacobian.T)
    expected = np.sqrt(np.diag(covariance))
    found = fits.deviations[0].copy()
    found[-1] *= 1000
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    np.testing.assert_allclose(fits.correlations[0], covariance / expected / expected[:, None], atol=1e-4)


def test_every_number_has_a_name_a_bound_and_correlations(fits):
    splines = fits.baseline_splines.splines
    assert fits.unknowns[: len(SMALL)] == SMALL
    assert fits.unknowns[-2:] == (f"baseline_real{splines - 1}", f"baseline_imag{splines - 1}")
    assert fits.deviations.shape == (3, len(fits.unknowns))
    assert fits.correlations.shape == (3, len(fits.unknowns), len(fits.unknowns))
    assert np.all(fits.deviations > 0)
    assert np.abs(fits.correlations).max() <= 1 + 1e-6


def test_saved_fits_are_loaded_as_they_were(fits, tmp_path):
    fits.save(tmp_path / "fits.npz")
    loaded = InVivoFits.load(tmp_path / "fits.npz")
    for field in dataclasses.fields(InVivoFits):
        if field.name == "basis":
            np.testing.assert_array_equal(loaded.basis.fids, fits.basis.fids)
        elif isinstance(value := getattr(fits, field.name), np.ndarray):
            np.testing.assert_array_equal(getattr(loaded, field.name), value)
        else:
            assert getattr(loaded, field.name) == value
    assert loaded[1:].participants == ("sub-2", "sub-3")
    assert InVivoFits.join([loaded[:1], loaded[1:]]).ids == ("one", "two", "three")
    np.savez(tmp_path / "other.npz", a=1)
    with pytest.raises(ValueError, match=r"does not hold fits.*Received: 'no format', and the arrays a"):
        InVivoFits.load(tmp_path / "other.npz")
    (tmp_path / "fits.tsv").write_text("NAA\n1\n")
    with pytest.raises(ValueError, match=r"does not hold fits.*Received: not an `.npz`"):
        InVivoFits.load(tmp_path / "fits.tsv")
    with pytest.raises(FileNotFoundError, match="There are no fits at"):
        InVivoFits.load(tmp_path / "none.npz")


def test_a_fit_does_not_depend_on_the_other_spectra(fits, spectra):
    alone = fit_spectra(spectra[0][2:], metabolite_basis(), model=MODEL, noise_sigma=spectra[1][2:], jobs=1)
    for name in ("concentrations", "fitted", "deviations", "baseline"):
        np.testing.assert_array_equal(getattr(alone, name)[0], getattr(fits, name)[2])


@pytest.mark.slow
def test_a_fit_does_not_depend_on_the_number_of_processes():
    measured, sigma, _ = simulate_in_vivo(6)
    one, two = (
        fit_spectra(measured, metabolite_basis(), model=InVivoModel(), noise_sigma=sigma, jobs=jobs) for jobs in (1, 2)
    )
    for name in ("concentrations", "fitted", "deviations", "correlations"):
        np.testing.assert_array_equal(getattr(one, name), getattr(two, name))


def test_a_basis_for_another_reference_is_aligned_and_any_phase_is_found(spectra):
    basis = metabolite_basis()
    turn = np.exp(-2j * np.pi * 0.03 * 127.7 * np.arange(2048) / 2000)
    moved = dataclasses.replace(basis, fids=basis.fids * turn[:, None])
    turned = spectra[0][:1] * np.exp(2.5j)
    fits = fit_spectra(turned, moved, model=InVivoModel(), noise_sigma=spectra[1][:1], jobs=1)
    plain = fit_spectra(spectra[0][:1], basis, model=InVivoModel(), noise_sigma=spectra[1][:1], jobs=1)
    np.testing.assert_allclose(fits.concentrations, plain.concentrations, rtol=0.02, atol=0.02)
    assert fits.phi0 - plain.phi0 == pytest.approx(-2.5, abs=0.02)
    assert np.abs(fits.eps - plain.eps) < 2.0


def test_a_measured_macromolecule_spectrum_can_be_a_column():
    basis = metabolite_basis().select(SMALL)
    lines = add_broad_signals(basis, ["MM3T"])
    with_measured = dataclasses.replace(lines, names=(*SMALL, "MMmeasured"))
    truth = np.array([10, 4, 5, 2, 6, 9, 12.0])
    one = np.ones(1)
    parameters = SpectralParameters(truth[None], 8 * one, 6 * one, 0 * one, 0 * one, 0 * one)
    measured = forward_model(parameters, with_measured.scaled())[:, ACQUISITION.window]
    model = InVivoModel(broad=(), creatine_ch2=False)
    fits = fit_spectra(measured, with_measured, model=model, noise_sigma=0.01, jobs=1)
    assert fits.columns == (*SMALL, "MMmeasured")
    assert fits.groups["MM"] == ("MMmeasured",)
    np.testing.assert_allclose(fits.concentrations[0], truth, rtol=0.02)


def test_weak_priors_decide_what_the_data_leave_open(spectra):
    def creatines(deviation: float) -> np.ndarray:
        ratios = (*InVivoModel().ratios, AmplitudeRatio("Cr", {"PCr": 1.0}, 3.0, deviation))
        model, sigma = InVivoModel(ratios=ratios), spectra[1][:1]
        fits = fit_spectra(spectra[0][:1], metabolite_basis(), model=model, noise_sigma=sigma, jobs=1)
        return fits.concentrations[0, [fits.columns.index(name) for name in ("Cr", "PCr")]]

    weak, strong = creatines(1e3), creatines(1e-3)
    assert strong[0] / strong[1] == pytest.approx(3.0, rel=0.01)
    assert weak[0] / weak[1] < 2
    assert weak.sum() == pytest.approx(strong.sum(), rel=0.03)


def test_a_smoother_baseline_has_less_freedom_and_is_chosen_for_each_spectrum():
    measured, sigma, _ = simulate_in_vivo(2, seed=3)
    ppm = ACQUISITION.window_ppm_axis
    wavy = measured[0] + 60 * sigma[0] * np.cos(2 * np.pi * ppm / 0.9)
    model = dataclasses.replace(MODEL, metabolites=None, broad=InVivoModel().broad, aic_factor=5.0)
    model = dataclasses.replace(model, baseline_freedom=(2.0, 3.0, 5.0))
    fits = fit_spectra(
        np.stack([measured[0], wavy]), metabolite_basis(), model=model, noise_sigma=sigma[[0, 0]], jobs=1
    )
    width = np.diff(ACQUISITION.ppm_window)[0]
    assert set(np.round(fits.baseline_freedom / (2 * width), 2)) <= {2.0, 3.0, 5.0}
    assert fits.baseline_freedom[1] > fits.baseline_freedom[0]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_sigma": 0.0}, "`noise_sigma` must be one number or one for each spectrum, above 0"),
        ({"noise_sigma": [1.0, 1.0]}, r"Expected shape \(\) or \(3,\). Received: shape \(2,\)"),
        ({"participants": ["sub-1"]}, "`participants` must be one for each spectrum. Expected: 3. Received: 1"),
        ({"model": InVivoModel(metabolites=["NAA", "Cr", "Xyz"])}, "Unknown `metabolite`.*'Xyz'"),
        ({"model": InVivoModel(metabolites=["NAA"])}, "a basis with Cr or PCr"),
        ({"model": InVivoModel(broad=["MM99"])}, "Unknown `broad`.*'MM99'"),
        ({"model": None}, "noise_sigma are for spectra in vivo.*`model=InVivoModel"),
    ],
    ids=["no_noise", "noise_shape", "participants", "metabolite", "no_creatine", "broad", "no_model"],
)
def test_what_cannot_be_fitted_is_refused_with_a_remedy(spectra, options, message):
    arguments = {"model": MODEL, "noise_sigma": 0.1, **options}
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit_spectra(spectra[0], metabolite_basis(), **arguments)


def test_spectra_with_nan_are_refused(spectra):
    bad = spectra[0].copy()
    bad[1, 5] = np.nan
    with pytest.raises(ValueError, match=r"`spectra` must be finite.*index \(1, 5\)"):
        fit_spectra(bad, metabolite_basis(), model=MODEL, noise_sigma=0.1)


@pytest.mark.parametrize(
    ("window", "model", "message"),
    [
        ((2.0, 2.05), MODEL, "window is too small.*Widen `ppm_window`"),
        ((2.5, 4.2), MODEL, r"MM09, of which only tails are in \(2.5, 4.2\) ppm. Leave them out"),
    ],
)
def test_windows_without_the_signals_are_refused(window, model, message):
    acquisition = dataclasses.replace(ACQUISITION, ppm_window=window)
    basis = simulate_press(SMALL, acquisition)
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit_spectra(np.ones((1, acquisition.window_points), complex), basis, model=model, noise_sigma=0.1)


def test_signals_that_are_the_same_are_refused(spectra):
    basis = metabolite_basis()
    twice = dataclasses.replace(basis, names=(*basis.names, "copy"), fids=basis.fids[:, [*range(17), 0]])
    with pytest.raises(ValueError, match=r"must differ.*Received: Asc and copy"):
        fit_spectra(spectra[0], twice, model=InVivoModel(), noise_sigma=0.1)


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ({"shift_ppm": 0.0}, "`shift_ppm` must be a finite number above 0"),
        ({"phi1_limit": -1.0}, "`phi1_limit` must be at least 0"),
        ({"baseline_freedom": ()}, "`baseline_freedom` must be one or more numbers above 0"),
        ({"max_iterations": 0}, "`max_iterations` must be a whole number"),
    ],
)
def test_bad_options_are_refused(option, message):
    with pytest.raises(ValueError, match=message):
        InVivoModel(**option)


@pytest.mark.slow
def test_what_is_no_spectrum_gets_finite_numbers():
    spectra, _, _ = simulate_in_vivo(1)
    rng, points = np.random.default_rng(0), spectra.shape[1]
    spike, bump = np.zeros(points, complex), 50 * np.exp(-(((np.arange(points) - 250) / 30) ** 2)) + 0j
    spike[300] = 100
    noise, chirp = rng.normal(size=(points, 2)) @ [1, 1j], np.exp(0.3j * np.arange(points) ** 1.5)
    late = spectra[0] * np.exp(-0.35j * np.arange(points))
    strange = np.stack([noise, spike, bump, np.ones(points), chirp, late])
    fits = fit_spectra(strange, metabolite_basis(), model=InVivoModel(), noise_sigma=1.0, jobs=1)
    for name in ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline", "misfit", "correlations"):
        assert np.isfinite(getattr(fits, name)).all(), name
    assert np.all(fits.misfit[[1, 5]] > 2)


def test_the_scale_of_a_spectrum_does_not_matter(fits, spectra):
    scaled = fit_spectra(
        1e6 * spectra[0][:1], metabolite_basis(), model=MODEL, noise_sigma=1e6 * spectra[1][:1], jobs=1
    )
    np.testing.assert_allclose(scaled.concentrations[0], 1e6 * fits.concentrations[0], rtol=1e-9)
    np.testing.assert_allclose(scaled.deviations[0, :6], 1e6 * fits.deviations[0, :6], rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    "model",
    [
        InVivoModel(groups={}),
        InVivoModel(splines_per_ppm=0),
        InVivoModel(gaussian=False),
        InVivoModel(phi1_limit=0),
        InVivoModel(ratios=()),
        InVivoModel(broad=(), creatine_ch2=False),
    ],
    ids=["no_shifts", "no_baseline", "lorentzian", "no_phi1", "no_ratios", "no_broad_signals"],
)
def test_each_ingredient_can_be_left_out(spectra, model):
    fits = fit_spectra(spectra[0], metabolite_basis(), model=model, noise_sigma=spectra[1], jobs=1)
    assert fits.converged.all()
    assert fits.deviations.shape == (3, len(fits.unknowns))
    kept = {"sigma": model.gaussian, "phi1": model.phi1_limit > 0}
    for name, free in kept.items():
        column = fits.unknowns.index(name)
        assert np.all((fits.deviations[:, column] > 0) == free)
        assert free or not getattr(fits, name).any()
    regressors = None if fits.baseline_splines is None else fits.baseline_splines.regressors(ACQUISITION)
    again = forward_model(fits.parameters(), fits.basis, baseline_regressors=regressors)[:, ACQUISITION.window]
    np.testing.assert_allclose(again, fits.fitted, rtol=0, atol=1e-12 * np.abs(again).max())


def test_a_fit_that_is_stopped_early_says_so(spectra):
    model = dataclasses.replace(MODEL, max_iterations=1)
    fits = fit_spectra(spectra[0][:1], metabolite_basis(), model=model, noise_sigma=spectra[1][:1], jobs=1)
    assert not fits.converged.any()


def test_single_lines_above_3_ppm_are_those_of_the_whole_macromolecule_baseline():
    whole = {peak.shift_ppm: peak.fwhm_ppm for peak in BROAD_SIGNALS["MM3T"].peaks}
    for name in ("MM37", "MM40"):
        (peak,) = BROAD_SIGNALS[name].peaks
        assert whole[peak.shift_ppm] == peak.fwhm_ppm
