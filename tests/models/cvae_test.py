import json
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE, Acquisition, Prior, default_basis, simulate
from mrs_keras.data import DatasetDescription
from mrs_keras.labels import Labels
from mrs_keras.models import CVAE_PRESETS, ActiveUnits
from mrs_keras.simulation import complex_to_channels
from tests.conftest import run_python


def examples(size: int) -> dict[str, np.ndarray]:
    prior, basis = Prior.from_preset("naa_pcr"), default_basis()
    parameters = prior.draw(basis, 0, size, seed=0)
    return {
        "spectrum": complex_to_channels(simulate(parameters, basis)),
        "concentrations": parameters.concentrations.astype(np.float32),
    }


@pytest.fixture(scope="module")
def data():
    return examples(200)


def small_model(**changes) -> CVAE:
    keras.utils.set_random_seed(0)
    small = {"latent_dim": 4, "hidden_units": (32, 16), "label_penalty": 0.0, "latent_prior": "mixture"}
    return CVAE.from_preset("base", **{**small, **changes})


def batches(data, size: int = 64) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(data).batch(size)


def test_training_lowers_the_loss_and_reports_the_terms(data):
    model = small_model()
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(batches(data), epochs=10, validation_data=batches(data), shuffle=False, verbose=0).history
    assert set(history) == {
        name
        for term in ("loss", "reconstruction_loss", "kl_loss", "mean_squared_error")
        for name in (term, f"val_{term}")
    } | {"active_units", "val_active_units"}
    assert history["mean_squared_error"][-1] < 0.5 * history["mean_squared_error"][0]
    np.testing.assert_allclose(
        np.array(history["reconstruction_loss"]) + model.kl_weight * np.array(history["kl_loss"]),
        history["loss"],
        rtol=1e-5,
    )


@pytest.mark.parametrize("variance", ["optimal", 0.002])
def test_loss_is_that_of_an_independent_calculation(data, variance):
    model = small_model(decoder_variance=variance, kl_weight=2.5)
    model.compile()
    logs = model.evaluate(batches(data, 200), return_dict=True, verbose=0)
    output = model.predict(data, verbose=0)
    error = (data["spectrum"] - output["spectrum"]).astype(np.float64) / model.spectrum_scale
    squared = np.sum(error**2, axis=(1, 2))
    v = squared.mean() / 504 if variance == "optimal" else variance
    log_likelihood = -squared / (2 * v) - 252 * math.log(2 * math.pi * v)
    # KL of two normal distributions, once more by TensorFlow-free algebra: ln(1/s) + (s^2 + m^2)/2 - 1/2.
    s, m = np.exp(output["z_log_var"].astype(np.float64) / 2), output["z_mean"].astype(np.float64)
    kl = np.sum(-np.log(s) + (s**2 + m**2) / 2 - 0.5, axis=1)
    assert logs["reconstruction_loss"] == pytest.approx(-log_likelihood.mean(), rel=1e-5)
    assert logs["kl_loss"] == pytest.approx(kl.mean(), rel=1e-4)
    assert logs["loss"] == pytest.approx((-log_likelihood + 2.5 * kl).mean(), rel=1e-5)
    assert logs["mean_squared_error"] == pytest.approx(squared.mean() / 504, rel=1e-5)


def test_scaling_is_inside_the_model(data):
    model = small_model()
    scale = model.spectrum_scale
    doubled = small_model(spectrum_scale=2 * scale)
    doubled.set_weights(model.get_weights())
    one = model.predict(data, verbose=0)
    other = doubled.predict({**data, "spectrum": 2 * data["spectrum"]}, verbose=0)
    np.testing.assert_allclose(other["z_mean"], one["z_mean"], atol=1e-6)
    np.testing.assert_allclose(other["spectrum"], 2 * one["spectrum"], rtol=1e-5, atol=1e-3)


def test_concentrations_reach_encoder_and_generator(data):
    model = small_model()
    other = {**data, "concentrations": data["concentrations"][::-1]}
    assert np.abs(model.predict(data, verbose=0)["z_mean"] - model.predict(other, verbose=0)["z_mean"]).max() > 1e-4
    z = np.zeros((200, 4), np.float32)
    spectra = [
        model.generator.predict({"z": z, "concentrations": c}, verbose=0)
        for c in (data["concentrations"], z[:, :2] + 5)
    ]
    assert np.abs(spectra[0] - spectra[1]).max() > 1e-4


