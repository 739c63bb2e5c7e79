"""Row seeds, the fitted latent density, and what is generated from them."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from mrs_keras import CVAE
from mrs_keras.models.latent_priors import GaussianMixturePrior
from mrs_keras.models.row_random import GOLDEN, _bits, row_normal, row_uniform
from mrs_keras.random_streams import row_seeds
from tests.conftest import run_python
from tests.models.cvae_test import examples, small_model

MODULO = 2**64


def splitmix64(state: int) -> int:
    """The reference in whole numbers of Python, which do not overflow (Steele, Lea and Flood 2014)."""
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 % MODULO
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB % MODULO
    return state ^ (state >> 31)


@pytest.mark.parametrize("compile_with_xla", [None, False, True], ids=["eager", "graph", "XLA"])
def test_the_bits_of_a_row_are_splitmix64(compile_with_xla):
    seeds = np.array([0, 1, -1, 2**62, -(2**63)], np.int64)

    def bits(seeds):
        return _bits(seeds, 5, 2)

    function = bits if compile_with_xla is None else tf.function(bits, jit_compile=compile_with_xla)
    starts = [splitmix64((int(seed) + 5 * GOLDEN) % MODULO) for seed in seeds]
    expected = [[splitmix64((start + (column + 1) * GOLDEN) % MODULO) for column in range(5)] for start in starts]
    np.testing.assert_array_equal(function(tf.constant(seeds)).numpy(), np.array(expected, np.uint64))


@pytest.mark.parametrize("first", [0, 2**32, -(2**63)])
def test_neighbouring_seeds_give_independent_numbers_of_the_right_distribution(first):
    seeds = first + tf.range(100_000, dtype=tf.int64)
    normal, uniform = row_normal(seeds, 8).numpy().astype(float), row_uniform(seeds, 1, stream=1).numpy()[:, 0]
    # 1e-4 over about 20 checks: a right generator fails once in 500 changes of its constants, never by chance in time.
    assert stats.kstest(normal.ravel(), "norm").pvalue > 1e-4
    assert stats.kstest(uniform.astype(float), "uniform").pvalue > 1e-4
    assert 0 < uniform.min() < uniform.max() < 1
    columns = np.column_stack([normal, np.roll(normal, 1, axis=0), normal**2, uniform, np.roll(uniform, 1)])
    correlation = np.corrcoef(columns.T) - np.eye(columns.shape[1])
    assert np.abs(correlation).max() < 5.5 / np.sqrt(len(columns))


def test_streams_of_a_seed_are_independent():
    seeds = tf.range(100_000, dtype=tf.int64)
    streams = np.column_stack([row_normal(seeds, 2, stream).numpy() for stream in range(4)])
    assert np.abs(np.corrcoef(streams.T) - np.eye(8)).max() < 5 / np.sqrt(len(streams))


def test_an_integer_seed_stands_for_a_range_of_row_seeds():
    np.testing.assert_array_equal(row_seeds(3, 2), [3 * 2**32, 3 * 2**32 + 1])
    np.testing.assert_array_equal(row_seeds([5, -7], 2), [5, -7])
    assert row_seeds(np.int64(0), 4).dtype == np.int64


@pytest.mark.parametrize("seed", [0.5, "0", 2**31, [1, 2, 3], [[1], [2]], [0.0, 1.0], None])
def test_seeds_that_make_no_sense_are_refused(seed):
    with pytest.raises(
        ValueError, match="`seed` must be an integer below 2\\^31, or one integer for each of the 2 rows"
    ):
        row_seeds(seed, 2)


# === Latent density ===


def mixture(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Latents in two dimensions and one label: the label moves the clusters, and says which is the likelier."""
    rng = np.random.default_rng(0)
    label = rng.uniform(-1, 1, (size, 1))
    first = rng.multivariate_normal([-2, 0], [[1.0, 0.8], [0.8, 1.0]], size) + [0.5, 0.0] * label
    second = rng.multivariate_normal([3, 1], [[0.04, 0.0], [0.0, 0.25]], size)
    return np.where(rng.random((size, 1)) < np.where(label > 0, 0.9, 0.5), first, second), label


