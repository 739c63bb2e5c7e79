"""The flow as a latent prior: what it draws, its density, and fits that are interrupted."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import stats

from mrs_keras.models.latent_priors import FlowPrior
from mrs_keras.models.latent_priors import flow_matching as training
from mrs_keras.models.latent_priors.velocity_field import VelocityField
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import row_seeds
from tests.conftest import run_python
from tests.models.cvae_test import examples, small_model

SMALL = {"width": 32, "teacher_width": 32, "blocks": 2, "fit_steps": 800}


def edged(size: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Latents with sharp edges, one of which the label moves, and a latent that is not used."""
    rng = np.random.default_rng(seed)
    label, u = rng.uniform(-1, 1, (size, 1)), rng.uniform(-1, 1, (size, 2))
    first = u[:, 0] + 0.5 * label[:, 0]
    return np.column_stack([first, 0.3 * u[:, 1] + 0.2 * u[:, 0] ** 2, rng.normal(size=size)]), label


@pytest.fixture(scope="module")
def fitted() -> FlowPrior:
    prior = FlowPrior(3, labels=1, **{**SMALL, "fit_steps": 2500})
    prior.fit(*edged(20_000))
    return prior


def test_a_flow_that_was_not_fitted_is_the_standard_normal_prior():
    prior, seeds, labels = FlowPrior(4, labels=2, **SMALL), np.arange(64), np.ones((64, 2), np.float32)
    assert not prior.is_fitted
    np.testing.assert_allclose(prior.sample(seeds, labels), row_normal(seeds, 4), atol=1e-6)
    latents = np.random.default_rng(0).normal(size=(64, 4)).astype(np.float32)
    expected = stats.norm.logpdf(latents).sum(axis=1)
    np.testing.assert_allclose(prior.log_prob(tf.constant(latents), tf.constant(labels)), expected, rtol=1e-5)


@pytest.mark.slow
def test_a_fitted_flow_draws_what_it_was_fitted_to(fitted, measured):
    latents, label = edged(20_000, seed=1)
    drawn = fitted.sample(np.arange(20_000), label.astype(np.float32)).numpy().astype(float)
    assert fitted.is_fitted
    largest = 0.0
    for rows in (label[:, 0] > 0.3, label[:, 0] < -0.3):
        for axis in ([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]):
            largest = max(largest, stats.ks_2samp(drawn[rows] @ axis, latents[rows] @ axis).statistic)
    measured(f"latents of a flow against those it was fitted to, largest Kolmogorov-Smirnov statistic: {largest:.3f}")
    assert largest < 0.05
    beyond = np.abs(drawn[:, 0] - 0.5 * label[:, 0]) > 1.1
    assert beyond.mean() < 0.03  # of one Gaussian: 6 %


@pytest.mark.slow
def test_the_density_of_a_flow_is_that_of_what_it_draws(fitted):
    """Importance sampling from a normal distribution: the density integrates to 1 at any label."""
    rng = np.random.default_rng(0)
    latents = rng.normal([0, 0, 0], [1.2, 0.6, 1.5], (20_000, 3)).astype(np.float32)
    proposal = stats.norm.logpdf(latents, [0, 0, 0], [1.2, 0.6, 1.5]).sum(axis=1)
    density = tf.function(fitted.log_prob)
    for label in (-0.8, 0.5):
        labels = np.full((len(latents), 1), label, np.float32)
        weights = np.exp(density(tf.constant(latents), tf.constant(labels)).numpy() - proposal)
        assert weights.mean() == pytest.approx(1.0, abs=0.05)
        # And it is the density of these draws: the means agree, too.
        drawn = fitted.sample(np.arange(20_000), labels).numpy()
        np.testing.assert_allclose((weights[:, None] * latents).mean(axis=0), drawn.mean(axis=0), atol=0.05)