def test_the_encoder_sees_the_real_part_before_the_imaginary_part(data):
    model = small_model()
    probe = keras.Model(model.encoder.inputs, model.encoder.get_layer("add_label").output)
    joined = probe.predict([data["concentrations"], data["spectrum"]], verbose=0)
    order = [tensor.name for tensor in model.encoder.inputs]
    if order[0] == "spectrum":
        joined = probe.predict([data["spectrum"], data["concentrations"]], verbose=0)
    expected = np.concatenate([data["spectrum"][..., 0], data["spectrum"][..., 1]], axis=1) / model.spectrum_scale
    np.testing.assert_allclose(joined[:, :504], expected, rtol=1e-5, atol=1e-7)
    # The range of the prior becomes -1 ... 1.
    naa = (data["concentrations"][:, 0] - 12.25) / 4.75
    np.testing.assert_allclose(joined[:, 504], naa, atol=1e-5)


def test_a_saved_model_gives_the_same_numbers_in_a_new_process(data, tmp_path):
    model = small_model()
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(batches(data), epochs=2, shuffle=False, verbose=0)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", **data)
    code = """
import sys, json, keras, numpy as np, mrs_keras
model = keras.models.load_model(sys.argv[1] + "/model.keras")
data = dict(np.load(sys.argv[1] + "/data.npz"))
np.savez(sys.argv[1] + "/output.npz", **model.predict(data, verbose=0))
model.fit(data, epochs=1, verbose=0)
print(json.dumps([type(model).__name__, int(model.optimizer.iterations.numpy())]))
"""
    assert json.loads(run_python(code, tmp_path).stdout.splitlines()[-1]) == ["CVAE", 15]
    output = np.load(tmp_path / "output.npz")
    for name, values in model.predict(data, verbose=0).items():
        np.testing.assert_allclose(output[name], values, rtol=1e-5, atol=1e-5)


def test_config_gives_the_same_model_and_survives_json():
    model = small_model(kl_weight=2.0, decoder_variance=0.01, seed=3)
    config = json.loads(json.dumps(model.get_config()))
    again = CVAE.from_config(config)
    assert again.get_config() == config
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_the_weight_of_the_kl_term_can_follow_a_schedule(data, tmp_path):
    schedule = keras.optimizers.schedules.ExponentialDecay(8.0, 4, 0.5, staircase=True)
    model = small_model(kl_weight=schedule)
    model.compile(keras.optimizers.SGD(0.0))
    model.fit(batches(data, 50), epochs=1, shuffle=False, verbose=0)  # 4 steps: the weight is halved
    model.save(tmp_path / "model.keras")
    for same in (model, keras.models.load_model(tmp_path / "model.keras")):
        logs = same.evaluate(batches(data, 50), return_dict=True, verbose=0)
        assert logs["loss"] == pytest.approx(logs["reconstruction_loss"] + 4.0 * logs["kl_loss"], rel=1e-5)


@pytest.mark.parametrize("name", CVAE_PRESETS)
def test_every_preset_describes_itself_and_builds(name):
    assert CVAE_PRESETS[name]["description"]
    model = CVAE.from_preset(name)
    of_brains = name in ("brain", "invivo")
    assert len(model.labels) == (30 if of_brains else 2)
    assert model.latent_dim <= (48 if of_brains else 16)
    assert model.generates_noise == of_brains


def test_a_preset_takes_its_data_from_the_metadata_of_a_dataset():
    acquisition = Acquisition(127.7, 2000.0, 1024, (1.0, 3.0))
    description = DatasetDescription(acquisition, Labels(("tNAA_over_tCr",), ((1.0, 2.0),), "", "ratio"), 50.0)
    for dataset in (description, description.to_metadata()):
        model = CVAE.from_preset("base", dataset)
        assert (model.labels, model.acquisition, model.spectrum_scale) == (description.labels, acquisition, 50.0)
    assert model.generator.output_shape == (None, acquisition.window_points, 2)


def test_the_same_seed_gives_the_same_training_and_another_seed_another(data):
    weights = []
    for seed in (0, 0, 1):
        model = small_model(seed=seed)
        model.compile(keras.optimizers.Adam(1e-3))
        model.fit(batches(data), epochs=2, shuffle=False, verbose=0)
        weights.append(np.concatenate([w.ravel() for w in model.get_weights()]))
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 1e-6