def test_a_density_that_was_not_fitted_is_the_standard_normal_prior():
    density, seeds = GaussianMixturePrior(4, labels=2, components=3), np.arange(64)
    np.testing.assert_allclose(density.sample(seeds, np.ones((64, 2), np.float32)), row_normal(seeds, 4), atol=1e-6)


def test_a_fitted_density_draws_what_it_was_fitted_to():
    density = GaussianMixturePrior(2, labels=1, components=8)
    latents, label = mixture(20_000)
    density.fit(latents, label)
    drawn = density.sample(np.arange(20_000), label.astype(np.float32)).numpy().astype(float)
    for rows in (label[:, 0] > 0.3, label[:, 0] < -0.3):
        for axis in ([1, 0], [0, 1], [1, 1], [1, -1]):
            # 1 % points of the two-sample statistic at 7,000 each lie at 0.028.
            assert stats.ks_2samp(drawn[rows] @ axis, latents[rows] @ axis).statistic < 0.035
    # The check sees a density that knows nothing of the label.
    any_label = density.sample(
        np.arange(20_000), np.random.default_rng(1).permutation(label).astype(np.float32)
    ).numpy()
    rows = label[:, 0] > 0.3
    assert stats.ks_2samp(any_label[rows, 0], latents[rows, 0]).statistic > 0.1


def test_conditional_moments_are_those_of_a_normal_distribution_by_the_textbook():
    rng = np.random.default_rng(0)
    covariance = np.cov(rng.normal(size=(5, 50)) * [[1], [2], [1], [0.5], [1]]) + 0.3
    both = rng.multivariate_normal([1, -1, 0, 0.5, 0], covariance, 200_000)
    density = GaussianMixturePrior(3, labels=2, components=1)
    density.fit(both[:, :3], both[:, 3:])
    label = np.array([1.0, -0.5])
    drawn = density.sample(np.arange(200_000), np.tile(label, (200_000, 1)).astype(np.float32)).numpy()
    gain = covariance[:3, 3:] @ np.linalg.inv(covariance[3:, 3:])
    expected_mean = np.array([1, -1, 0]) + gain @ (label - [0.5, 0])
    np.testing.assert_allclose(drawn.mean(axis=0), expected_mean, atol=0.03)
    np.testing.assert_allclose(np.cov(drawn.T), covariance[:3, :3] - gain @ covariance[3:, :3], atol=0.05)


@pytest.mark.parametrize(
    ("latents", "labels"),
    [
        (np.zeros((10, 3)), np.zeros((10, 1))),
        (np.zeros((10, 2)), np.zeros((10, 2))),
        (np.zeros((10, 2)), np.zeros((9, 1))),
        (np.zeros((1, 2)), np.zeros((1, 1))),
        (np.full((10, 2), np.nan), np.zeros((10, 1))),
    ],
)
def test_latents_that_cannot_be_fitted_are_refused(latents, labels):
    with pytest.raises(ValueError, match="`latents` must be"):
        GaussianMixturePrior(2, labels=1, components=2).fit(latents, labels)


def test_a_model_fits_its_density_to_the_posteriors_of_the_training_data():
    data, model = examples(500), small_model(latent_prior={"kind": "mixture", "components": 2})
    model.fit_latent_density(data)
    posterior = model.encoder.predict(data, verbose=0)
    labels = np.tile(data["concentrations"], (40, 1))
    drawn = model.sample_latents(row_seeds(0, 20_000), labels).numpy()
    # Moments of a mixture of the posteriors: their mean, and mean variance plus variance of the means.
    variance = np.exp(posterior["z_log_var"]).mean(axis=0) + posterior["z_mean"].var(axis=0)
    np.testing.assert_allclose(drawn.mean(axis=0), posterior["z_mean"].mean(axis=0), atol=0.05)
    np.testing.assert_allclose(drawn.var(axis=0), variance, rtol=0.1)
    as_dataset = small_model(latent_prior={"kind": "mixture", "components": 2})
    as_dataset.fit_latent_density(tf.data.Dataset.from_tensor_slices(data).batch(100))
    np.testing.assert_allclose(as_dataset.latent_prior.means, model.latent_prior.means, atol=1e-3)


