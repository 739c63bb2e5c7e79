"""The preset `brain`: a generator with the physics of its dataset, trained on spectra simulated on the fly."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE, Acquisition, Prior, open_dataset, simulate_basis, train
from mrs_keras.basis.default import basis_for
from mrs_keras.data import DatasetDescription, LabelColumns, describe_dataset, load_arrays, simulated_batch
from mrs_keras.labels import Labels
from mrs_keras.models import CVAE_PRESETS
from mrs_keras.models.label_scaling import scaled_to_labels
from mrs_keras.run_folder import read_history
from mrs_keras.simulation import ExampleRecipe, channels_to_complex
from mrs_keras.training.source import open_validation
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    path = tmp_path_factory.mktemp("brain")
    config = SimulatedMrsConfig(name="small", prior="brain_press_te30", train=8, validation=40)
    Builder(data_dir=path, config=config).download_and_prepare()
    return path


def test_the_generator_has_the_physics_of_the_published_prior():
    model = CVAE.from_preset("brain")
    prior = Prior.from_preset("brain_press_te30")
    layer = model.generator.get_layer("physics")
    assert model.labels.names == prior.metabolites == tuple(layer.physics["metabolites"])
    signals = basis_for(prior.metabolites).scaled().fids.T.copy()
    signals[:, 0] /= 2
    stored = (layer.signals[0].numpy() + 1j * layer.signals[1].numpy()) * np.sqrt(signals.shape[1])
    np.testing.assert_allclose(stored, signals, atol=1e-5 * np.abs(signals).max())


def test_generated_spectra_hold_the_labels_whatever_the_latents():
    # All else depends on the latents alone, so that the spectrum is linear in the labels.
    model = CVAE.from_preset("brain")
    labels = model.labels.low + (model.labels.high - model.labels.low) * np.linspace(0.2, 0.7, 30)
    z = np.random.default_rng(0).normal(size=(4, model.latent_dim)).astype(np.float32)
    rows = np.tile(labels, (4, 1)).astype(np.float32)
    spectra = [
        model.generator({"z": z, "concentrations": rows * factor}, training=False).numpy() for factor in (0.0, 1.0, 2.0)
    ]
    np.testing.assert_allclose(
        spectra[2] - spectra[1], spectra[1] - spectra[0], atol=1e-4 * np.abs(spectra[1] - spectra[0]).max()
    )
    assert np.abs(spectra[1] - spectra[0]).max() > 100


def test_a_label_that_is_one_amplitude_takes_the_place_of_what_the_network_predicts():
    columns = LabelColumns.of(["NAA"], ["NAA", "Cr"])
    amplitudes, labels = tf.Variable([[0.0, 2.0], [1e-8, 3.0]]), tf.constant([[5.0], [6.0]])
    with tf.GradientTape() as tape:
        found = scaled_to_labels(columns, amplitudes, labels)
    np.testing.assert_allclose(found, [[5.0, 2.0], [6.0, 3.0]])
    np.testing.assert_array_equal(tape.gradient(found, amplitudes), [[0.0, 1.0], [0.0, 1.0]])


def test_a_hybrid_generator_needs_a_dataset_with_known_physics():
    acquisition = describe_preset().acquisition
    measured = DatasetDescription(acquisition, Labels(("tNAA_over_tCr",), ((1.0, 2.0),), "", "ratio"), 50.0)
    with pytest.raises(ValueError, match="a dataset without a prior"):
        CVAE.from_preset("brain", measured)


def test_like_another_scan_the_generator_has_the_physics_of_that_acquisition():
    acquisition = {"spectrometer_frequency_mhz": 127.74, "bandwidth_hz": 2000.0, "points": 1024}
    sequence = {"name": "press", "te1_ms": 12.0, "te2_ms": 23.0}
    config = SimulatedMrsConfig(name="like", prior="naa_pcr", acquisition=acquisition, sequence=sequence)
    description = DatasetDescription.from_metadata(Builder(config=config).info.metadata)
    model = CVAE.from_preset("brain", description)
    layer = model.generator.get_layer("physics")
    assert layer.signals.shape == (2, 2, 1024)
    assert model.acquisition == description.acquisition
    expected = simulate_basis(["NAA", "PCr"], Acquisition(**acquisition), te1_ms=12.0, te2_ms=23.0).scaled().fids.T
    np.testing.assert_allclose(layer.signals[0, :, 1:] * 32.0, expected.real[:, 1:], atol=1e-5 * np.abs(expected).max())


def describe_preset() -> DatasetDescription:
    prior = Prior.from_preset("brain_press_te30")
    return DatasetDescription.of_recipe(ExampleRecipe(prior, basis_for(prior.metabolites)))


def test_validation_data_have_the_level_of_their_noise(data_dir):
    builder = open_dataset(config="small", data_dir=data_dir)
    batch = next(iter(open_validation(builder, {"decoder_variance": "known"})))
    arrays, recipe = load_arrays(builder, "validation"), describe_dataset(builder).own_recipe()
    np.testing.assert_array_equal(batch["spectrum"], arrays["spectrum"])
    examples = recipe.draw(0, 40, "validation")
    noise = channels_to_complex(arrays["spectrum"]) - recipe.simulate(examples, 0, "validation", noise=False)
    # 504 numbers each: a standard error of 3 %; 40 of them 0.5 %.
    found = noise.std(axis=1) / np.sqrt(2) / batch["noise_sigma"].numpy()
    assert np.abs(found - 1).max() < 0.15
    assert found.mean() == pytest.approx(1.0, abs=0.02)
    assert "noise_sigma" not in next(iter(open_validation(builder, {"decoder_variance": "optimal"})))


def test_training_data_have_the_level_of_their_noise():
    batch = simulated_batch(0, "brain_press_te30", batch_size=64)
    # Neighbouring points differ by little more than noise where no signal is: the lowest 0.4 ppm.
    spectra = channels_to_complex(batch["spectrum"].numpy())[:, :25]
    third = np.diff(spectra, 3, axis=1)
    level = np.sqrt((np.abs(third) ** 2).mean(axis=1) / 2 / 20)  # 1 + 9 + 9 + 1
    assert np.median(level / batch["noise_sigma"].numpy()) == pytest.approx(1.0, abs=0.06)


@pytest.mark.slow
def test_the_preset_trains_and_generates_noise(data_dir, tmp_path, monkeypatch):
    preset = CVAE_PRESETS["brain"]
    small = {"latent_dim": 8, "hidden_units": (32,), "latent_prior": {"kind": "mixture", "components": 2}}
    short = {"epochs": 3, "steps_per_epoch": 10, "batch_size": 32}
    changed = {**preset, "config": {**preset["config"], **small}, "training": {**preset["training"], **short}}
    monkeypatch.setitem(CVAE_PRESETS, "brain", changed)
    monkeypatch.setattr("mrs_keras.training.source.DENSITY_EXAMPLES", 640)
    model = train(tmp_path / "run", data_dir=data_dir, preset="brain", config="small")
    history = read_history(tmp_path / "run")
    assert history["loss"][-1] < history["loss"][0]
    assert np.isfinite(history["val_loss"]).all()
    labels = load_arrays(open_dataset(config="small", data_dir=data_dir), "validation")["concentrations"]
    sigma = model.noise_of(np.arange(40), labels.astype(np.float32))
    recipe = describe_preset().own_recipe()
    assert np.median(sigma) == pytest.approx(np.median(recipe.noise_sigma(recipe.draw(0, 400))), rel=0.25)
