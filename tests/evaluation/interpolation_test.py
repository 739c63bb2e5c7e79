"""The latent space evaluation, on a model whose answer is known and on a trained one."""

import numpy as np
import pytest

from mrs_keras import Prior, default_basis, open_dataset, simulate
from mrs_keras.data import load_arrays
from mrs_keras.evaluation import evaluate_interpolation, interpolate, pca_reconstruction, relative_l2
from mrs_keras.simulation import SpectralParameters, complex_to_channels

BASIS, PRIOR = default_basis(), Prior.from_preset("naa_pcr")
NAMES = ("gamma", "sigma", "eps", "phi0")


class PhysicalModel:
    """Stands in for a cVAE with a perfect latent space: z is the physical parameters themselves."""

    def __init__(self, parameters: SpectralParameters, bend: float = 0.0):
        self.parameters = parameters
        self.bend = bend
        self.generator = self

    def predict_on_batch(self, inputs):
        if "spectrum" in inputs:
            return {"z_mean": np.stack([getattr(self.parameters, name).reshape(-1) for name in NAMES], axis=1)}
        values = dict(zip(NAMES, inputs["z"].T, strict=True))
        values["phi0"] = values["phi0"] + self.bend * np.sin(2 * np.pi * np.linspace(0, 1, len(inputs["z"])))
        parameters = SpectralParameters(inputs["concentrations"], **values, phi1=np.zeros(len(inputs["z"])))
        return complex_to_channels(simulate(parameters, BASIS))


def physical_pair(varied, **model_options):
    parameters = PRIOR.draw_pairs(BASIS, varied, 0, 1, seed=5)
    spectra = complex_to_channels(simulate(parameters, BASIS))
    pair = {"spectrum": spectra, "concentrations": parameters.concentrations}
    pair.update({name: getattr(parameters, name).reshape(-1) for name in NAMES})
    return evaluate_interpolation(PhysicalModel(parameters, **model_options), BASIS, pair, varied, steps=9)


@pytest.mark.parametrize("varied", [("phi0",), ("gamma", "sigma")])
def test_a_perfect_latent_space_gets_perfect_marks(varied):
    path = physical_pair(varied)
    for name in varied:
        assert path.monotone[name]
        assert path.r2[name] > 0.999999
        assert path.end_point_error[name] < 1e-3
    for name in set(NAMES) - set(varied):
        assert np.ptp(path.recovered[name]) < 1e-3
    assert path.distance.max() < 1e-5


def test_a_bent_path_is_not_called_straight_or_monotone():
    path = physical_pair(("phi0",), bend=1.0)
    assert not path.monotone["phi0"]
    assert path.r2["phi0"] < 0.9


def test_a_trained_model_moves_phi0_between_the_test_spectra(trained, data_dir):
    test = load_arrays(open_dataset(data_dir=data_dir), "test")
    ids = test["example_id"].astype(str).tolist()
    rows = [ids.index("phi0_low"), ids.index("phi0_high")]
    pair = {name: values[rows] for name, values in test.items()}
    path = evaluate_interpolation(trained, BASIS, pair, ("phi0",), steps=7)
    assert path.spectra.shape == (7, 252)
    assert path.monotone["phi0"]
    # Twenty epochs are a short training; the target of the whole one is 5 %.
    assert path.end_point_error["phi0"] < 0.3


def test_the_ends_of_an_interpolation_are_the_reconstructions(trained, data_dir):
    test = load_arrays(open_dataset(data_dir=data_dir), "test")
    pair = {name: test[name][:2] for name in ("spectrum", "concentrations")}
    alpha, z, spectra = interpolate(trained, pair["spectrum"], pair["concentrations"], steps=3)
    reconstruction = trained.predict_on_batch(pair)
    np.testing.assert_array_equal(alpha, [0, 0.5, 1])
    np.testing.assert_allclose(z[[0, 2]], reconstruction["z_mean"], atol=1e-6)
    expected = reconstruction["spectrum"][..., 0] + 1j * reconstruction["spectrum"][..., 1]
    np.testing.assert_allclose(spectra[[0, 2]], expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("steps", [0, 1, 2.5])
def test_too_few_steps_are_refused(trained, steps):
    with pytest.raises(ValueError, match="`steps` must be a whole number of at least 2"):
        interpolate(trained, np.zeros((2, 252, 2)), np.ones((2, 2)), steps)


def test_numbers_that_are_not_finite_are_refused(trained):
    with pytest.raises(ValueError, match="`spectra` must be finite"):
        interpolate(trained, np.full((2, 252, 2), np.nan), np.ones((2, 2)))
    with pytest.raises(ValueError, match="`concentrations` must be finite"):
        interpolate(trained, np.ones((2, 252, 2)), np.full((2, 2), np.inf))


def test_relative_l2_is_a_ratio_of_norms():
    rng = np.random.default_rng(0)
    reference, error = rng.normal(size=(2, 5, 252, 2))
    expected = [np.linalg.norm(e) / np.linalg.norm(r) for e, r in zip(error, reference, strict=True)]
    np.testing.assert_allclose(relative_l2(reference + error, reference), expected)
    scaled = relative_l2(1.01j * (reference[..., 0]), 1j * reference[..., 0])
    np.testing.assert_allclose(scaled, 0.01)


def test_pca_is_that_of_the_covariance_matrix():
    rng = np.random.default_rng(0)
    training = rng.normal(size=(300, 6, 2)) * np.linspace(3, 0.1, 12).reshape(6, 2) + 5
    spectra = rng.normal(size=(20, 6, 2)) + 5
    flat = training.reshape(300, 12)
    _, vectors = np.linalg.eigh(np.cov(flat.T))
    top = vectors[:, ::-1][:, :4]
    centred = spectra.reshape(20, 12) - flat.mean(axis=0)
    expected = (centred @ top @ top.T + flat.mean(axis=0)).reshape(20, 6, 2)
    np.testing.assert_allclose(pca_reconstruction(training, spectra, 4), expected, atol=1e-10)
    np.testing.assert_allclose(pca_reconstruction(training, spectra, 12), spectra, atol=1e-10)
