"""The spectral fit against known parameters, scipy's optimiser, and the statistics of noise."""

import dataclasses

import numpy as np
import pytest
import scipy.optimize

from mrs_keras import Acquisition, Basis
from mrs_keras.basis import default_basis, simulate_press
from mrs_keras.fitting import spectral_fit
from mrs_keras.fitting.spectral_fit import fit_spectra
from mrs_keras.simulation import Prior, SpectralParameters, forward_model, simulate

BASIS = default_basis()
PRIOR = Prior.from_preset("naa_pcr")
TALLEST = PRIOR.peak_height(BASIS)


def drawn(count: int, metabolites: int = 2, order: int = 4, seed: int = 0, **ranges) -> SpectralParameters:
    """Parameters drawn with numpy's own generator, over the full circle of phi0 unless a range says otherwise."""
    rng = np.random.default_rng(seed)
    limits = {"gamma": (2, 25), "sigma": (2, 25), "eps": (-20, 20), "phi0": (-np.pi, np.pi), "phi1": (-1e-5, 1e-5)}
    return SpectralParameters(
        concentrations=rng.uniform(1, 15, (count, metabolites)),
        **{name: rng.uniform(*ends, count) for name, ends in (limits | ranges).items()},
        baseline=rng.uniform(-0.05, 0.05, (count, 2 * (order + 1))) * TALLEST,
    )


def exact(parameters: SpectralParameters, basis: Basis = BASIS) -> np.ndarray:
    return simulate(parameters, basis, dtype=np.complex128)


def errors(fit, truth: SpectralParameters) -> dict[str, float]:
    """Largest error of each parameter; relative for concentrations, and for the baseline relative to a peak."""
    found = fit.parameters
    values = {name: np.abs(getattr(found, name) - getattr(truth, name)).max() for name in ("gamma", "sigma", "eps")}
    values["phi0"] = np.abs(np.angle(np.exp(1j * (found.phi0 - truth.phi0)))).max()
    values["phi1"] = np.abs(found.phi1 - truth.phi1).max()
    values["concentrations"] = np.abs(found.concentrations / truth.concentrations - 1).max()
    values["baseline"] = np.abs(found.baseline - truth.baseline).max() / TALLEST
    print({name: f"{value:.0e}" for name, value in values.items()})
    return values


def assert_within(found: dict[str, float], tolerances: dict[str, float]):
    assert {name: value for name, value in found.items() if value > tolerances[name]} == {}


FLOAT64 = {
    "concentrations": 1e-8, "gamma": 1e-6, "sigma": 1e-6, "eps": 1e-6, "phi0": 1e-8, "phi1": 1e-10, "baseline": 1e-9,
}  # fmt: skip
FLOAT32 = {
    "concentrations": 1e-5, "gamma": 1e-3, "sigma": 1e-3, "eps": 1e-3, "phi0": 1e-5, "phi1": 1e-7, "baseline": 1e-6,
}  # fmt: skip


@pytest.mark.parametrize(("dtype", "tolerances"), [(np.complex128, FLOAT64), (np.complex64, FLOAT32)])
def test_every_parameter_of_300_prior_draws_is_recovered(dtype, tolerances):
    truth = PRIOR.draw(BASIS, 0, 300, seed=3)
    fit = fit_spectra(simulate(truth, BASIS, dtype=dtype), BASIS)
    assert_within(errors(fit, truth), tolerances)
    assert fit.converged.all()
    assert fit.residual.max() < (1e-10 if dtype == np.complex128 else 2e-7)


@pytest.mark.parametrize(
    "ranges",
    [
        {"gamma": (45, 45), "sigma": (35, 35)},
        {"gamma": (60, 60), "sigma": (0.5, 50)},
        {"gamma": (0, 60), "sigma": (0.5, 50), "eps": (-50, 50)},
    ],
    ids=["broad", "very_broad", "any_width_and_shift"],
)
def test_spectra_outside_the_prior_are_recovered(ranges):
    truth = drawn(100, **ranges)
    fit = fit_spectra(exact(truth), BASIS)
    assert_within(errors(fit, truth), FLOAT64)
    assert fit.converged.all()


def test_lines_without_any_width_of_their_own_are_recovered():
    truth = drawn(64, gamma=(0, 0), sigma=(0, 0))
    fit = fit_spectra(exact(truth), BASIS)
    # The spectrum depends on sigma^2: an error of 1e-8 in it is one of 1e-4 in sigma.
    assert_within(errors(fit, truth), FLOAT64 | {"sigma": 1e-3})


