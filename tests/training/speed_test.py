"""What the recipe chooses for speed, and that it changes no number."""

import csv

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras import train
from mrs_keras.training import speed as speed_module
from mrs_keras.training.speed import choose_speed

SMALL = {"latent_dim": 4, "hidden_units": (16,), "latent_prior": {"kind": "standard_normal"}}
# 16 batches in an epoch, the last of them smaller.
SETTINGS = {"epochs": 2, "batch_size": 400, "checkpoint_every": 1, "changes": SMALL}


def trained(folder, data_dir, **changes):
    model = train(folder, data_dir=data_dir, **{**SETTINGS, **changes})
    with (folder / "history.csv").open(newline="") as file:
        return model, list(csv.reader(file))


@pytest.fixture(scope="module")
def by_default(tmp_path_factory, data_dir):
    return trained(tmp_path_factory.mktemp("speed") / "run", data_dir)


def assert_same_weights(one, other):
    for ours, theirs in zip(one.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize(
    ("steps", "expected"),
    [(94, 47), (250, 50), (47, 47), (64, 64), (130, 26), (6, 6), (157, 157), (2 * 67, 67), (10_007, 1), (1, 1)],
)
def test_the_steps_per_execution_divide_an_epoch(steps, expected):
    chosen = choose_speed(tf.distribute.get_strategy(), steps)
    assert (chosen.steps_per_execution, chosen.jit_compile, chosen.precision) == (expected, True, "float32")
    assert chosen.devices == "one CPU"


@pytest.mark.parametrize(
    ("capability", "expected"), [((9, 0), "mixed_float16"), ((6, 1), "float32"), (None, "float32")]
)
def test_a_gpu_trains_in_float16_where_it_is_fast_at_it(monkeypatch, capability, expected):
    details = {} if capability is None else {"compute_capability": capability}
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] * (kind == "GPU"))
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: details)
    chosen = choose_speed(tf.distribute.get_strategy(), 10)
    assert (chosen.precision, chosen.devices, chosen.jit_compile) == (expected, "one GPU", True)
    assert choose_speed(tf.distribute.get_strategy(), 10, "float32").precision == "float32"


def test_several_replicas_do_without_what_keras_cannot_do_there(monkeypatch):
    class Replicas:
        num_replicas_in_sync = 4

    monkeypatch.setattr(tf.config, "list_physical_devices", lambda kind: ["gpu"] * 4)
    monkeypatch.setattr(tf.config.experimental, "get_device_details", lambda gpu: {"compute_capability": (9, 0)})
    chosen = choose_speed(Replicas(), 100)
    assert (chosen.jit_compile, chosen.steps_per_execution, chosen.precision) == (False, 1, "float32")
    assert str(chosen).startswith("Training on 4 replicas (GPU): not compiled by XLA")


def test_many_steps_per_execution_train_to_the_same_bits_and_history(by_default, data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(speed_module, "STEPS_PER_EXECUTION", (1, 1, 1))
    model, history = trained(tmp_path / "one", data_dir)
    assert_same_weights(model, by_default[0])
    assert history == by_default[1]
    assert int(model.optimizer.iterations.numpy()) == 2 * 15


def test_the_training_says_what_it_chose_and_leaves_an_ordinary_model(data_dir, tmp_path, capsys):
    model, _ = trained(tmp_path / "run", data_dir, precision="mixed_bfloat16")
    said = capsys.readouterr().err.splitlines()[0]
    assert said == ("Training on one CPU: compiled by XLA, 15 steps per execution, mixed_bfloat16, input prefetched.")
    assert model.steps_per_execution == 1
    assert model.dtype_policy.name == "float32"
    assert {layer.compute_dtype for layer in model.generator.layers} == {"float32"}


@pytest.mark.slow
def test_a_training_in_float16_resumes_to_the_same_bits_with_its_loss_scale(by_default, data_dir, tmp_path):
    whole, history = trained(tmp_path / "run", data_dir, precision="mixed_float16")
    (tmp_path / "run" / "model.keras").unlink()
    (tmp_path / "run" / "checkpoints" / "epoch_0002.keras").unlink()
    resumed, history_again = trained(tmp_path / "run", data_dir, precision="mixed_float16")
    assert_same_weights(resumed, whole)
    np.testing.assert_allclose(np.array(history_again[1:], float), np.array(history[1:], float), rtol=1e-6)
    # It learned as in float32.
    error = history[0].index("val_mean_squared_error")
    assert float(history[-1][error]) == pytest.approx(float(by_default[1][-1][error]), rel=0.05)


def test_a_training_that_diverges_within_an_execution_is_stopped(data_dir, tmp_path):
    with pytest.raises(RuntimeError, match="diverged"):
        trained(tmp_path / "run", data_dir, learning_rate=1e30, epochs=30)
    assert not (tmp_path / "run" / "model.keras").exists()
    with (tmp_path / "run" / "history.csv").open() as file:
        assert len(file.readlines()) < 10  # the header, and far fewer than 30 epochs


@pytest.mark.slow
def test_another_precision_in_the_same_folder_or_an_unknown_one_is_refused(data_dir, tmp_path):
    with pytest.raises(ValueError, match="Unknown `precision`.*Received: precision='half'"):
        trained(tmp_path / "run", data_dir, precision="half")
    trained(tmp_path / "run", data_dir, epochs=1, precision="float32")
    with pytest.raises(ValueError, match="precision .found 'float32', requested 'mixed_float16'"):
        trained(tmp_path / "run", data_dir, epochs=1, precision="mixed_float16")
