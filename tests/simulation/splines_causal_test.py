"""Baselines of causal signals: splines with the imaginary part that belongs to them."""

import dataclasses
import json

import numpy as np
import pytest

from mrs_keras import Acquisition, Prior, default_basis, simulate
from mrs_keras.simulation import Fixed, Normal, SplineBaseline, spectrum_to_fid
from mrs_keras.simulation.examples import ExampleRecipe
from mrs_keras.simulation.graph.examples import tf_examples

ACQUISITION = Acquisition(127.74, 2000.0, 2048, ppm_window=(-1.0, 4.3))
REAL = SplineBaseline(-1.5, 5.0, 20)
CAUSAL = dataclasses.replace(REAL, causal=True)
INNER = slice(3, 17)  # splines that end smoothly at both ends


def test_real_parts_of_causal_splines_are_the_splines():
    np.testing.assert_array_equal(CAUSAL.regressors(ACQUISITION).real, REAL.regressors(ACQUISITION))


def test_imaginary_parts_are_those_of_signals_that_begin_at_zero():
    # Oracle: the discrete transform of a band 64 times wider, without the half of the FID before t = 0.
    wide = Acquisition(127.74, 64 * 2000.0, 64 * 2048, ppm_window=(-1.0, 4.3))
    fids = np.fft.ifft(np.fft.ifftshift(REAL.regressors(wide), axes=0), axis=0)
    fids[len(fids) // 2 :] = 0
    fids[1:] *= 2
    spectra = np.fft.fftshift(np.fft.fft(fids, axis=0), axes=0)[wide.window, INNER]
    causal = CAUSAL.regressors(ACQUISITION)[ACQUISITION.window, INNER]
    expected = [np.interp(ACQUISITION.window_ppm_axis, wide.window_ppm_axis, each.imag) for each in spectra.T]
    assert np.abs(causal.imag - np.transpose(expected)).max() < 2e-4  # of a spline of height 2/3


def test_the_signal_of_a_causal_baseline_is_dispersive_like_a_line():
    # A Lorentzian line: imaginary part positive below, negative above its centre, in this package's convention.
    line = 1 / (1 + 1j * (ACQUISITION.ppm_axis - 2.0))
    spline = CAUSAL.regressors(ACQUISITION)[:, 10]
    centre = ACQUISITION.ppm_axis[spline.real.argmax()]
    for values, middle in ((line, 2.0), (spline, centre)):
        near = values[np.abs(ACQUISITION.ppm_axis - middle) < 0.3]
        assert near.imag[0] > 0 > near.imag[-1]
    fid = spectrum_to_fid(spline)
    before, after = (np.linalg.norm(part) for part in (fid[1024:], fid[:1024]))
    assert before < 0.1 * after  # not 0: the splines are cut at the ends of their range


@pytest.fixture(scope="module")
def recipe():
    zero = Fixed(0.0)
    baseline = [leaf for _ in range(20) for leaf in (Normal(0.02, 0.02), zero)]
    prior = dataclasses.replace(
        Prior.from_preset("naa_pcr"), baseline=baseline, baseline_splines=CAUSAL, snr=Fixed(1e6)
    )
    return ExampleRecipe(prior, default_basis(), seed=3)


def test_a_prior_with_a_causal_baseline_comes_back_from_json_with_the_same_spectra(recipe):
    again = Prior.from_dict(json.loads(json.dumps(recipe.prior.to_dict())))
    assert again.baseline_splines == CAUSAL
    examples = recipe.draw(0, 4)
    expected = dataclasses.replace(recipe, prior=again).simulate(examples)
    np.testing.assert_array_equal(recipe.simulate(examples), expected)
    assert "causal" not in REAL.to_dict()  # files of real splines are what they were


def test_a_graph_adds_the_causal_baseline_that_numpy_adds(recipe):
    made = {name: value.numpy() for name, value in tf_examples(recipe, 8, 2).items()}
    parameters = dataclasses.replace(
        recipe.draw(0, 8).parameters,
        **{name: made[name] for name in ("concentrations", "gamma", "sigma", "eps", "phi0", "phi1", "baseline")},
    )
    regressors = recipe.prior.baseline_regressors(recipe.basis.acquisition)
    expected = simulate(parameters, recipe.basis, dtype=np.complex128, baseline_regressors=regressors)
    spectra = made["spectrum"][..., 0] + 1j * made["spectrum"][..., 1]
    assert np.linalg.norm(spectra - expected) < 1e-5 * np.linalg.norm(expected)