def test_phi0_is_in_the_circle_and_the_total_concentration_positive():
    truth = drawn(100)
    truth = dataclasses.replace(truth, concentrations=truth.concentrations * [1, -0.05])
    fit = fit_spectra(exact(truth), BASIS)
    assert_within(errors(fit, truth), FLOAT64 | {"concentrations": 1e-6})
    assert np.abs(fit.parameters.phi0).max() <= np.pi
    assert np.all(fit.parameters.concentrations.sum(axis=1) > 0)


@pytest.mark.parametrize("order", [0, 2, 6])
def test_baseline_of_another_order_is_recovered(order):
    truth = drawn(32, order=order)
    assert_within(errors(fit_spectra(exact(truth), BASIS, baseline_order=order), truth), FLOAT64)


@pytest.mark.parametrize(
    "acquisition",
    [Acquisition(123.2, 2000.0, 1024), Acquisition(298.0, 6000.0, 3001), Acquisition(123.2, ppm_window=(1.5, 5.5))],
    ids=["half_the_band", "7_tesla_odd_points", "window_over_the_middle"],
)
def test_three_metabolites_are_recovered_from_any_acquisition(acquisition):
    basis = simulate_press(["NAA", "PCr", "Lac"], acquisition)
    truth = drawn(32, metabolites=3)
    fit = fit_spectra(exact(truth, basis), basis)
    assert_within(errors(fit, truth), FLOAT64)


def test_twenty_one_overlapping_metabolites_are_recovered():
    acquisition, rng = Acquisition(), np.random.default_rng(0)
    lines_hz = (rng.uniform(0.8, 4.0, (21, 4)) - 4.65) * acquisition.spectrometer_frequency_mhz
    time = np.arange(acquisition.points) / acquisition.bandwidth_hz
    fids = np.exp((2j * lines_hz[:, :, None] - 2) * np.pi * time).sum(axis=1).T
    basis = Basis([f"M{j}" for j in range(21)], fids, acquisition)
    truth = drawn(16, metabolites=21)
    assert_within(errors(fit_spectra(exact(truth, basis), basis), truth), FLOAT64 | {"concentrations": 1e-6})


def test_fitted_spectrum_is_the_forward_model_at_the_reported_parameters():
    spectra = simulate(PRIOR.draw(BASIS, 0, 20, seed=1), BASIS, snr=30, dtype=np.complex128)
    fit = fit_spectra(spectra, BASIS)
    model = forward_model(fit.parameters, BASIS.scaled(), metabolite_groups=[0, 0])[:, BASIS.acquisition.window]
    np.testing.assert_allclose(fit.fitted, model, rtol=0, atol=1e-10 * np.abs(model).max())
    distance = np.linalg.norm(spectra - model, axis=1) / np.linalg.norm(spectra, axis=1)
    np.testing.assert_allclose(fit.residual, distance, rtol=1e-10)


@pytest.mark.parametrize("phi1_limit", [0.0, 1e-5, 1e-2])
def test_optimum_in_noise_is_that_of_scipy_over_all_parameters(phi1_limit):
    truth = PRIOR.draw(BASIS, 0, 3, seed=5)
    spectra = simulate(truth, BASIS, snr=20, dtype=np.complex128)
    fit = fit_spectra(spectra, BASIS, phi1_limit=phi1_limit)
    assert np.abs(fit.parameters.phi1).max() <= phi1_limit
    scaled, window, limit = BASIS.scaled(), BASIS.acquisition.window, max(phi1_limit, 1e-12)
    units = np.array([10, 10, 10, 10, 10, 1, limit, *[0.05 * TALLEST] * 10])
    lower, upper = np.full((2, 17), [[-np.inf], [np.inf]])
    lower[2:4], lower[6], upper[6] = 0, -1, 1

    def parameters(x):
        c, (gamma, sigma, eps, phi0, phi1), b = np.split(x * units, [2, 7])
        return SpectralParameters(c[None], [gamma], [sigma], [eps], [phi0], [phi1], b[None])

    for k, spectrum in enumerate(spectra):

        def difference(x, spectrum=spectrum):
            return (forward_model(parameters(x), scaled)[0, window] - spectrum).view(np.float64)

        start = np.concatenate([np.ravel(getattr(truth[k : k + 1], f.name)) for f in dataclasses.fields(truth)])
        x0 = np.clip(start / units, lower, upper)
        oracle = scipy.optimize.least_squares(difference, x0, bounds=(lower, upper), xtol=1e-12, ftol=1e-12, gtol=1e-12)
        ours = fit.residual[k] * np.linalg.norm(spectrum)
        assert ours == pytest.approx(np.sqrt(2 * oracle.cost), rel=1e-6)
        np.testing.assert_allclose(fit.parameters.concentrations[k], parameters(oracle.x).concentrations[0], rtol=1e-3)


