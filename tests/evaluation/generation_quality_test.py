"""The measures of generated spectra and of latents, each on cases whose answer is known."""

import dataclasses

import numpy as np
import pytest

from mrs_keras import Prior, default_basis
from mrs_keras.evaluation.coverage import classifier_two_sample_test, density_and_coverage
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.evaluation.dci import disentanglement
from mrs_keras.evaluation.diverged import check_finite_output, failure
from mrs_keras.evaluation.latent_information import kl_per_unit, mutual_information, predictability
from mrs_keras.evaluation.parameter_errors import parameter_errors
from mrs_keras.evaluation.paths import evaluate_random_pairs, path_numbers, reference_pairs
from mrs_keras.evaluation.set_quality import SetQuality, ks_statistics, label_fidelity, shares_outside
from mrs_keras.models import load_trained
from mrs_keras.run_folder import diverged_epoch
from mrs_keras.simulation import ExampleRecipe


@pytest.fixture(scope="module")
def physics() -> DatasetPhysics:
    prior, basis = Prior.from_preset("naa_pcr"), default_basis()
    return DatasetPhysics(ExampleRecipe(prior, basis), prior.peak_height(basis))


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


# === Coverage ===


def test_density_and_coverage_are_those_of_a_count_by_hand():
    real, generated = rng().normal(size=(60, 3)), rng(1).normal(0.5, 1, size=(50, 3))
    inside = np.zeros((60, 50), bool)
    for i, point in enumerate(real):
        distances = sorted(np.linalg.norm(point - other) for other in real)
        radius = distances[5]  # the first is the point itself
        inside[i] = [np.linalg.norm(point - other) < radius for other in generated]
    density, coverage = density_and_coverage(real, generated)
    assert density == pytest.approx(inside.sum() / 5 / 50)
    assert coverage == pytest.approx(np.mean(inside.any(axis=1)))


def test_density_and_coverage_know_equal_from_disjoint_sets():
    real = rng().normal(size=(1000, 4))
    density, coverage = density_and_coverage(real, rng(1).normal(size=(1000, 4)))
    assert density == pytest.approx(1, abs=0.1)
    assert coverage == pytest.approx(1 - 2**-5, abs=0.03)
    assert density_and_coverage(real, real + 100) == (0, 0)


def test_a_classifier_knows_equal_from_different_sets():
    real = rng().normal(size=(1000, 4))
    accuracy, error = classifier_two_sample_test(real, rng(1).normal(size=(1000, 4)))
    assert abs(accuracy - 0.5) < 4 * error
    assert error == pytest.approx(np.sqrt(accuracy * (1 - accuracy) / 2000))
    assert classifier_two_sample_test(real, rng(1).normal(3, 1, size=(1000, 4)))[0] > 0.95


def test_a_known_shift_gives_its_kolmogorov_smirnov_statistic(physics):
    parameters = physics.prior.draw(physics.basis, 0, 4000, seed=0)
    statistics = ks_statistics(parameters, physics)
    assert max(statistics.values()) < 1.95 / np.sqrt(4000)  # the 0.1 % point
    shifted = dataclasses.replace(parameters, eps=parameters.eps + 10.0)  # a quarter of the width
    assert ks_statistics(shifted, physics)["eps"] == pytest.approx(0.25, abs=0.03)
    assert ks_statistics(shifted, physics)["gamma"] == statistics["gamma"]
    assert max(shares_outside(parameters, physics).values()) == 0
    assert shares_outside(shifted, physics)["eps"] == pytest.approx(0.24, abs=0.03)  # less the margin of 1 %


# === Labels ===


def test_a_generator_that_scales_its_labels_is_found_out(physics):
    parameters, spectra = physics.draw(200, "test of labels")
    quality = SetQuality.of(physics.fit(spectra * np.float32(1.1)), parameters.concentrations, physics)
    assert quality.concentration_error.median == pytest.approx(0.1, abs=1e-3)
    for fidelity in quality.concentrations.values():
        assert fidelity.slope == pytest.approx(1.1, abs=1e-3)
        assert fidelity.r2 < 0.9
    assert quality.distance_from_physical_model.median < 1e-4
    noise = rng().normal(size=spectra.shape).astype(np.float32)
    noise *= (
        0.05 * np.linalg.norm(spectra, axis=(1, 2), keepdims=True) / np.linalg.norm(noise, axis=(1, 2), keepdims=True)
    )
    off = SetQuality.of(physics.fit(spectra + noise), parameters.concentrations, physics)
    # 17 of 504 numbers are fitted away.
    assert off.distance_from_physical_model.median == pytest.approx(0.05, rel=0.05)


def test_labels_that_are_ignored_have_no_slope(physics):
    requested = rng().uniform([7.5, 3.0], [17.0, 5.5], (1000, 2))
    for fidelity in label_fidelity(rng(1).permutation(requested), requested, physics).values():
        assert abs(fidelity.slope) < 0.15
        assert fidelity.r2 < -0.5


def test_parameter_errors_are_absolute_or_relative_as_they_say(physics):
    true = physics.prior.draw(physics.basis, 0, 8, seed=0)
    found = dataclasses.replace(
        true, gamma=true.gamma - 2.0, phi0=true.phi0 + 2 * np.pi - 0.1, concentrations=true.concentrations * 0.9
    )
    errors = parameter_errors(found, true, physics)
    for name, expected in {"gamma": 2.0, "sigma": 0.0, "phi0": 0.1, "NAA": 0.1, "PCr": 0.1, "baseline": 0.0}.items():
        np.testing.assert_allclose(errors[name], expected, atol=1e-9)


