"""What users of Keras are used to: data and tools as they come."""

import functools
import pickle

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import CVAE
from mrs_keras.evaluation import held_out_loss
from mrs_keras.random_streams import row_seeds
from tests.conftest import REPOSITORY, run_python
from tests.models.cvae_test import batches, examples, small_model


class Batches(keras.utils.PyDataset):
    def __init__(self, data, size=64):
        super().__init__()
        self.data, self.size = data, size

    def __len__(self):
        return -(-len(self.data["spectrum"]) // self.size)

    def __getitem__(self, number):
        rows = slice(number * self.size, (number + 1) * self.size)
        return {name: values[rows] for name, values in self.data.items()}


@pytest.fixture(scope="module")
def data():
    return examples(200)


def trained(data, dataset=None, epochs=2, **changes) -> CVAE:
    model = small_model(latent_prior={"kind": "mixture", "components": 2}, **changes)
    model.compile(keras.optimizers.Adam(1e-3))
    model.fit(batches(data) if dataset is None else dataset, epochs=epochs, shuffle=False, verbose=0)
    return model


def weights(model) -> np.ndarray:
    return np.concatenate([np.ravel(weight) for weight in model.get_weights()])


def test_float64_data_train_as_float32_data_do(data):
    double = {name: values.astype(np.float64) for name, values in data.items()}
    one, other = trained(data), trained(double)
    np.testing.assert_array_equal(weights(one), weights(other))
    one.fit_latent_density(double)
    assert one.predict(double, verbose=0)["spectrum"].dtype == np.float32
    assert np.isfinite(one.evaluate(batches(double), return_dict=True, verbose=0)["loss"])
    assert np.isfinite(held_out_loss(one, batches(double))["loss"])
    assert one.encode(**double)["z_mean"].dtype == np.float32


@pytest.mark.slow
def test_keras_set_to_float64_trains_generates_and_exports(tmp_path):
    code = """
import sys
import keras
keras.config.set_floatx("float64")
import tensorflow as tf
from tests.models.cvae_test import batches, examples, small_model
data = {name: values.astype("float64") for name, values in examples(100).items()}
model = small_model(latent_prior={"kind": "mixture", "components": 2})
assert model.dtype_policy.name == "float64"
model.compile(keras.optimizers.Adam(1e-3))
model.fit(batches(data), epochs=1, shuffle=False, verbose=0)
model.fit_latent_density(data)
model.export(sys.argv[1])
generate = (generator := tf.saved_model.load(sys.argv[1] + "/generator/1")).signatures["generate"]
theirs = generate(concentrations=tf.constant([[12.0, 4.5]], tf.float32), seed=tf.constant([3], tf.int64))["spectrum"]
ours = model.generate([[12.0, 4.5]], [3])["spectrum"]
assert abs(ours - theirs.numpy()).max() < 1e-5 * abs(ours).max()
"""
    run_python(code, tmp_path)


@pytest.mark.parametrize("method", ["fit_latent_density", "held_out_loss"])
def test_data_without_end_and_without_examples_are_refused_at_once(data, method):
    model = trained(data, epochs=1)
    drain = {"fit_latent_density": model.fit_latent_density, "held_out_loss": functools.partial(held_out_loss, model)}
    with pytest.raises(ValueError, match=rf"`{method}` goes through all of the data.*no end.*take\(100\)"):
        drain[method](batches(data).repeat())
    with pytest.raises(ValueError, match=rf"`{method}` needs data.*empty"):
        drain[method](batches(data).take(0))
    drain[method](batches(data).repeat().take(3))


def test_a_pydataset_trains_and_fits_as_tf_data_do(data):
    one, other = trained(data), trained(data, Batches(data))
    np.testing.assert_allclose(weights(one), weights(other), atol=1e-6)
    for model, inputs in ((one, batches(data)), (other, Batches(data))):
        model.fit_latent_density(inputs)
    np.testing.assert_allclose(one.latent_prior.means, other.latent_prior.means, atol=1e-2)
    assert other.evaluate(Batches(data), return_dict=True, verbose=0)["loss"] == pytest.approx(
        one.evaluate(batches(data), return_dict=True, verbose=0)["loss"], rel=1e-4
    )


def test_a_forgotten_batch_is_named(data):
    model = small_model()
    model.compile("adam")
    with pytest.raises(ValueError, match=r"The batch axis is missing.*Call `.batch\(64\)`"):
        model.fit(tf.data.Dataset.from_tensor_slices(data), shuffle=False, verbose=0)


def test_labels_by_name_are_those_in_a_row(data):
    model = trained(data)
    model.fit_latent_density(data)
    by_name = model.generate({"PCr": [4.0, 5.0], "NAA": 12}, seed=1)
    np.testing.assert_array_equal(by_name["spectrum"], model.generate([[12, 4.0], [12, 5.0]], seed=1)["spectrum"])
    with pytest.raises(ValueError, match="name the labels of the model. Expected exactly: NAA, PCr. Received: NAA"):
        model.generate({"NAA": 12.0}, seed=1)


def test_a_model_is_exported_by_its_method_after_fit_predict_and_call(data, tmp_path):
    model = trained(data)
    model.fit_latent_density(data)
    model.predict(data, verbose=0)
    model(data)
    paths = model.export(tmp_path, version=3)
    generator = tf.saved_model.load(str(paths["generator"]))
    theirs = generator.signatures["generate"](
        concentrations=tf.constant([[12.0, 4.5]]), seed=tf.constant([7], tf.int64)
    )
    ours = model.generate([[12.0, 4.5]], [7])
    for name in ("spectrum", "z"):
        np.testing.assert_allclose(theirs[name], ours[name], atol=1e-5 * np.abs(ours[name]).max())


@pytest.mark.parametrize("seeds", [np.array([2**63, 0], np.uint64), np.array([2**64 - 1, 5], np.uint64)])
def test_seeds_that_would_wrap_around_are_refused(seeds):
    with pytest.raises(ValueError, match="`seed` must be an int64 for each row.*wrap around"):
        row_seeds(seeds, 2)
    np.testing.assert_array_equal(row_seeds(np.array([2**63 - 1, 0], np.uint64), 2), [2**63 - 1, 0])


def test_backup_and_restore_resumes_to_the_same_bits(data, tmp_path):
    class Interrupt(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 3:
                raise KeyboardInterrupt

    def fit(folder, *more):
        model = small_model()
        model.compile(keras.optimizers.Adam(1e-3))
        backup = keras.callbacks.BackupAndRestore(tmp_path / folder)
        model.fit(batches(data), epochs=5, shuffle=False, verbose=0, callbacks=[backup, *more])
        return model

    with pytest.raises(KeyboardInterrupt):
        fit("interrupted", Interrupt())
    np.testing.assert_array_equal(weights(fit("interrupted")), weights(fit("whole")))


def test_gradients_through_the_savedmodel_recover_the_concentrations():
    generator = tf.saved_model.load(str(REPOSITORY / "saved_models" / "generator" / "2"))
    decode, generate = (generator.signatures[name] for name in ("decode", "generate"))
    true = tf.constant([[12.0, 4.5], [9.0, 3.6]])
    target = generate(concentrations=true, seed=tf.constant([1, 2], tf.int64))
    found, optimizer = tf.Variable([[11.0, 4.0], [11.0, 4.0]]), keras.optimizers.Adam(0.1)
    for _ in range(150):
        with tf.GradientTape() as tape:
            spectrum = decode(z=target["z"], concentrations=found)["spectrum"]
            loss = tf.reduce_mean(tf.square(spectrum - target["spectrum"]))
        optimizer.apply(tape.gradient([loss], [found]), [found])
    np.testing.assert_allclose(found, true, rtol=0.01)


@pytest.mark.parametrize("steps", [1, 2])
def test_a_ragged_last_batch_and_steps_per_execution_train_the_same(data, steps):
    model = small_model()
    model.compile(keras.optimizers.Adam(1e-3), steps_per_execution=steps, jit_compile=False)
    model.fit(batches(data, 60), epochs=2, shuffle=False, verbose=0)  # 60, 60, 60, 20
    assert int(model.optimizer.iterations) == 8
    single = small_model()
    single.compile(keras.optimizers.Adam(1e-3), jit_compile=False)
    single.fit(batches(data, 60), epochs=2, shuffle=False, verbose=0)
    np.testing.assert_allclose(weights(model), weights(single), atol=1e-6)


def test_a_model_is_cloned_and_pickled(data):
    model = trained(data)
    model.fit_latent_density(data)
    clone = keras.models.clone_model(model)
    assert clone.get_config() == model.get_config()
    clone.set_weights(model.get_weights())
    for same in (clone, pickle.loads(pickle.dumps(model))):
        ours, theirs = (each.generate([[12.0, 4.5]], seed=0)["spectrum"] for each in (same, model))
        np.testing.assert_array_equal(ours, theirs)


def test_a_loss_given_to_compile_is_refused():
    for arguments in ({"loss": "mse"}, {"metrics": ["mae"]}, {"loss_weights": [1.0]}):
        with pytest.raises(ValueError, match="a loss and metrics of its own.*Received"):
            small_model().compile("adam", **arguments)
    with pytest.raises(ValueError, match="Received: loss"):
        small_model().compile("adam", "mse")


def test_an_untrained_preset_says_so(capsys):
    CVAE.from_preset("base", hidden_units=(8,))
    assert "random weights, to be trained" in capsys.readouterr().err
