"""Known noise, uncertain labels, and the kernel of latents."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE
from mrs_keras.acquisition import Acquisition
from mrs_keras.labels import Labels
from mrs_keras.models.label_inference import combine
from mrs_keras.models.latent_priors import KernelPrior
from mrs_keras.random_streams import row_seeds

ACQUISITION = Acquisition(123.2, 1000.0, 128, (1.0, 3.0))
LABELS = Labels(("tNAA_over_tCr", "tCho_over_tCr"), ((1.0, 2.0), (0.1, 0.4)), "")


def model_of(**options) -> CVAE:
    keras.utils.set_random_seed(0)
    return CVAE(
        LABELS,
        ACQUISITION,
        10.0,
        **{
            "latent_dim": 3,
            "hidden_units": (16,),
            "decoder_variance": "known",
            "infer_labels": True,
            "latent_prior": "kernel",
            **options,
        },
    )


def batch(rows: int = 12) -> dict:
    generator = np.random.default_rng(0)
    return {
        "spectrum": generator.normal(0, 4, (rows, ACQUISITION.window_points, 2)).astype(np.float32),
        "concentrations": generator.uniform(LABELS.low, LABELS.high, (rows, 2)).astype(np.float32),
        "noise_sigma": generator.uniform(0.1, 0.3, rows).astype(np.float32),
        "label_known": np.ones((rows, 2), bool),
        "label_deviation": np.full((rows, 2), 0.02, np.float32),
    }


def trained(data: dict, **options) -> CVAE:
    model = model_of(**options)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(tf.data.Dataset.from_tensor_slices(data).batch(4), epochs=2, shuffle=False, verbose=0)
    return model


def test_the_variance_is_that_of_the_known_noise_and_of_what_is_not_explained():
    level = model_of().noise_level
    level.log_excess.assign(np.log(0.02**2) / 10)
    assert level.excess == pytest.approx(0.02)
    np.testing.assert_allclose(level.variance(tf.constant([0.0, 0.03])), [4e-4, 13e-4], rtol=1e-5)


def test_the_weight_of_a_known_label_is_its_precision():
    inferred = {"label_mean": tf.constant([[0.0]]), "label_log_var": tf.constant([[np.log(0.04)]], tf.float32)}
    exact, loss = combine(tf.constant([[1.0]]), inferred, None, tf.constant([[0.0]]))
    assert exact.numpy() == 1.0
    assert loss.numpy() == pytest.approx(0.5 * (1 / 0.04 + np.log(2 * np.pi * 0.04)), rel=1e-5)
    uncertain, _ = combine(tf.constant([[1.0]]), inferred, None, tf.constant([[0.12]]))
    assert uncertain.numpy() == pytest.approx(0.25)
    missing, loss = combine(tf.constant([[9.0]]), inferred, tf.constant([[False]]), tf.constant([[0.0]]))
    assert missing.numpy() == 0.0
    assert loss.numpy() == 0.0


def test_missing_labels_may_be_nan_and_change_nothing():
    data = batch()
    data["label_known"][::3, 0] = False
    for value in (np.nan, 1.7):
        data["concentrations"][::3, 0] = value
        data["label_deviation"][::3, 0] = value
        weights = trained(data).get_weights()
        if np.isnan(value):
            first = weights
    for one, other in zip(first, weights, strict=True):
        np.testing.assert_array_equal(one, other)


def test_without_known_noise_a_batch_is_an_error():
    model = model_of()
    model.compile("adam")
    data = {name: value for name, value in batch().items() if name != "noise_sigma"}
    with pytest.raises(ValueError, match="noise_sigma"):
        model.fit(tf.data.Dataset.from_tensor_slices(data).batch(4), shuffle=False, verbose=0)


def test_a_model_of_measured_spectra_generates_noise_of_their_level_and_is_saved(tmp_path):
    data = batch(40)
    model = trained(data)
    model.fit_latent_density(data)
    assert model.generates_noise
    labels = data["concentrations"]
    sigma = model.noise_of(row_seeds(0, 40), labels)
    assert sigma.min() > 0.08
    assert sigma.max() < 0.4
    generated = model.generate(labels, seed=0)
    clean = model.decode(generated["z"], labels)["spectrum"]
    left = (generated["spectrum"] - clean).reshape(40, -1).std(axis=1)
    np.testing.assert_allclose(left, sigma, rtol=0.35)
    assert left.mean() == pytest.approx(sigma.mean(), rel=0.05)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again.generate(labels, seed=0)["spectrum"], generated["spectrum"])
    served = tf.saved_model.load(str(model.export(tmp_path)["generator"]))
    spectrum = served.signatures["generate"](
        concentrations=tf.constant(labels), seed=tf.constant(row_seeds(0, 40), tf.int64)
    )["spectrum"]
    np.testing.assert_allclose(spectrum, generated["spectrum"], atol=1e-3)


def test_labels_are_inferred_with_a_deviation_and_only_by_models_that_can():
    data = batch()
    inferred = trained(data).infer(data["spectrum"])
    assert inferred["concentrations"].shape == (12, 2)
    assert (inferred["label_deviation"] > 0).all()
    with pytest.raises(ValueError, match="infers no labels"):
        model_of(infer_labels=False).infer(data["spectrum"])


def test_spectra_are_generated_as_from_one_site_and_only_from_known_ones(tmp_path):
    data = batch(40)
    model = trained(data)
    model.fit_latent_density(data, sites=["A"] * 20 + ["B"] * 20)
    model.save(tmp_path / "model.keras")
    again, labels = keras.models.load_model(tmp_path / "model.keras"), data["concentrations"]
    assert again.sites == ("A", "B")
    one, other = (again.generate(labels, seed=0, site=site)["z"] for site in ("A", "B"))
    assert not np.allclose(one, other)
    np.testing.assert_array_equal(one, model.generate(labels, seed=0, site="A")["z"])
    with pytest.raises(ValueError, match="Expected one of: A, B. Received: site='C'"):
        again.generate(labels, seed=0, site="C")
    with pytest.raises(ValueError, match="Only the fitted prior knows sites"):
        again.generate(labels, seed=0, site="A", prior="standard_normal")


def test_what_is_known_of_labels_may_have_other_kinds_of_numbers():
    data = batch()
    wide = {**data, "label_known": data["label_known"].astype(int), "label_deviation": np.full((12, 2), 0.02)}
    losses = [model_of().example_losses(each)["loss"] for each in (data, wide)]
    np.testing.assert_array_equal(*losses)
    del wide["label_known"]
    np.testing.assert_array_equal(model_of().example_losses(wide)["loss"], losses[0])


# === The kernel ===


def fitted(rows: int = 200, bandwidth: float = 0.9, **options) -> tuple[KernelPrior, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    labels = generator.uniform(-0.8, 0.8, (rows, 1))
    latents = np.concatenate([2 * labels, -labels], axis=1) + generator.normal(0, 0.3, (rows, 2))
    prior = KernelPrior(2, 1, bandwidth=bandwidth)
    prior.fit(latents, labels, **options)
    return prior, latents, labels


@pytest.mark.parametrize("bandwidth", [0.3, 0.9, 1.0])
def test_the_kernel_follows_the_regression_of_latents_on_labels(bandwidth):
    prior, _, _ = fitted(bandwidth=bandwidth)
    seeds = tf.range(4000, dtype=tf.int64)
    for value in (-0.5, 0.5):
        drawn = prior.sample(seeds, tf.fill((4000, 1), value)).numpy()
        np.testing.assert_allclose(drawn.mean(axis=0), [2 * value, -value], atol=0.12)
        np.testing.assert_allclose(drawn.std(axis=0), [0.3, 0.3], atol=0.06)


def test_the_covariance_of_draws_at_the_training_labels_is_that_of_the_latents():
    prior, latents, labels = fitted(rows=400)
    drawn = prior.sample(tf.range(8000, dtype=tf.int64), tf.constant(np.tile(labels, (20, 1)), tf.float32)).numpy()
    np.testing.assert_allclose(np.cov(drawn.T), np.cov(latents.T), atol=0.08)


def test_a_small_bandwidth_draws_the_training_latents_themselves():
    prior, latents, labels = fitted(rows=30, bandwidth=0.01)
    drawn = prior.sample(tf.range(30, dtype=tf.int64), tf.constant(labels, tf.float32)).numpy()
    nearest = np.linalg.norm(drawn[:, None] - latents[None], axis=-1).min(axis=1)
    assert nearest.max() < 0.05


def test_a_site_is_drawn_alone_and_any_by_default():
    sites = np.repeat(["A", "B"], 100)
    generator = np.random.default_rng(2)
    latents = generator.normal(0, 0.1, (200, 2)) + 5.0 * (sites == "B")[:, None]
    prior = KernelPrior(2, 0)
    prior.fit(latents, np.empty((200, 0)), sites=sites)
    seeds, none = tf.range(2000, dtype=tf.int64), tf.zeros((2000, 0))
    assert prior.sample(seeds, none, site="B").numpy().min() > 4
    assert prior.sample(seeds, none, site="A").numpy().max() < 1
    assert (prior.sample(seeds, none).numpy()[:, 0] > 2.5).mean() == pytest.approx(0.5, abs=0.05)


def test_spectra_of_no_known_site_are_drawn_from_no_site():
    sites = np.repeat(["", "A", "B"], 100)
    latents = np.random.default_rng(2).normal(0, 0.1, (300, 2)) + 5.0 * np.repeat([0, 1, 2], 100)[:, None]
    prior = KernelPrior(2, 0)
    prior.fit(latents, np.empty((300, 0)), sites=sites)
    assert prior.site_names == ("A", "B")
    seeds, none = tf.range(500, dtype=tf.int64), tf.zeros((500, 0))
    for site, mean in (("A", 5.0), ("B", 10.0)):
        np.testing.assert_allclose(prior.sample(seeds, none, site=site).numpy().mean(axis=0), mean, atol=0.2)


def test_the_density_of_the_kernel_integrates_to_one_and_is_that_of_its_draws():
    prior, _, _ = fitted(rows=60, deviations=np.full((60, 2), 0.1))
    labels = tf.fill((5000, 1), 0.2)
    drawn = prior.sample(tf.range(5000, dtype=tf.int64), labels)
    axis = np.linspace(-4, 4, 71)
    grid = np.stack(np.meshgrid(axis, axis), axis=-1).reshape(-1, 2).astype(np.float32)
    density = np.exp(
        prior.log_prob(tf.constant(grid), labels[: len(grid)] if len(grid) < 5000 else tf.fill((len(grid), 1), 0.2))
    )
    step = axis[1] - axis[0]
    assert density.sum() * step**2 == pytest.approx(1.0, abs=0.02)
    mean = (grid * density[:, None]).sum(axis=0) * step**2
    np.testing.assert_allclose(mean, drawn.numpy().mean(axis=0), atol=0.03)


def test_a_row_of_the_kernel_depends_on_its_seed_alone():
    prior, _, _ = fitted(rows=40)
    labels = tf.fill((6, 1), 0.1)
    all_rows = prior.sample(tf.range(6, dtype=tf.int64), labels).numpy()
    one = prior.sample(tf.constant([4], tf.int64), labels[:1]).numpy()
    np.testing.assert_allclose(one[0], all_rows[4], rtol=1e-6)


def test_a_kernel_takes_some_of_too_many_spectra_and_needs_four():
    prior = KernelPrior(2, 1, centres=16)
    prior.fit(np.random.default_rng(0).normal(size=(100, 2)), np.zeros((100, 1)))
    assert np.isfinite(prior.log_weights.numpy()).sum() == 16
    with pytest.raises(ValueError, match="at least 4"):
        prior.fit(np.zeros((3, 2)), np.zeros((3, 1)))
    with pytest.raises(ValueError, match="`bandwidth` must be above 0"):
        KernelPrior(2, 1, bandwidth=0.0)
