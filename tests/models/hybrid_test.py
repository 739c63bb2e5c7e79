"""The hybrid generator against the forward model in NumPy."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE
from mrs_keras.basis.default import basis_for
from mrs_keras.data.description import DatasetDescription
from mrs_keras.labels import Labels
from mrs_keras.models.arguments import data_arguments
from mrs_keras.models.label_scaling import scaled_to_labels
from mrs_keras.models.physical_layer import LEAST, SOFTNESS, PhysicalLayer, physics_of
from mrs_keras.simulation import ExampleRecipe, Fixed, Prior, channels_to_complex


def recipe_of(name: str) -> ExampleRecipe:
    prior = Prior.from_preset(name)
    return ExampleRecipe(prior, basis_for(prior.metabolites), seed=3)


def layer_of(recipe: ExampleRecipe, labels=None) -> PhysicalLayer:
    labels = recipe.prior.metabolites if labels is None else labels
    layer = PhysicalLayer(physics_of(recipe), recipe.basis.acquisition.to_dict(), labels)
    layer.adapt(recipe)
    return layer


def standardised(layer: PhysicalLayer, recipe: ExampleRecipe, count: int) -> np.ndarray:
    """Returns the inputs of a layer that stand for the first draws of its own standardisation."""
    deviation = layer.deviation.numpy().astype(float)
    values = layer._draws(recipe)[:count]
    softness = SOFTNESS * deviation
    bent = layer.at_least_0 & (deviation > 0)
    # The inverse of the softplus that keeps parameters above 0.
    values = values - np.where(bent, LEAST * softness, 0.0)
    ratio = np.divide(values, softness, out=np.ones_like(values), where=bent)
    values = np.where(bent, softness * np.log(np.expm1(np.clip(ratio, 1e-9, 30.0))), values) + np.where(
        bent & (ratio > 30.0), values - 30.0 * softness, 0.0
    )
    scores = np.where(deviation > 0, (values - layer.mean.numpy()) / np.where(deviation > 0, deviation, 1.0), 0.0)
    return np.linalg.lstsq(layer.mixing.numpy().astype(float), scores.T, rcond=1e-6)[0].T


@pytest.mark.parametrize("name", ["naa_pcr", "brain_press_te30"])
def test_the_layer_computes_the_spectra_of_the_simulation(name, measured):
    recipe = recipe_of(name)
    layer, examples = layer_of(recipe), recipe.draw(0, 20, "standardisation")
    expected = recipe.simulate(examples, split="standardisation", noise=False)
    spectra = channels_to_complex(
        layer(
            {
                "parameters": tf.constant(standardised(layer, recipe, 20), tf.float32),
                "concentrations": tf.constant(examples.parameters.concentrations, tf.float32),
            }
        ).numpy()
    )
    error = np.linalg.norm(spectra - expected, axis=1) / np.linalg.norm(expected, axis=1)
    measured(f"hybrid generator, {name}: spectra of known parameters off by {error.max():.1e} (< 2e-4)")
    assert error.max() < 2e-4


def test_labels_set_the_amplitudes_whatever_the_network_says():
    recipe = recipe_of("brain_press_te30")
    layer = layer_of(recipe, ["tNAA_over_tCr", "Ins"])
    amplitudes = tf.constant(np.random.default_rng(0).uniform(0.1, 9.0, (5, 30)), tf.float32)
    labels = tf.constant(np.random.default_rng(1).uniform(0.5, 2.0, (5, 2)), tf.float32)
    scaled = scaled_to_labels(layer.label_columns, amplitudes, labels)
    np.testing.assert_allclose(layer.label_columns(scaled), labels, rtol=1e-5)
    others = [n for n, name in enumerate(recipe.prior.metabolites) if name not in ("NAA", "NAAG", "Ins")]
    np.testing.assert_array_equal(scaled.numpy()[:, others], amplitudes.numpy()[:, others])


def test_a_spectrum_is_linear_in_a_label_that_is_a_concentration():
    recipe = recipe_of("naa_pcr")
    layer = layer_of(recipe)
    parameters = tf.zeros((3, layer.parameters))
    spectra = layer({"parameters": parameters, "concentrations": tf.constant([[0.0, 4.0], [8.0, 4.0], [16.0, 4.0]])})
    np.testing.assert_allclose(spectra[2] - spectra[0], 2 * (spectra[1] - spectra[0]), atol=1e-3)


def test_parameters_that_must_not_be_negative_are_not():
    recipe = recipe_of("brain_press_te30")
    layer = layer_of(recipe)
    wild = tf.constant(np.random.default_rng(0).normal(0, 8, (64, layer.parameters)), tf.float32)
    spectra = layer({"parameters": wild, "concentrations": tf.ones((64, 30))})
    assert np.isfinite(spectra).all()


def test_two_labels_of_one_amplitude_are_an_error():
    recipe = recipe_of("brain_press_te30")
    with pytest.raises(ValueError, match="NAA, tNAA.*all about NAA"):
        layer_of(recipe, ["NAA", "tNAA"])
    with pytest.raises(ValueError, match="Foo cannot be computed"):
        layer_of(recipe, ["Foo"])


def test_another_recipe_than_the_layer_was_built_for_is_an_error():
    layer = layer_of(recipe_of("naa_pcr"))
    with pytest.raises(ValueError, match="must have the metabolites"):
        layer.adapt(recipe_of("brain_press_te30"))


def hybrid_model(recipe: ExampleRecipe, **options) -> CVAE:
    description = DatasetDescription.of_recipe(recipe)
    model = CVAE(
        **data_arguments(description),
        **{"latent_dim": 6, "hidden_units": (24, 16), **options},
        decoder={"kind": "hybrid", "physics": physics_of(recipe)},
    )
    model.adapt_to(recipe)
    return model


def test_a_hybrid_model_is_saved_with_its_physics_and_exported(tmp_path):
    recipe = recipe_of("naa_pcr")
    model = hybrid_model(recipe)
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    labels = np.array([[12.0, 4.0], [9.0, 5.0]], np.float32)
    spectrum = model.generate(labels, seed=1, prior="standard_normal")["spectrum"]
    np.testing.assert_array_equal(again.generate(labels, seed=1, prior="standard_normal")["spectrum"], spectrum)
    exported = tf.saved_model.load(str(again.export(tmp_path)["generator"]))
    served = exported.signatures["generate"](
        concentrations=tf.constant(labels), seed=tf.constant([2**32, 2**32 + 1], tf.int64)
    )
    np.testing.assert_allclose(served["spectrum"], spectrum, atol=1e-3 * np.abs(spectrum).max())


def test_training_lowers_the_error_of_a_hybrid_model():
    recipe = recipe_of("naa_pcr")
    keras.utils.set_random_seed(0)
    model = hybrid_model(recipe)
    examples = recipe.draw(0, 256)
    spectra = recipe.simulate(examples, noise=False)
    batches = {
        "spectrum": np.stack([spectra.real, spectra.imag], axis=-1),
        "concentrations": examples.parameters.concentrations,
    }
    data = tf.data.Dataset.from_tensor_slices(batches).batch(64)
    model.compile(keras.optimizers.Adam(3e-3))
    history = model.fit(data, epochs=20, shuffle=False, verbose=0).history
    assert history["mean_squared_error"][-1] < 0.3 * history["mean_squared_error"][0]


def test_only_a_hybrid_generator_is_adapted():
    recipe = recipe_of("naa_pcr")
    free = CVAE(**data_arguments(DatasetDescription.of_recipe(recipe)), latent_dim=2, hidden_units=(8,))
    with pytest.raises(ValueError, match="Only a hybrid generator"):
        free.adapt_to(recipe)
    with pytest.raises(ValueError, match="`decoder` must be 'free'"):
        hybrid = {"kind": "hybrid"}
        CVAE(Labels(("a",), ((0.0, 1.0),)), recipe.basis.acquisition, 1.0, decoder=hybrid)


def test_a_fixed_parameter_stays_fixed():
    prior = Prior.from_preset("naa_pcr")
    prior = dataclasses.replace(prior, gamma=Fixed(5.0, "1/s"))
    layer = layer_of(ExampleRecipe(prior, basis_for(prior.metabolites), seed=3))
    assert layer.deviation.numpy()[2] == 0
    assert layer.mean.numpy()[2] == pytest.approx(5.0)