def test_mixed_precision_trains_and_gives_float32(data):
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        model = small_model()
    finally:
        keras.config.set_dtype_policy(policy)
    assert model.encoder.get_layer("hidden_1").compute_dtype == "bfloat16"
    model.compile(keras.optimizers.Adam(1e-3))
    history = model.fit(batches(data), epochs=2, shuffle=False, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < history["loss"][0]
    assert {values.dtype for values in model.predict(data, verbose=0).values()} == {np.dtype(np.float32)}


def test_active_units_counts_latents_whose_mean_varies():
    rng = np.random.default_rng(0)
    z_mean = rng.normal(size=(500, 6)) * np.sqrt([1.0, 0.5, 0.02, 0.005, 1e-4, 0.0]) + [0, 3, 0, 1, 0, 2]
    metric = ActiveUnits(6)
    for chunk in np.array_split(z_mean, 7):
        metric.update_state(chunk)
    assert float(metric.result()) == np.sum(z_mean.var(axis=0) > 0.01) == 3
    metric.reset_state()
    assert float(metric.result()) == 0


def test_generated_spectra_depend_on_the_seed_alone():
    model = small_model()
    one, again, other = (model.generate([[10.0, 4.0]] * 3, seed, "standard_normal")["spectrum"] for seed in (0, 0, 1))
    assert one.shape == (3, 252, 2)
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0


def test_concentrations_outside_the_trained_range_are_warned_of():
    with pytest.warns(UserWarning, match="trained range: NAA 7.5 to 17 mM, PCr 3 to 5.5 mM"):
        small_model().generate([[20.0, 4.0]], 0, "standard_normal")


@pytest.mark.parametrize("concentrations", [[[1.0]], [1.0, 2.0], [[-1.0, 4.0]], [[float("nan"), 4.0]]])
def test_concentrations_that_make_no_sense_are_refused(concentrations):
    with pytest.raises(ValueError, match="`concentrations` must be"):
        small_model().generate(concentrations, seed=0)


@pytest.mark.parametrize(
    "shapes",
    [
        {"spectrum": (8, 100, 2), "concentrations": (8, 2)},
        {"spectrum": (8, 252), "concentrations": (8, 2)},
        {"spectrum": (8, 252, 2), "concentrations": (8, 3)},
        {"spectrum": (8, 252, 2)},
    ],
)
def test_data_of_another_shape_are_refused_in_fit_evaluate_and_predict(shapes):
    model = small_model()
    model.compile(keras.optimizers.Adam())
    wrong = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for run, options in ((model.fit, {"shuffle": False}), (model.evaluate, {}), (model.predict, {})):
        with pytest.raises(ValueError, match="takes a dict of `spectrum`.*Expected after the batch axis.*Received"):
            run(tf.data.Dataset.from_tensors(wrong), verbose=0, **options)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"latent_dim": 0}, "`latent_dim`"),
        ({"hidden_units": (32, 0)}, "`hidden_units`"),
        ({"spectrum_scale": -1.0}, "`spectrum_scale`"),
        ({"decoder_variance": 0.0}, "`decoder_variance`"),
        ({"decoder_variance": "best"}, "`decoder_variance`"),
        ({"kl_weight": -1.0}, "`kl_weight`"),
        (
            {"latent_prior": {"kind": "mixture", "width": 3}},
            "Unrecognized keyword arguments.*width",
        ),
        ({"latent_prior": {"kind": "mixture", "components": 0}}, "`components`"),
        ({"latent_prior": {"kind": "kde"}}, "Unknown `latent_prior`.*'standard_normal', 'mixture', 'flow'"),
    ],
)
def test_arguments_out_of_range_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        small_model(**changes)


def test_sample_weights_are_refused_and_not_ignored(data):
    model = small_model()
    model.compile("adam")
    weighted = tf.data.Dataset.from_tensors((data, np.zeros(200), np.ones(200)))
    with pytest.raises(ValueError, match="takes no sample weights"):
        model.fit(weighted, shuffle=False, verbose=0)


def test_an_unknown_preset_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match="Expected one of: .*'base'.*Received: preset='huge'"):
        CVAE.from_preset("huge")