def test_estimates_in_noise_are_unbiased_and_as_precise_as_the_cramer_rao_bound():
    count, snr = 600, 50.0
    one = {"gamma": 12.0, "sigma": 12.0, "eps": 5.0, "phi0": 0.4}
    columns = {name: np.full(count, value) for name, value in one.items()}
    baseline = np.full((count, 10), 0.01 * TALLEST)
    truth = SpectralParameters(np.tile([12.0, 4.0], (count, 1)), **columns, phi1=np.zeros(count), baseline=baseline)
    noise_sigma = np.abs(exact(dataclasses.replace(truth[:1], baseline=None))).max() / snr
    spectra = simulate(truth, BASIS, noise_sigma=noise_sigma, seed=9)
    fit = fit_spectra(spectra, BASIS, phi1_limit=0.0)

    # Jacobian of the model by central differences: columns NAA, PCr, gamma, sigma, eps, phi0, baseline.
    centre = np.array([12.0, 4.0, *one.values(), *truth.baseline[0]])
    jacobian = []
    for j, h in enumerate([1e-4] * 6 + [1e-2] * 10):
        ends = np.stack([centre + h * np.eye(16)[j], centre - h * np.eye(16)[j]])
        ends = SpectralParameters(ends[:, :2], *ends[:, 2:6].T, np.zeros(2), ends[:, 6:])
        jacobian.append(np.subtract(*exact(ends)).view(np.float64) / (2 * h))
    bound = noise_sigma * np.sqrt(np.diag(np.linalg.inv(np.array(jacobian) @ np.array(jacobian).T)))

    found = fit.parameters
    estimates = np.column_stack([found.concentrations, *(getattr(found, name) for name in one), found.baseline])
    z = (estimates.mean(axis=0) - centre) / (bound / np.sqrt(count))
    ratio = estimates.std(axis=0) / bound
    print("bias / standard error", np.round(z, 1), "standard deviation / bound", np.round(ratio, 2))
    assert np.abs(z).max() < 4
    assert np.abs(ratio - 1).max() < 4 / np.sqrt(2 * count)
    # What is left over is noise: 504 real numbers less 16 fitted ones.
    freedom = (np.abs(fit.fitted - spectra) ** 2).sum(axis=1) / noise_sigma**2
    assert freedom.mean() == pytest.approx(504 - 16, abs=4 * np.sqrt(2 * 488 / count))


def test_mean_error_over_the_prior_is_within_its_statistical_bounds():
    truth = PRIOR.draw(BASIS, 0, 500, seed=7)
    fit = fit_spectra(simulate(truth, BASIS, snr=50), BASIS)
    assert fit.converged.all()
    for name in ("concentrations", "eps", "phi0"):  # gamma and sigma stop at 0, so their errors are lopsided
        error = getattr(fit.parameters, name) - getattr(truth, name)
        assert np.all(np.abs(error.mean(axis=0)) < 4 * error.std(axis=0) / np.sqrt(len(error))), name


@pytest.mark.parametrize(
    "truth",
    [PRIOR.draw(BASIS, 0, 300, seed=1), drawn(100, gamma=(0, 2), sigma=(0, 2), eps=(-50, 50))],
    ids=["prior", "narrow_and_shifted"],
)
def test_fit_converges_in_high_noise_no_farther_away_than_the_truth(truth):
    spectra = simulate(truth, BASIS, snr=10, dtype=np.complex128)
    fit = fit_spectra(spectra, BASIS, max_iterations=60)
    distance_of_truth = np.linalg.norm(spectra - exact(truth), axis=1) / np.linalg.norm(spectra, axis=1)
    assert fit.converged.all()
    assert np.all(fit.residual < distance_of_truth)


def test_residual_is_the_distance_of_a_spectrum_that_leaves_the_model():
    truth = PRIOR.draw(BASIS, 0, 40, seed=8)
    spectra = exact(truth)
    line = np.zeros(BASIS.acquisition.window_points)
    line[100] = TALLEST  # a peak that no metabolite has
    residual = fit_spectra(spectra + line, BASIS).residual
    assert np.all(residual > 0.1)
    assert np.all(residual <= TALLEST / np.linalg.norm(spectra + line, axis=1))


