"""The metric of lines, on the forward model itself as a generator, and the geodesics of a cVAE."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import Prior, default_basis
from mrs_keras.models.geodesic import on_path
from mrs_keras.models.line_metric import LineMetric, line_bends
from mrs_keras.simulation import complex_to_channels, simulate
from tests.models.cvae_test import small_model

BASIS, PRIOR = default_basis(), Prior.from_preset("naa_pcr")
POINTS = BASIS.acquisition.window_points
CONCENTRATIONS = np.float32([[12.0, 4.5]])


def parameters(z):
    """Latents, whose straight lines bend gamma and sigma, to gamma and sigma in 1/s and phi0 in rad."""
    phi0, gamma, sigma = tf.unstack(z, axis=-1)
    bend = phi0**2 - 1.0
    return {"gamma": 13.0 + 6.0 * gamma + 5.0 * bend, "sigma": 13.0 + 8.0 * sigma + 3.0 * gamma**2, "phi0": 1.2 * phi0}


def generator(inputs):
    """The forward model in real arithmetic, without shift and baseline."""
    values = {name: value[:, None] for name, value in parameters(inputs["z"]).items()}
    time = BASIS.acquisition.time_axis_s.astype(np.float32)
    envelope = tf.exp(-values["gamma"] * time - (values["sigma"] * time) ** 2)
    fourier = np.exp(-2j * np.pi * np.outer(np.arange(len(time)), np.fft.fftfreq(len(time)))) / np.sqrt(len(time))
    fourier = np.fft.fftshift(fourier, axes=1)[:, BASIS.acquisition.window].astype(np.complex64)
    signal = [
        inputs["concentrations"] @ part(BASIS.fids.T).astype(np.float32) * envelope for part in (np.real, np.imag)
    ]
    real = signal[0] @ fourier.real - signal[1] @ fourier.imag
    imaginary = signal[0] @ fourier.imag + signal[1] @ fourier.real
    cos, sin = tf.cos(values["phi0"]), tf.sin(values["phi0"])
    return tf.stack([real * cos + imaginary * sin, imaginary * cos - real * sin], axis=-1)


def along(z_a, z_b):
    """Physical parameters along the geodesic and along the straight line, each (11,)."""
    ends = {"z_a": z_a, "z_b": z_b, "concentrations_a": CONCENTRATIONS, "concentrations_b": CONCENTRATIONS}
    bends = tf.function(lambda ends: line_bends(generator, POINTS, ends))({k: tf.constant(v) for k, v in ends.items()})
    alpha = np.linspace(0, 1, 11, dtype=np.float32)[:, None]
    return [
        {name: value.numpy() for name, value in parameters(on_path(z_a, z_b, each, alpha)).items()}
        for each in (bends, tf.zeros_like(bends))
    ]


@pytest.mark.slow
def test_between_two_phases_the_widths_stay_and_the_phase_is_steady():
    geodesic, straight = along(np.float32([[-1, 0, 0]]), np.float32([[1, 0, 0]]))
    assert np.ptp(straight["gamma"]) == pytest.approx(5.0)
    # The weight of the latents keeps a part; gamma less and sigma more change a spectrum little.
    assert np.ptp(geodesic["gamma"]) < 1.25
    assert np.ptp(geodesic["sigma"]) < 0.8
    np.testing.assert_allclose(geodesic["phi0"], np.linspace(-1.2, 1.2, 11), atol=0.02)


@pytest.mark.slow
def test_between_two_widths_gamma_and_sigma_squared_are_steady():
    geodesic, straight = along(np.float32([[1, -1, -1]]), np.float32([[1, 1, 0.5]]))
    for path, largest in ((geodesic, 0.06), (straight, np.inf)):
        for values in (path["gamma"], path["sigma"] ** 2):
            line = np.linspace(values[0], values[-1], 11)
            assert np.abs(values - line).max() < largest * np.ptp(line)
    assert np.abs(straight["sigma"] ** 2 - np.linspace(*straight["sigma"][[0, -1]] ** 2, 11)).max() > 0.1 * 200


def test_a_change_has_the_same_length_whatever_the_width_phase_and_concentration():
    """A change of phase by a hundredth, of narrow and broad, strong and weak lines."""
    draws = PRIOR.draw(BASIS, 0, 20, seed=0)
    draws.baseline[:] = 0
    spectra = simulate(draws, BASIS)
    metric, distances = LineMetric(POINTS), []
    for spectrum in spectra:
        pair = [
            tf.constant(complex_to_channels(each[None]), tf.float32) for each in (spectrum, spectrum * np.exp(0.01j))
        ]
        weights, size = metric.scales(pair[0], pair[0])
        first, second = (metric.features(each, tf.ones_like(weights), size) for each in pair)
        distances.append(np.linalg.norm(second - first))
    assert np.ptp(distances) < 0.01 * np.mean(distances)


def test_a_baseline_leaves_the_features_of_the_lines_alone():
    draws = PRIOR.draw(BASIS, 0, 20, seed=0)
    with_baseline = simulate(draws, BASIS)
    draws.baseline[:] = 0
    spectra = [tf.constant(complex_to_channels(each), tf.float32) for each in (with_baseline, simulate(draws, BASIS))]
    metric = LineMetric(POINTS)
    weights, size = metric.scales(spectra[1], spectra[1])
    first, second = (metric.features(each, weights, size).numpy() for each in spectra)
    baseline = 2 * 5  # its features come last
    assert np.abs(first - second)[:, :-baseline].max() < 0.02
    assert np.abs(first - second)[:, -baseline:].max() > 0.05


@pytest.fixture(scope="module")
def ends():
    random = np.random.default_rng(0)
    z = random.normal(size=(2, 20, 4)).astype(np.float32)
    labels = random.uniform([7.5, 3.0], [17.0, 5.5], (2, 20, 2)).astype(np.float32)
    return [*z, *labels]


@pytest.fixture(scope="module")
def model():
    return small_model()


def test_a_geodesic_has_the_ends_of_the_straight_line(model, ends):
    for alpha, z, concentrations in ((0.0, ends[0], ends[2]), (1.0, ends[1], ends[3])):
        spectrum = model.interpolate(*ends, np.full(20, alpha), path="geodesic")["spectrum"]
        np.testing.assert_array_equal(spectrum, model.decode(z, concentrations)["spectrum"])


@pytest.mark.slow
def test_a_row_is_the_same_in_any_batch_and_in_a_graph(model, ends):
    alpha = np.linspace(0, 1, 20, dtype=np.float32)
    whole = model.interpolate(*ends, alpha, path="geodesic")["spectrum"]
    largest = np.abs(whole).max()
    for row in (1, 10):
        alone = model.interpolate(*(end[[row]] for end in ends), alpha[[row]], path="geodesic")["spectrum"]
        assert np.abs(alone - whole[[row]]).max() < 1e-6 * largest
    names = ("z_a", "z_b", "concentrations_a", "concentrations_b", "alpha")
    inputs = {name: tf.constant(value) for name, value in zip(names, (*ends, alpha), strict=True)}
    graph = tf.function(model.signature_functions()["interpolate_geodesic"])
    in_graph = graph(inputs)["spectrum"].numpy()
    reversed_rows = graph({name: value[::-1] for name, value in inputs.items()})["spectrum"].numpy()
    assert np.abs(in_graph - reversed_rows[::-1]).max() < 1e-6 * largest
    assert np.abs(in_graph - whole).max() < 1e-5 * largest
    assert np.abs(model.interpolate(*ends, alpha)["spectrum"] - whole).max() > 1e-3 * largest


def test_rows_with_the_same_ends_share_a_path(model, ends, monkeypatch):
    alpha = np.linspace(0, 1, 40, dtype=np.float32)
    found = []
    find = model._bends_in_graph
    monkeypatch.setitem(vars(model), "_bends_in_graph", lambda pairs: found.append(len(pairs["z_a"])) or find(pairs))
    shared = model.interpolate(*(np.tile(end[:2], (20, 1)) for end in ends), alpha, path="geodesic")["spectrum"]
    assert found == [2]
    of_one = model.interpolate(*(np.repeat(end[[1]], 20, axis=0) for end in ends), alpha[1::2], path="geodesic")
    np.testing.assert_allclose(shared[1::2], of_one["spectrum"], atol=1e-6 * np.abs(shared).max())


def test_an_unknown_path_is_refused(model, ends):
    with pytest.raises(
        ValueError, match="Unknown `path`. Expected one of: 'straight', 'geodesic'. Received: path='arc'"
    ):
        model.interpolate(*ends, np.zeros(20), path="arc")