@pytest.mark.slow
def test_the_density_of_a_normal_distribution_is_found():
    rng = np.random.default_rng(0)
    covariance = np.array([[1.0, 0.6], [0.6, 0.5]])
    latents = rng.multivariate_normal([1.0, -2.0], covariance, 20_000)
    prior = FlowPrior(2, labels=0, **SMALL)
    prior.fit(latents, np.zeros((20_000, 0)))
    found = prior.log_prob(tf.constant(latents[:2000], tf.float32), tf.zeros((2000, 0))).numpy()
    expected = stats.multivariate_normal([1.0, -2.0], covariance).logpdf(latents[:2000])
    assert abs(np.mean(found - expected)) < 0.03
    assert np.median(np.abs(found - expected)) < 0.1


@pytest.mark.slow
@pytest.mark.parametrize("compile_with_xla", [None, False, True], ids=["eager", "graph", "XLA"])
def test_a_draw_depends_on_its_own_seed_and_labels_alone(fitted, compile_with_xla):
    sample = fitted.sample if compile_with_xla is None else tf.function(fitted.sample, jit_compile=compile_with_xla)
    seeds, labels = row_seeds(3, 1024), np.random.default_rng(0).uniform(-1, 1, (1024, 1)).astype(np.float32)
    whole = fitted.sample(tf.constant(seeds), tf.constant(labels)).numpy()
    for rows in (slice(0, 1), slice(5, 12), slice(0, 1024)):
        np.testing.assert_allclose(sample(tf.constant(seeds[rows]), tf.constant(labels[rows])), whole[rows], atol=3e-6)


@pytest.mark.slow
def test_a_fit_depends_on_its_seed_alone():
    latents, labels = edged(2000)
    first, again, other = (FlowPrior(3, labels=1, **{**SMALL, "fit_steps": 20}) for _ in range(3))
    for prior, seed in ((first, 0), (again, 0), (other, 1)):
        prior.fit(latents, labels, seed)
    for one, two in zip(first.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)
    assert np.abs(first.field.last_kernel - other.field.last_kernel).max() > 0


@pytest.mark.slow
@pytest.mark.parametrize("stopped_in", ["Flow matching", "Reflow"])
def test_an_interrupted_fit_resumes_and_ends_as_an_uninterrupted_one(tmp_path, monkeypatch, stopped_in):
    latents, labels = edged(2000)
    whole, resumed = (FlowPrior(3, labels=1, **{**SMALL, "fit_steps": 30}) for _ in range(2))
    monkeypatch.setattr(training, "STEPS_BETWEEN_CHECKPOINTS", 10)
    whole.fit(latents, labels, seed=5)

    def killed(checkpoint, fingerprint, steps, state):
        save(checkpoint, fingerprint, steps, state)
        if checkpoint.stem == stopped_in.lower().replace(" ", "_") and steps == 20:
            raise KeyboardInterrupt

    save = training._save
    monkeypatch.setattr(training, "_save", killed)
    with pytest.raises(KeyboardInterrupt):
        resumed.fit(latents, labels, seed=5, checkpoints=tmp_path)
    assert not resumed.is_fitted
    monkeypatch.setattr(training, "_save", save)
    resumed.fit(latents, labels, seed=5, checkpoints=tmp_path)
    for one, two in zip(whole.get_weights(), resumed.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.slow
def test_the_state_of_a_fit_to_other_latents_is_not_resumed(tmp_path, monkeypatch):
    latents, labels = edged(500)
    settings = {**SMALL, "fit_steps": 5}
    monkeypatch.setattr("mrs_keras.models.latent_priors.flow.remove", lambda folder: None)
    FlowPrior(3, labels=1, **settings).fit(latents + 1, labels, checkpoints=tmp_path)
    whole, other = (FlowPrior(3, labels=1, **settings) for _ in range(2))
    whole.fit(2 * latents**3, labels)
    other.fit(2 * latents**3, labels, checkpoints=tmp_path)
    np.testing.assert_array_equal(whole.field.last_kernel, other.field.last_kernel)


def test_a_fit_inside_the_scope_of_a_strategy_is_refused():
    prior = FlowPrior(3, labels=1, **SMALL)
    with tf.distribute.MirroredStrategy(["CPU:0"]).scope(), pytest.raises(ValueError, match="outside of `strategy"):
        prior.fit(*edged(100))


@pytest.mark.slow
def test_a_damaged_state_of_a_fit_starts_it_anew(tmp_path):
    latents, labels = edged(500)
    whole, resumed = (FlowPrior(3, labels=1, **{**SMALL, "fit_steps": 5}) for _ in range(2))
    whole.fit(latents, labels)
    (tmp_path / "flow_matching.npz").write_bytes(b"PK half a file")
    resumed.fit(latents, labels, checkpoints=tmp_path)
    np.testing.assert_array_equal(whole.field.last_kernel, resumed.field.last_kernel)


@pytest.mark.parametrize(
    ("latents", "labels"),
    [
        (np.zeros((10, 3)), np.zeros((10, 1))),
        (np.zeros((10, 2)), np.zeros((9, 1))),
        (np.zeros((0, 2)), np.zeros((0, 1))),
        (np.full((10, 2), np.nan), np.zeros((10, 1))),
    ],
)
def test_latents_that_cannot_be_fitted_are_refused(latents, labels):
    with pytest.raises(ValueError, match="`latents` must be"):
        FlowPrior(2, labels=1, **SMALL).fit(latents, labels)


def test_a_saved_model_keeps_its_flow(tmp_path):
    model = small_model(latent_prior={"kind": "flow", **SMALL, "fit_steps": 10})
    model.fit_latent_density(examples(200))
    model.save(tmp_path / "model.keras")
    expected = model.generate([[10.0, 4.0], [12.0, 5.0]], seed=3)
    assert [prior.name for prior in model.latent_priors] == ["fitted", "standard_normal"]
    loading = "import sys, keras, numpy as np, mrs_keras.models; "
    loading += "np.save(sys.argv[1] + '/out.npy', keras.models.load_model(sys.argv[1] + '/model.keras')"
    run_python(loading + ".generate([[10.0, 4.0], [12.0, 5.0]], seed=3)['spectrum'])", tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "out.npy"), expected["spectrum"])
    with_kind = keras.models.load_model(tmp_path / "model.keras").latent_prior
    assert with_kind.kind == "flow"
    assert with_kind.settings() == model.latent_prior.settings()