def test_what_is_no_spectrum_gets_a_large_residual_and_finite_parameters():
    rng, points = np.random.default_rng(0), BASIS.acquisition.window_points
    spectra = np.concatenate(
        [
            rng.normal(size=(8, 2 * points)).view(np.complex128),
            np.eye(points, dtype=complex)[[0, 60, 120]],
            np.exp(0.3j * np.arange(points) ** 1.5)[None],
        ]
    )
    fit = fit_spectra(spectra, BASIS)
    assert np.all((fit.residual > 0.6) & (fit.residual <= 1))
    for field in dataclasses.fields(fit.parameters):
        assert np.isfinite(getattr(fit.parameters, field.name)).all()


def test_a_pure_baseline_is_fitted_without_metabolites():
    spectra = exact(dataclasses.replace(drawn(4), concentrations=np.zeros((4, 2))))
    fit = fit_spectra(spectra, BASIS)
    assert fit.residual.max() < 1e-12
    assert np.abs(fit.parameters.concentrations).max() < 1e-9


def test_result_does_not_depend_on_the_division_into_batches_or_chunks(monkeypatch):
    spectra = simulate(PRIOR.draw(BASIS, 0, 30, seed=2), BASIS, snr=30)
    together = fit_spectra(spectra, BASIS)
    monkeypatch.setattr(spectral_fit, "CHUNK", 7)
    chunked = fit_spectra(spectra, BASIS)
    for other, rows in ((chunked, slice(None)), (fit_spectra(spectra[11:12], BASIS), slice(11, 12))):
        np.testing.assert_allclose(other.residual, together.residual[rows], rtol=1e-9)
        for field in dataclasses.fields(SpectralParameters):
            expected = getattr(together.parameters[rows], field.name)
            received = getattr(other.parameters, field.name)
            np.testing.assert_allclose(received, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


def test_memory_layout_and_scale_of_the_input_do_not_matter():
    spectra = exact(drawn(5))
    expected = fit_spectra(spectra, BASIS).parameters
    for factor, array in ((1, np.asfortranarray(spectra)), (1, np.repeat(spectra, 2, 1)[:, ::2]), (1e9, spectra * 1e9)):
        found = fit_spectra(array, BASIS).parameters
        np.testing.assert_allclose(found.concentrations, factor * expected.concentrations, rtol=1e-8)
        np.testing.assert_allclose(found.gamma, expected.gamma, atol=1e-6)


def test_a_fit_that_is_stopped_early_says_so():
    spectra = exact(drawn(5))
    fit = fit_spectra(spectra, BASIS, max_iterations=1)
    assert not fit.converged.any()
    assert np.all(fit.residual < 0.5)


GOOD = np.ones((2, 252), np.complex64)


@pytest.mark.parametrize(
    ("spectra", "message"),
    [
        (np.full((2, 252), complex(np.nan, 0)), "`spectra` must be finite"),
        (np.full((2, 252), complex(0, np.inf)), "`spectra` must be finite"),
        (GOOD[:, :251], r"Expected shape: \(batch, 252\).*Received: shape \(2, 251\)"),
        (GOOD[0], r"Received: shape \(252,\).*give one spectrum as `spectrum\[None\]`"),
        (GOOD[:0], r"at least one spectrum.*Received: shape \(0, 252\)"),
        (np.ones((2, 252, 2), np.float32), r"Received: shape \(2, 252, 2\), dtype float32.*channels_to_complex"),
        (np.ones((2, 252)), "must be a complex array.*dtype float64"),
        (GOOD * [[1], [0]], "must not hold a spectrum of zeros.*Received 1, the first at index 1"),
    ],
    ids=["nan", "infinity", "points", "one_spectrum", "empty", "channels", "real", "zeros"],
)
def test_bad_spectra_are_refused_with_a_remedy(spectra, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit_spectra(spectra, BASIS)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"baseline_order": -1}, "`baseline_order` must be a whole number of at least 0.*Received: baseline_order=-1"),
        ({"baseline_order": 260}, "window is too small.*Lower `baseline_order`"),
        ({"phi1_limit": -1e-5}, "`phi1_limit` must be at least 0 rad/Hz.*Received: phi1_limit=-1e-05"),
        ({"phi1_limit": np.nan}, "`phi1_limit` must be finite"),
        ({"max_iterations": 0}, "`max_iterations` must be a whole number of at least 1"),
    ],
)
def test_bad_options_are_refused_with_a_remedy(options, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        fit_spectra(GOOD, BASIS, **options)


def test_metabolites_that_cannot_be_told_apart_are_refused():
    twice = Basis(("NAA", "copy"), BASIS.fids[:, [0, 0]], BASIS.acquisition)
    with pytest.raises(ValueError, match=r"must differ.*\('NAA', 'copy'\).*`Basis.select`"):
        fit_spectra(GOOD, twice)
