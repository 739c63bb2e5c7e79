"""Whole FIDs, seen through numpy.fft alone."""

import dataclasses

import numpy as np
import pytest
import scipy.stats

from mrs_keras import CVAE, Acquisition, SpectralParameters, default_basis
from mrs_keras.generation import open_export
from mrs_keras.generation.blocks import blocks_of
from mrs_keras.generation.causal_continuation import causal_continuation
from mrs_keras.generation.source import open_source
from mrs_keras.generation.whole_fids import whole_fids
from mrs_keras.simulation import forward_model, spectrum_to_fid

ACQUISITION = Acquisition()
WINDOW = ACQUISITION.window


def spectra_of(fids):
    """How FSL-MRS makes spectra of FIDs, (rows, points), with numpy alone."""
    fids = np.array(fids, np.complex128)
    fids[:, 0] /= 2
    return np.fft.fftshift(np.fft.fft(fids, axis=1), axes=1) / np.sqrt(fids.shape[1])


def complex_of(channels):
    return channels[..., 0].astype(np.float64) + 1j * channels[..., 1]


def white(rows, points, sigma, seed=0):
    return sigma * (np.random.default_rng(seed).normal(size=(rows, points, 2)) @ [1, 1j])


def brain_like(rows=8, acquisition=ACQUISITION):
    """Noiseless spectra of the whole band, from the forward model."""
    rng = np.random.default_rng(0)
    parameters = SpectralParameters(
        concentrations=rng.uniform(3, 15, (rows, 2)),
        gamma=rng.uniform(5, 15, rows),
        sigma=rng.uniform(2, 15, rows),
        eps=np.zeros(rows),
        phi0=rng.uniform(-1, 1, rows),
        phi1=np.zeros(rows),
    )
    return forward_model(parameters, dataclasses.replace(default_basis(), acquisition=acquisition))


@pytest.mark.parametrize("taper_ppm", [0.0, 1.0, 3.0, None])
def test_the_window_shows_exactly_the_given_spectra(taper_ppm):
    spectra = white(3, ACQUISITION.window_points, 1.0).astype(np.complex64)
    seen = spectra_of(whole_fids(spectra, ACQUISITION, noise_sigma=np.full(3, 1.0), taper_ppm=taper_ppm))
    assert np.abs(seen[:, WINDOW] - spectra).max() < 2e-6 * max(1, np.abs(seen).max())


@pytest.mark.parametrize("regularisation", [1e-1, 1e-3])
def test_the_continuation_is_the_regularised_least_squares_fit_of_a_causal_fid(regularisation, monkeypatch):
    """Oracle: the same fit, by numpy.linalg.lstsq of a Fourier matrix, for a FID with few points."""
    monkeypatch.setattr("mrs_keras.generation.causal_continuation.REGULARISATION", regularisation)
    # An acquisition for each, since the map of an acquisition is kept.
    acquisition = Acquisition(points=256, ppm_window=(0.0, 4.5 - regularisation))
    window, kept = acquisition.window, 224
    fourier = np.fft.fftshift(np.fft.fft(np.eye(256)), axes=0)[:, :kept] / 16
    fourier[:, 0] /= 2
    spectra = white(4, acquisition.window_points, 1.0)
    weight = np.sqrt(regularisation) * np.linalg.norm(fourier[window], 2)
    stacked = np.concatenate([fourier[window], weight * np.eye(kept)])
    wanted = np.linalg.lstsq(stacked, np.pad(spectra, ((0, 0), (0, kept))).T, rcond=None)[0]
    expected = (np.delete(fourier, np.r_[window], axis=0) @ wanted).T
    assert np.abs(causal_continuation(spectra, acquisition) - expected).max() < 1e-4 * np.abs(spectra).max()


def test_the_signal_falls_from_the_edge_to_zero_as_half_a_cosine():
    spectra = white(2, ACQUISITION.window_points, 1.0).astype(np.complex64)
    seen = spectra_of(whole_fids(spectra, ACQUISITION))
    beyond = np.arange(1, 200) * np.diff(ACQUISITION.ppm_axis)[0]
    cosine = np.where(beyond < 1.0, 0.5 * (1 + np.cos(np.pi * beyond)), 0.0)
    above = seen[:, WINDOW.stop :][:, :199] / spectra[:, -1:]
    below = seen[:, : WINDOW.start][:, ::-1][:, :199] / spectra[:, :1]
    for outside in (above, below):
        assert np.abs(outside - cosine).max() < 0.02  # half a point of 64


