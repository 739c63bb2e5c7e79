"""The forward model against analytic results and numpy.fft."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrs_keras import Acquisition, Basis, SpectralParameters, default_basis, forward_model
from mrs_keras.simulation import baseline_polynomials, fid_to_spectrum, spectrum_to_fid
from mrs_keras.simulation.line_shapes import metabolite_spectra

ACQUISITION = Acquisition(123.2, 4000.0, 2048)
# Long enough that a line is sampled finely, and without a width of its own.
FINE = Acquisition(123.2, 4000.0, 2**17)
SINGLET = Basis(("singlet",), np.ones((FINE.points, 1)), FINE)


def parameters(basis, **changes) -> SpectralParameters:
    plain = {
        "concentrations": np.ones((1, len(basis.names))),
        **{name: np.zeros(1) for name in ("gamma", "sigma", "eps", "phi0", "phi1")},
    }
    return SpectralParameters(**{**plain, **{name: np.atleast_1d(value) for name, value in changes.items()}})


def full_width_at_half_maximum_hz(spectrum: np.ndarray) -> float:
    # The FID starts one dwell time late, which turns the spectrum's far ends: turned back here.
    real = (spectrum * np.exp(-2j * np.pi * FINE.frequency_axis_hz / FINE.bandwidth_hz)).real
    real -= real.min()
    above = np.flatnonzero(real > real.max() / 2)
    left, right = above[0], above[-1]

    def crossing(low, high):
        return np.interp(real.max() / 2, real[[low, high]], FINE.frequency_axis_hz[[low, high]])

    return crossing(right + 1, right) - crossing(left - 1, left)


@pytest.mark.parametrize("gamma", [5.0, 25.0])
def test_gamma_gives_a_lorentzian_of_gamma_over_pi_hz(gamma):
    width = full_width_at_half_maximum_hz(forward_model(parameters(SINGLET, gamma=gamma), SINGLET)[0])
    assert width == pytest.approx(gamma / np.pi, rel=1e-3)


@pytest.mark.parametrize("sigma", [5.0, 25.0])
def test_sigma_gives_a_gaussian_of_2_sqrt_ln_2_sigma_over_pi_hz(sigma):
    width = full_width_at_half_maximum_hz(forward_model(parameters(SINGLET, sigma=sigma), SINGLET)[0])
    assert width == pytest.approx(2 * np.sqrt(np.log(2)) * sigma / np.pi, rel=1e-3)
    assert width == pytest.approx(0.5300 * sigma, rel=1e-3)


@pytest.mark.parametrize("eps", [-20.0, 20.0])
def test_positive_eps_moves_a_peak_to_lower_ppm(eps):
    spectrum = forward_model(parameters(SINGLET, gamma=5.0, eps=eps), SINGLET)[0]
    peak_ppm = FINE.ppm_axis[np.argmax(spectrum.real)]
    assert peak_ppm - 4.65 == pytest.approx(-eps / (2 * np.pi) / 123.2, abs=3e-4)


def test_the_methyl_peak_of_naa_lies_at_2_01_ppm():
    basis = default_basis().select(["NAA"])
    spectrum = forward_model(parameters(basis, gamma=5.0), basis)[0]
    assert ACQUISITION.ppm_axis[np.argmax(spectrum.real)] == pytest.approx(2.01, abs=0.02)


@given(st.floats(0, 10), st.floats(0, 10))
def test_spectra_are_linear_in_the_concentrations(first, second):
    basis = default_basis()
    shape = {"gamma": 5.0, "sigma": 4.0, "eps": 3.0, "phi0": 0.3, "phi1": 1e-4}
    separate = [
        forward_model(parameters(basis, concentrations=[row], **shape), basis) for row in ([first, 0], [0, second])
    ]
    together = forward_model(parameters(basis, concentrations=[[first, second]], **shape), basis)
    np.testing.assert_allclose(together, sum(separate), atol=1e-12)


@given(st.floats(-3, 3), st.floats(-1e-3, 1e-3))
def test_phase_turns_the_spectrum_and_leaves_the_baseline(phi0, phi1):
    basis = default_basis()
    baseline = np.array([[1.0, 2.0, 3.0, 4.0]])
    plain = forward_model(parameters(basis), basis)
    turned = forward_model(parameters(basis, phi0=phi0, phi1=phi1, baseline=baseline), basis)
    expected = plain * np.exp(-1j * (phi0 + phi1 * ACQUISITION.frequency_axis_hz))
    expected += (1 + 2j) * baseline_polynomials(ACQUISITION, 1)[:, 0] + (3 + 4j) * baseline_polynomials(ACQUISITION, 1)[
        :, 1
    ]
    np.testing.assert_allclose(turned, expected, atol=1e-11)


def test_fid_and_spectrum_are_those_of_numpy_fft_and_undo_each_other():
    rng = np.random.default_rng(0)
    fid = rng.normal(size=(3, 256)) + 1j * rng.normal(size=(3, 256))
    halved = fid * np.where(np.arange(256) == 0, 0.5, 1)
    np.testing.assert_allclose(fid_to_spectrum(fid), np.fft.fftshift(np.fft.fft(halved), axes=-1) / 16, atol=1e-13)
    np.testing.assert_allclose(spectrum_to_fid(fid_to_spectrum(fid)), fid, atol=1e-13)


@pytest.mark.parametrize("order", range(7))
def test_baseline_polynomials_are_orthogonal_to_constants_inside_the_window(order):
    polynomials = baseline_polynomials(ACQUISITION, order)
    window = ACQUISITION.window
    assert polynomials.shape == (2048, order + 1)
    assert not polynomials[: window.start].any()
    assert not polynomials[window.stop :].any()
    np.testing.assert_allclose(polynomials[window, 0], 1)
    # Over the whole band the polynomials are Legendre's, scaled to a leading coefficient of 1.
    whole = baseline_polynomials(ACQUISITION, order, ppm_limits=None)
    legendre = np.polynomial.legendre.Legendre.basis(order)(np.linspace(-1, 1, 2048))
    leading = np.polynomial.legendre.leg2poly([0] * order + [1])[-1]
    np.testing.assert_allclose(whole[:, order], legendre / leading, atol=2e-3)
    products = whole.T @ whole
    np.testing.assert_allclose(products - np.diag(np.diag(products)), 0, atol=1e-10)


@pytest.mark.parametrize("order", range(7))
def test_baseline_polynomials_are_those_of_gram_and_schmidt_in_long_double(order):
    inside = ACQUISITION.window
    x = np.zeros(2048, np.longdouble)
    x[inside] = np.linspace(-1, 1, inside.stop - inside.start)
    orthogonal = []
    for power in range(order + 1):
        polynomial = x**power
        for _ in range(2):  # twice is enough
            for lower in orthogonal:
                polynomial = polynomial - lower * (lower @ polynomial) / (lower @ lower)
        orthogonal.append(polynomial)
    expected = np.zeros((2048, order + 1))
    expected[inside] = np.stack(orthogonal, axis=1)[inside]
    np.testing.assert_allclose(baseline_polynomials(ACQUISITION, order), expected, atol=1e-12)


def test_metabolites_of_a_group_share_their_line_shape():
    basis = default_basis()
    values = {"concentrations": [[2.0, 3.0]], "gamma": [[5.0, 9.0]], "sigma": [[1.0, 2.0]], "eps": [[3.0, -4.0]]}
    grouped = SpectralParameters(**values, phi0=np.zeros(1), phi1=np.zeros(1))
    alone = [
        forward_model(
            dataclasses.replace(
                grouped, concentrations=c, **{k: getattr(grouped, k)[:, [j]] for k in ("gamma", "sigma", "eps")}
            ),
            basis,
        )
        for j, c in enumerate(([[2.0, 0.0]], [[0.0, 3.0]]))
    ]
    np.testing.assert_allclose(forward_model(grouped, basis), sum(alone), atol=1e-12)


@pytest.mark.parametrize("points", [65, 512, 999])
@pytest.mark.parametrize("ppm_window", [(0.2, 4.2), (4.0, 5.5), (5.0, 9.0)])
def test_spectra_are_those_of_the_formula_written_plainly(points, ppm_window):
    rng = np.random.default_rng(points)
    acquisition = Acquisition(123.2, 2000.0, points, ppm_window)
    basis = Basis(("A", "B", "C"), rng.normal(size=(points, 3)) + 1j * rng.normal(size=(points, 3)), acquisition)
    gamma, sigma = rng.uniform(0, 30, (2, 5, 2))
    c, eps = rng.uniform(0, 9, (5, 3)), rng.uniform(-50, 50, (5, 2))
    phi0, phi1 = rng.uniform(-40, 40, 5), rng.uniform(-1e-2, 1e-2, 5)
    time, nu, groups = acquisition.time_axis_s, acquisition.frequency_axis_hz, [1, 0, 1]
    expected = []
    for k in range(5):
        lines = np.exp(-(gamma[k] + 1j * eps[k]) * time[:, None] - (sigma[k] * time[:, None]) ** 2)
        fid = (basis.fids * c[k] * lines[:, groups]).sum(axis=1)
        fid[0] /= 2
        spectrum = np.fft.fftshift(np.fft.fft(fid)) / np.sqrt(points)
        expected.append(spectrum * np.exp(-1j * (phi0[k] + phi1[k] * nu)))
    given = SpectralParameters(c, gamma, sigma, eps, phi0, phi1)
    spectra = forward_model(given, basis, metabolite_groups=groups)
    np.testing.assert_allclose(spectra, expected, atol=1e-12 * np.abs(expected).max())
    single = forward_model(given, basis, metabolite_groups=groups, dtype=np.complex64)
    assert np.linalg.norm(single - expected) < 1e-6 * np.linalg.norm(expected)
    window = metabolite_spectra(given, slice(1, 4), basis, groups, acquisition.window, np.complex128)
    np.testing.assert_array_equal(window, spectra[1:4, acquisition.window])


def test_parameters_of_other_metabolites_are_refused():
    with pytest.raises(ValueError, match=r"one concentration per metabolite.*Expected: 2 \(NAA, PCr\)"):
        forward_model(parameters(SINGLET), default_basis())


@pytest.mark.parametrize("groups", [[0], [0, 2], [1, 1], [0, 1, 0]])
def test_groups_that_do_not_fit_are_refused(groups):
    with pytest.raises(ValueError, match=r"`metabolite_groups` must give each metabolite"):
        forward_model(parameters(default_basis()), default_basis(), metabolite_groups=groups)


@pytest.mark.parametrize("name", ["concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline"])
def test_nan_in_a_parameter_is_refused(name):
    values = {"concentrations": [[1.0, np.nan]], "baseline": [[np.nan, 0.0]]}.get(name, np.nan)
    with pytest.raises(ValueError, match=f"`{name}` must be finite"):
        parameters(default_basis(), **{name: values})


def test_negative_decay_rates_and_wrong_shapes_are_refused():
    with pytest.raises(ValueError, match="must not be negative"):
        parameters(SINGLET, gamma=-1.0)
    with pytest.raises(ValueError, match=r"`phi0` does not fit.*Expected shape \(1,\)"):
        parameters(SINGLET, phi0=[0.0, 1.0])
    with pytest.raises(ValueError, match="A single spectrum is a batch of 1"):
        SpectralParameters([[1.0]], gamma=1.0, sigma=1.0, eps=0.0, phi0=0.0, phi1=0.0)
    with pytest.raises(ValueError, match="A single spectrum is a batch of 1"):
        parameters(SINGLET, concentrations=[1.0])
    with pytest.raises(ValueError, match="`baseline` does not fit"):
        parameters(SINGLET, baseline=[[1.0, 2.0, 3.0]])
    with pytest.raises(ValueError, match="`order` must be a whole number of at least 0"):
        baseline_polynomials(ACQUISITION, -1)