def test_labels_outside_the_trained_range_are_drawn_for_as_its_ends():
    model = small_model(latent_prior={"kind": "mixture", "components": 2})
    model.fit_latent_density(examples(200))
    seeds = row_seeds(0, 2)
    np.testing.assert_array_equal(
        model.sample_latents(seeds, np.float32([[99.0, 4.0], [10.0, 0.0]])),
        model.sample_latents(seeds, np.float32([[17.0, 4.0], [10.0, 3.0]])),
    )


# === Generation ===


def test_a_spectrum_depends_on_its_row_seed_and_concentrations_alone():
    model = small_model(latent_prior={"kind": "mixture", "components": 3})
    model.fit_latent_density(examples(200))
    concentrations = np.random.default_rng(0).uniform([8, 3.2], [16, 5.4], (1024, 2))
    all_at_once = model.generate(concentrations, seed=7)["spectrum"]
    in_sevens = np.concatenate(
        [model.generate(concentrations[i : i + 7], row_seeds(7, 1024)[i : i + 7])["spectrum"] for i in (0, 7)]
    )
    np.testing.assert_allclose(in_sevens, all_at_once[:14], atol=1e-6 * np.abs(all_at_once).max())
    one = model.generate(concentrations[1000:1001], [7 * 2**32 + 1000])["spectrum"]
    np.testing.assert_allclose(one[0], all_at_once[1000], atol=1e-6 * np.abs(all_at_once).max())


def test_more_spectra_than_fit_at_once_are_generated_in_parts(monkeypatch):
    model = small_model(latent_prior="standard_normal")
    whole = model.generate([[10.0, 4.0]] * 10, seed=0)["spectrum"]
    monkeypatch.setattr("mrs_keras.models.verbs.ROWS_AT_ONCE", 4)
    np.testing.assert_allclose(model.generate([[10.0, 4.0]] * 10, seed=0)["spectrum"], whole, rtol=1e-5, atol=1e-5)
    assert model.generate(np.zeros((0, 2)), seed=0)["spectrum"].shape == (0, 252, 2)


def test_the_prior_is_a_choice():
    model = small_model(latent_prior={"kind": "mixture", "components": 2})
    model.fit_latent_density(examples(200))
    fitted, normal = (model.generate([[10.0, 4.0]], 0, prior)["spectrum"] for prior in ("fitted", "standard_normal"))
    assert np.abs(fitted - normal).max() > 0
    np.testing.assert_array_equal(model.generate([[10.0, 4.0]], 0)["spectrum"], fitted)
    with pytest.raises(ValueError, match="Unknown `prior`. Expected one of: 'fitted', 'standard_normal'"):
        model.generate([[10.0, 4.0]], 0, "normal")["spectrum"]


def test_a_density_that_nobody_fitted_is_not_taken_for_a_fitted_one():
    model = small_model(latent_prior={"kind": "mixture", "components": 2})
    with pytest.raises(ValueError, match="fitted prior was not fitted.*Call `fit_latent_density` after the training"):
        model.generate([[10.0, 4.0]], 0, "fitted")["spectrum"]
    with pytest.warns(UserWarning, match="not fitted yet: latents are drawn from the standard normal prior"):
        unasked = model.generate([[10.0, 4.0]], 0)["spectrum"]
    np.testing.assert_array_equal(unasked, model.generate([[10.0, 4.0]], 0, "standard_normal")["spectrum"])
    assert [prior.name for prior in model.latent_priors] == ["standard_normal"]
    model.fit_latent_density(examples(200))
    assert [prior.name for prior in model.latent_priors] == ["fitted", "standard_normal"]