def test_velocities_and_their_divergence_are_those_of_an_independent_calculation():
    field = VelocityField(3, labels=2, width=8, blocks=2)
    rng = np.random.default_rng(0)
    w = {variable.name: rng.normal(size=variable.shape) / 3 for variable in field.weights}
    for variable in field.weights:
        variable.assign(w[variable.name])
    z, c, t = rng.normal(size=(5, 3)), rng.normal(size=(5, 2)), rng.uniform(size=5)

    def gelu(x):
        return x * stats.norm.cdf(x)

    angles = np.pi / 2 * np.outer(t, np.arange(1, 17))
    e = gelu(np.column_stack([np.sin(angles), np.cos(angles)]) @ w["time_kernel"] + w["time_bias"])
    h = z @ w["first_kernel"] + w["first_bias"]
    for k in range(2):
        shift = e @ w["inner_time"][k] + c @ w["inner_labels"][k] + w["inner_bias"][k]
        gain = 1 + e @ w["gain_time"][k] + c @ w["gain_labels"][k]
        h = h + gelu(h @ w["inner_kernel"][k] + shift) * gain @ w["outer_kernel"][k] + w["outer_bias"][k]
    expected = h @ w["last_kernel"] + w["last_bias"]
    z, c, t = (tf.constant(array, tf.float32) for array in (z, c, t))
    np.testing.assert_allclose(field(z, t, field.of_labels(c)), expected, rtol=1e-4, atol=1e-5)
    velocity, divergence = field.with_divergence(z, t, field.of_labels(c))
    np.testing.assert_allclose(velocity, expected, rtol=1e-4, atol=1e-5)
    with tf.GradientTape() as tape:
        tape.watch(z)
        velocity = field(z, t, field.of_labels(c))
    jacobian = tape.batch_jacobian(velocity, z)
    np.testing.assert_allclose(divergence, tf.linalg.trace(jacobian), rtol=1e-4, atol=1e-5)