# === Latent space ===


def test_latents_that_are_the_parameters_are_disentangled_and_mixed_ones_are_not():
    factors = {name: rng(seed).uniform(size=1000) for seed, name in enumerate("abc")}
    latents = np.stack([factors["c"], -factors["a"], factors["b"] ** 3], axis=1)
    one_to_one = disentanglement(latents, factors)
    assert one_to_one.disentanglement > 0.9
    assert one_to_one.completeness > 0.9
    assert min(one_to_one.informativeness.values()) > 0.95
    rotation = np.linalg.qr(rng(9).normal(size=(3, 3)))[0]
    mixed = disentanglement(latents @ rotation, factors)
    assert mixed.disentanglement < 0.7
    information = mutual_information(latents, factors)
    assert information.argmax(axis=1).tolist() == [1, 2, 0]
    assert information[0, 1] > 10 * max(information[0, 0], information[0, 2], 0.05)


def test_a_label_in_the_latents_is_found_also_where_it_is_not_linear():
    latents = rng().normal(size=(2000, 4))
    targets = {"none": rng(1).normal(size=2000), "linear": latents[:, 0], "bent": np.cos(2 * latents[:, 1])}
    scores = predictability(latents, targets)
    assert max(scores["none"].linear, scores["none"].nonlinear) < 0.02
    assert min(scores["linear"].linear, scores["linear"].nonlinear) > 0.95
    assert scores["bent"].linear < 0.05
    assert scores["bent"].nonlinear > 0.5


def test_the_divergence_of_a_latent_is_that_of_two_normal_distributions():
    mean, deviation = np.array([[0.0, 1.5], [0.0, 1.5]]), np.array([1.0, 0.2])
    z = mean + deviation * rng().normal(size=(1_000_000, 1, 2))
    log_ratio = -0.5 * ((z - mean) / deviation) ** 2 - np.log(deviation) + 0.5 * z**2
    expected = log_ratio.mean(axis=(0, 1))
    np.testing.assert_allclose(kl_per_unit(mean, np.tile(2 * np.log(deviation), (2, 1))), expected, atol=0.01)


# === Random pairs ===


@pytest.mark.parametrize("varied", [("phi0",), ("gamma", "sigma")])
def test_paths_of_the_simulator_itself_are_monotone_and_straight(physics, varied):
    numbers = reference_pairs(physics, varied, pairs=10).numbers
    assert set(numbers.varied) == {*varied, *(("linewidth",) if len(varied) == 2 else ())}
    for name, change in numbers.varied.items():
        assert change.monotone == 1
        assert change.r2.percentile_5 > (0.98 if name == "linewidth" else 0.9999)
        assert change.end_point_error.percentile_95 < 1e-3
    assert all(drift.within_bounds and drift.percentile_95 < 1e-3 for drift in numbers.drift.values())


def test_paths_through_a_mean_of_spectra_are_not_taken_for_good(physics):
    """A stand-in whose latents are the spectrum itself: between two phases it loses signal."""

    class Encoder:
        def predict_on_batch(self, inputs):
            return {"z_mean": inputs["spectrum"].reshape(len(inputs["spectrum"]), -1)}

    class Generator:
        def predict_on_batch(self, inputs):
            return inputs["z"].reshape(len(inputs["z"]), -1, 2)

    model = type("Model", (), {"encoder": Encoder(), "generator": Generator()})()
    paths = evaluate_random_pairs(model, physics, ("phi0",), pairs=10)
    assert paths.numbers.varied["phi0"].monotone == 1
    assert paths.numbers.varied["phi0"].r2.median < 0.999
    # cos(1.2) of the concentration is left half way between phases 2.4 rad apart.
    middle = paths.recovered["NAA"][:, 5] / paths.true["NAA"][:, 0]
    np.testing.assert_allclose(middle, np.cos(1.2), atol=0.01)
    assert not paths.numbers.drift["NAA"].within_bounds


def test_a_step_back_is_measured_and_makes_a_path_not_monotone(physics):
    # From 10 to 2: the second path goes 0.4 the wrong way.
    paths = {"gamma": np.array([[10.0, 6.0, 4.0, 2.0], [10.0, 5.0, 5.4, 2.0]]), "phi0": np.zeros((2, 4))}
    true = {"gamma": np.array([[10.0, 2.0], [10.0, 2.0]]), "phi0": np.zeros((2, 2))}
    change = path_numbers(paths, true, np.linspace(0, 1, 4), physics, ("gamma",)).varied["gamma"]
    assert change.monotone == 0.5
    assert change.step_back.median == pytest.approx(0.4 / 8 / 2)
    assert change.step_back.percentile_95 == pytest.approx(0.95 * 0.4 / 8)


# === Failures ===


def test_a_training_that_diverged_is_named(tmp_path):
    (tmp_path / "history.csv").write_text("epoch,loss\n0,1.5\n1,nan\n2")
    assert diverged_epoch(tmp_path) == (2, "nan")
    with pytest.raises(RuntimeError, match="The training diverged: .* loss of epoch 2 is nan"):
        load_trained(tmp_path)
    with pytest.raises(RuntimeError, match="diverged.*1 of 2 that are not"):
        check_finite_output("spectra", np.array([[1.0], [np.inf]]))


def test_a_model_that_is_no_model_is_called_so():
    assert failure(np.full(10, 0.01), 14) is None
    assert "The latents collapsed" in failure(np.full(10, 0.9), 0)
    assert "The training diverged" in failure(np.full(10, 0.9), 3)
