"""`model.fit` under tf.distribute: the number of replicas must not show in what is trained."""

import json

import numpy as np
import pytest

from tests.conftest import run_python

# 50 steps over batches of 64, 64 and 3: the last gives one of four replicas nothing, and neither size divides by them.
TRAINING = """
import json, sys
import keras, numpy as np, tensorflow as tf
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
from tests.models.cvae_test import batches, examples, small_model
data = examples(131)

def trained(replicas, learning_rate=3e-6, **changes):
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])
    with strategy.scope():
        model = small_model(seed=0, label_penalty=20.0, **changes)
        model.compile(keras.optimizers.SGD(learning_rate))
    start = np.concatenate([weight.ravel() for weight in model.get_weights()])
    logs = model.fit(batches(data).repeat(), steps_per_epoch=50, epochs=1, shuffle=False, verbose=0).history
    numbers = {name: float(values[-1]) for name, values in logs.items()}
    # The first batch that an evaluation sees may be the one that leaves a replica without data.
    evaluated = model.evaluate(batches(data, 3), return_dict=True, verbose=0)
    numbers |= {f"val_{name}": value for name, value in evaluated.items()}
    return np.concatenate([weight.ravel() for weight in model.get_weights()]), start, numbers
"""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    """Name -> weights before and after, and numbers.

    `"again"` is the training on four replicas once more, `"unscaled"` one on two with what the usual `train_step` does
    wrong: gradients that are not scaled by the number of replicas.
    """
    folder = tmp_path_factory.mktemp("replicas")
    code = """
for name, replicas in json.loads(sys.argv[2]).items():
    if name == "unscaled":
        keras.optimizers.SGD.scale_loss = lambda self, loss: 2 * loss
    weights, start, numbers = trained(replicas)
    np.savez(f"{sys.argv[1]}/{name}.npz", weights=weights, start=start, numbers=json.dumps(numbers))
"""
    # TensorFlow's collectives take one number of replicas above one in a process.
    for trained in ({"one": 1, "two": 2, "unscaled": 2}, {"four": 4, "again": 4}):
        run_python(TRAINING + code, folder, json.dumps(trained))
    return {path.stem: dict(np.load(path)) for path in folder.iterdir()}


@pytest.mark.parametrize("replicas", ["two", "four"])
def test_several_replicas_train_the_same_weights_as_one(trainings, replicas, measured):
    one = trainings["one"]
    difference = np.abs(trainings[replicas]["weights"] - one["weights"]).max()
    moved = np.abs(one["weights"] - one["start"]).max()
    measured(
        f"{replicas} replicas and one, 50 SGD steps: weights differ by {difference:.1e} (< 1e-5), moved {moved:.2g}"
    )
    assert moved > 1e-2
    assert difference < 1e-5


@pytest.mark.parametrize("replicas", ["two", "four"])
def test_metrics_are_those_of_the_global_batch(trainings, replicas):
    one, several = (json.loads(str(trainings[name]["numbers"])) for name in ("one", replicas))
    assert set(one) == set(several) >= {"loss", "active_units", "val_loss", "val_active_units"}
    for name, value in one.items():
        assert several[name] == pytest.approx(value, rel=1e-4), name


def test_the_same_seed_gives_the_same_training_on_four_replicas(trainings):
    np.testing.assert_allclose(trainings["again"]["weights"], trainings["four"]["weights"], rtol=0, atol=1e-6)


def test_replicas_draw_different_noise_and_together_that_of_one():
    code = """
import json, numpy as np, tensorflow as tf, keras
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 3
)
from mrs_keras.models.cvae import _rows_of_replicas
from tests.models.cvae_test import small_model
noise = {}
for replicas in (1, 3):
    strategy = tf.distribute.MirroredStrategy([f"CPU:{number}" for number in range(replicas)])
    with strategy.scope():
        model = small_model()
        model.compile(keras.optimizers.SGD(0.0))
        model.optimizer.build(model.trainable_variables)
    rows = {1: [7], 3: [4, 0, 3]}[replicas]
    column = strategy.experimental_distribute_values_from_function(
        lambda context: tf.zeros((rows[context.replica_id_in_sync_group],))
    )
    draw = tf.function(lambda column: model._step_noise(tf.shape(column)[0], _rows_of_replicas(column)))
    for step in range(2):
        model.optimizer.iterations.assign(step)
        parts = strategy.experimental_local_results(strategy.run(draw, args=(column,)))
        assert [len(part) for part in parts] == rows
        noise[replicas, step] = np.concatenate(parts)
np.testing.assert_array_equal(noise[1, 0], noise[3, 0])
np.testing.assert_array_equal(noise[1, 1], noise[3, 1])
print(json.dumps(len(np.unique(np.concatenate([noise[3, 0], noise[3, 1]])))))
"""
    # 7 rows of 4 latents in 2 steps, all different.
    assert json.loads(run_python(code).stdout.splitlines()[-1]) == 2 * 7 * 4


def test_gradients_that_are_not_scaled_would_be_noticed(trainings):
    """The tolerance above must tell the wrong training from the right one."""
    assert np.abs(trainings["unscaled"]["weights"] - trainings["one"]["weights"]).max() > 1e-3