@pytest.mark.parametrize(("points", "ppm"), [(512, (0.2, 4.2)), (2048, (-1.0, 4.3))])
def test_a_window_up_to_the_end_of_the_band_is_tapered_as_far_as_there_is_room(points, ppm):
    acquisition = Acquisition(bandwidth_hz=1450.0, points=points, ppm_window=ppm)
    spectra = white(2, acquisition.window_points, 1.0).astype(np.complex64)
    seen = spectra_of(whole_fids(spectra, acquisition, taper_ppm=5.0))
    assert np.abs(seen[:, acquisition.window] - spectra).max() < 1e-5
    assert np.isfinite(seen).all()


def test_noise_outside_is_white_with_the_sigma_of_each_spectrum(measured):
    rows, sigma = 64, np.linspace(0.5, 4.0, 64)
    spectra = (white(rows, ACQUISITION.window_points, 1.0) * sigma[:, None]).astype(np.complex64)
    silent = np.zeros_like(spectra)
    fids = whole_fids(spectra, ACQUISITION, signal=silent, noise_sigma=sigma, seed=3)
    noise = spectra_of(fids) / sigma[:, None]
    outside = np.ascontiguousarray(np.delete(noise, np.r_[WINDOW], axis=1))
    parts = {"inside": noise[:, WINDOW], "outside": outside, "in time": fids[:, 1:] / sigma[:, None]}
    for name, part in parts.items():
        numbers = np.ascontiguousarray(part).view(float).ravel()
        off = abs(numbers.std() - 1) * np.sqrt(2 * numbers.size)
        measured(f"noise of whole FIDs, {name}: sigma {numbers.std():.4f} of the requested one, {off:.1f} errors off")
        assert off < 4
    numbers = outside.view(float).ravel()
    assert scipy.stats.kstest(numbers, "norm").pvalue > 1e-3
    neighbours = np.vdot(outside[:, :-1], outside[:, 1:]) / np.vdot(outside, outside).real
    assert abs(neighbours) < 4 / np.sqrt(outside.size)


def test_the_noise_of_a_row_depends_on_the_seed_and_the_row_alone():
    spectra, sigma = np.zeros((6, ACQUISITION.window_points), np.complex64), np.ones(6)
    whole = whole_fids(spectra, ACQUISITION, noise_sigma=sigma, seed=1)
    part = whole_fids(spectra[2:4], ACQUISITION, noise_sigma=sigma[2:4], seed=1, start=2)
    np.testing.assert_array_equal(whole[2:4], part)
    other = whole_fids(spectra, ACQUISITION, noise_sigma=sigma, seed=2)
    assert abs(np.vdot(whole, other)) < 0.05 * np.vdot(whole, whole).real
    assert np.abs(whole_fids(spectra, ACQUISITION)).max() == 0


@pytest.mark.parametrize("ppm", [(0.2, 4.2), (-1.0, 4.3)])
def test_continued_fids_begin_at_0_and_have_decayed_at_their_end(ppm, measured):
    acquisition = Acquisition(ppm_window=ppm)
    true = brain_like(acquisition=acquisition)
    inside = true[:, acquisition.window].astype(np.complex64)
    cut = np.zeros_like(true)
    cut[:, acquisition.window] = inside
    fids = {
        "cut off": spectrum_to_fid(cut),
        "tapered": whole_fids(inside, acquisition),
        "continued": whole_fids(inside, acquisition, taper_ppm=None),
    }
    ends = {
        name: np.median(np.linalg.norm(each[:, -256:], axis=1) / np.linalg.norm(each, axis=1))
        for name, each in fids.items()
    }
    measured(f"last eighth of FIDs of {ppm} ppm, of their norm: " + ", ".join(f"{k} {v:.4f}" for k, v in ends.items()))
    assert ends["continued"] < 0.001 < 0.05 < ends["tapered"] < ends["cut off"]
    tallest = np.abs(np.delete(spectra_of(fids["continued"]), np.r_[acquisition.window], axis=1)).max(axis=1)
    assert np.all(tallest < 0.5 * np.abs(inside).max(axis=1))


@pytest.fixture(scope="module")
def noisy_model():
    """A model whose spectra have noise, of a sigma that depends on the latents."""
    description = {"labels": {"names": ["NAA", "PCr"], "ranges": [[7.5, 17.0], [3.0, 5.5]]}}
    model = CVAE(
        {**description["labels"], "units": ["mM", "mM"], "quantity": "concentration"},
        ACQUISITION,
        1000.0,
        latent_dim=4,
        hidden_units=(16,),
        decoder_variance="learned",
    )
    kernel = model.noise_variance.get_layer("log_variance").kernel
    kernel.assign(0.5 * np.random.default_rng(0).normal(size=kernel.shape))
    return model