def test_a_model_without_a_density_says_so():
    model = small_model(latent_prior="standard_normal")
    with pytest.raises(ValueError, match="Unknown `prior`. Expected one of: 'standard_normal'"):
        model.generate([[10.0, 4.0]], 0, "fitted")["spectrum"]
    with pytest.raises(ValueError, match="standard normal prior of this model has nothing to fit"):
        model.fit_latent_density(examples(8))


def test_a_saved_model_keeps_its_density(tmp_path):
    model = small_model(latent_prior={"kind": "mixture", "components": 2})
    model.fit_latent_density(examples(200))
    model.save(tmp_path / "model.keras")
    expected = model.generate([[10.0, 4.0], [12.0, 5.0]], seed=3)["spectrum"]
    loading = "import sys, keras, numpy as np, mrs_keras.models; "
    loading += "np.save(sys.argv[1] + '/out.npy', keras.models.load_model(sys.argv[1] + '/model.keras')"
    run_python(loading + ".generate([[10.0, 4.0], [12.0, 5.0]], seed=3)['spectrum'])", tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected)


# === Learned noise ===


def noisy(size: int, deviation: np.ndarray) -> dict[str, np.ndarray]:
    data = examples(size)
    noise = np.random.default_rng(0).normal(size=data["spectrum"].shape) * deviation[:, None, None]
    return {**data, "spectrum": (data["spectrum"] + noise).astype(np.float32)}


def test_generated_spectra_carry_noise_of_the_learned_level():
    model = small_model(decoder_variance="learned", hidden_units=(64, 32), latent_prior="standard_normal")
    scale = model.spectrum_scale
    data = noisy(1000, np.full(1000, 0.05 * scale))
    model.compile(keras.optimizers.Adam(3e-3))
    model.fit(tf.data.Dataset.from_tensor_slices(data).batch(50).cache(), epochs=40, shuffle=False, verbose=0)
    generated = model.generate(data["concentrations"], seed=0)["spectrum"]
    clean = model.generator.predict(
        {
            "z": model.sample_latents(row_seeds(0, 1000), data["concentrations"]),
            "concentrations": data["concentrations"],
        },
        verbose=0,
    )
    noise = (generated - clean) / scale
    # What the small network cannot reconstruct counts as noise too: at least 0.05, and near it.
    assert 0.048 < noise.std() < 0.07
    standardised = noise / noise.std(axis=(1, 2), keepdims=True)
    assert np.abs(np.mean(standardised[:, 1:] * standardised[:, :-1])) < 0.01  # white
    assert stats.kstest(standardised.ravel()[::7], "norm").statistic < 0.01


def test_the_loss_with_a_learned_variance_is_that_of_an_independent_calculation():
    model, data = small_model(decoder_variance="learned", kl_weight=2.0), examples(100)
    model.compile()
    logs = model.evaluate(tf.data.Dataset.from_tensor_slices(data).batch(100), return_dict=True, verbose=0)
    output = model.predict(data, verbose=0)
    inputs = {"z": output["z_mean"], "concentrations": data["concentrations"]}
    v = model.noise_variance.predict(inputs, verbose=0)[:, :, None].astype(float)
    error = (data["spectrum"] - output["spectrum"]) / model.spectrum_scale
    expected = -stats.norm.logpdf(error, scale=np.sqrt(v)).sum(axis=(1, 2)).mean()
    assert logs["reconstruction_loss"] == pytest.approx(expected, rel=1e-5)


def test_a_model_without_learned_noise_generates_none():
    assert CVAE.from_preset("base").noise_variance is None


def test_the_level_of_learned_noise_is_told_for_labels_in_numpy():
    model = small_model(decoder_variance="learned")
    labels = np.tile(np.mean(model.labels.ranges, axis=1), (3, 1))
    sigma = model.noise_of(np.arange(3), labels, prior="standard_normal")
    assert sigma.shape == (3,)
    assert (sigma > 0).all()