@pytest.mark.parametrize("kind", ["model", pytest.param("export", marks=pytest.mark.slow)])
def test_sigma_is_that_of_the_noise_network(noisy_model, kind, tmp_path, measured):
    if kind == "export":
        noisy_model.export(tmp_path / "exports")
    source = open_source(noisy_model) if kind == "model" else open_export(tmp_path / "exports")
    concentrations = np.tile(np.float32([12.0, 4.5]), (1024, 1))
    (block,) = blocks_of(source, 1024, lambda a, b: concentrations[a:b], seed=5, whole_band=True)
    variance = noisy_model.noise_variance({"z": block["z"], "concentrations": concentrations}).numpy()[:, 0]
    expected = 1000.0 * np.sqrt(variance)
    error = np.abs(block["noise_sigma"] / expected - 1).max()
    measured(f"sigma of generated spectra, {kind}: off by {error:.1e}")
    assert error < 1e-4
    assert expected.max() > 1.5 * expected.min()
    signal = source.decode(block["z"], concentrations)
    noise = block["fid"] - whole_fids(complex_of(signal), ACQUISITION)
    noise = np.delete(spectra_of(noise), np.r_[WINDOW], axis=1)
    ratio = noise.real.std(axis=1) / expected
    assert np.abs(ratio - 1).max() < 5 / np.sqrt(2 * noise.shape[1])


def test_an_export_with_other_noise_still_tells_its_sigma(noisy_model):
    source = open_source(noisy_model)
    concentrations = np.tile(np.float32([12.0, 4.5]), (64, 1))
    seeds = np.arange(64, dtype=np.int64)
    generated = source.generate(concentrations, seeds)
    signal = source.decode(generated["z"], concentrations)
    other = {**generated, "spectrum": signal + np.random.default_rng(0).normal(0, 80, signal.shape).astype(np.float32)}
    _, sigma = source.signal_and_sigma(other, concentrations, seeds)
    assert np.abs(sigma / 80 - 1).max() < 5 / np.sqrt(2 * 504)


def test_coarse_rounding_is_not_taken_for_noise(source):
    concentrations, seeds = np.full((8, 2), 5, np.float32), np.arange(8, dtype=np.int64)
    generated = source.generate(concentrations, seeds)
    coarse = generated["spectrum"] * np.random.default_rng(0).normal(1, 3e-4, generated["spectrum"].shape)
    source = dataclasses.replace(source, decode=lambda z, concentrations: coarse.astype(np.float32))
    signal, sigma = source.signal_and_sigma(generated, concentrations, seeds)
    assert not sigma.any()
    np.testing.assert_array_equal(signal, generated["spectrum"])


def test_a_model_without_noise_has_none(source):
    (block,) = blocks_of(source, 3, lambda a, b: np.full((b - a, 2), 5, np.float32), seed=0, whole_band=True)
    assert block["noise_sigma"].tolist() == [0, 0, 0]
    again = whole_fids(complex_of(block["spectrum"]), ACQUISITION)
    assert np.abs(block["fid"] - again).max() < 1e-5 * np.abs(again).max()


def test_residual_water_lies_at_water_with_the_height_that_the_header_tells(source):
    def block_of(**options):
        concentrations = np.full((300, 2), 5, np.float32)
        return next(iter(blocks_of(source, 300, lambda a, b: concentrations[a:b], 0, whole_band=True, **options)))

    plain, block = block_of(), block_of(residual_water=(2.0, 8.0))
    water = spectra_of(block["fid"] - plain["fid"])
    tallest = np.abs(complex_of(block["spectrum"])).max(axis=1)
    heights = np.array([row["ResidualWater"]["water_height"] for row in block["truth"]])
    largest = heights.max(axis=1) / tallest
    assert 2.0 <= largest.min() < 2.2 < 7.8 < largest.max() <= 8.0
    np.testing.assert_array_equal(heights.argmax(axis=1), 0)
    peaks = ACQUISITION.ppm_axis[np.abs(water).argmax(axis=1)]
    assert np.abs(peaks - 4.65).max() < 0.15
    # Lines overlap and interfere: the peak of the sum lies between nothing and the sum of the heights.
    assert np.all(np.abs(water).max(axis=1) < 1.01 * heights.sum(axis=1))
    np.testing.assert_array_equal(block["spectrum"], plain["spectrum"])


@pytest.mark.parametrize("taper_ppm", [-1.0, float("nan")])
def test_a_taper_of_no_width_at_all_is_refused(taper_ppm):
    with pytest.raises(ValueError, match="`taper_ppm` must be at least 0"):
        whole_fids(np.zeros((1, 252), np.complex64), ACQUISITION, taper_ppm=taper_ppm)


def test_spectra_of_another_window_are_refused():
    with pytest.raises(ValueError, match="Expected 252 points. Received: .1, 250."):
        whole_fids(np.zeros((1, 250), np.complex64), ACQUISITION)
