"""Gradient clipping: one factor for all replicas."""

import json

import keras
import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.models.clipping import clip_by_summed_norm
from tests.conftest import run_python
from tests.models.cvae_test import batches, examples, small_model


def test_a_long_gradient_is_scaled_to_the_bound_and_a_short_one_keeps_its_bits():
    rng = np.random.default_rng(0)
    gradients = [rng.normal(size=shape).astype(np.float32) for shape in ((7, 3), (5,), ())]
    norm = np.sqrt(sum((gradient.astype(float) ** 2).sum() for gradient in gradients))
    clipped = clip_by_summed_norm([tf.constant(gradient) for gradient in gradients], norm / 4)
    for ours, theirs in zip(clipped, gradients, strict=True):
        np.testing.assert_allclose(ours, theirs / 4, rtol=1e-6)
    untouched = clip_by_summed_norm([tf.constant(gradient) for gradient in gradients], norm * 1.001)
    for ours, theirs in zip(untouched, gradients, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(clip_by_summed_norm([tf.zeros(3)], 1.0)[0], np.zeros(3))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_gradient_that_is_not_finite_stays_so(bad):
    clipped = clip_by_summed_norm([tf.constant([1.0, bad]), tf.constant([2.0])], 1.0)
    assert not any(np.isfinite(gradient).any() for gradient in clipped)


def test_one_and_two_replicas_take_the_same_clipped_steps():
    code = """
import json, sys
import numpy as np, tensorflow as tf, keras
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 2
)
from tests.models.cvae_test import examples, small_model
data = examples(151)  # a last batch of 23: 12 for one replica, 11 for the other
strategies = [tf.distribute.MirroredStrategy(devices) for devices in (["CPU:0"], ["CPU:0", "CPU:1"])]
for clip in ({"clip_norm": 5.0}, {}):
    results = []
    for strategy in strategies:
        with strategy.scope():
            model = small_model(**clip)
            model._terms = lambda inputs, noise, training, f=model._terms: f(inputs, 0 * noise, training)
            # What Keras offers in its place is not the same on one and two.
            model.compile(keras.optimizers.SGD(1e-3, global_clipnorm=None if clip else 5.0))
        before = [np.array(w) for w in model.get_weights()]
        model.fit(tf.data.Dataset.from_tensor_slices(data).batch(64), epochs=2, shuffle=False, verbose=0)
        results.append(np.concatenate([(a - b).ravel() for a, b in zip(model.get_weights(), before)]))
    one, two = results
    print(json.dumps([float(np.linalg.norm(one)), float(np.linalg.norm(one - two))]))
"""
    lines = run_python(code).stdout.splitlines()[-2:]
    (moved, difference), (moved_by_keras, difference_by_keras) = map(json.loads, lines)
    # Six steps of at most 1e-3 * 5, all of them clipped.
    assert 0.5 * 0.03 < moved <= 0.03 * 1.001
    assert difference < 1e-4 * moved
    assert difference_by_keras > 1e-2 * moved_by_keras


def test_the_bound_holds_for_the_gradient_before_the_loss_was_scaled():
    data, moved = examples(64), []
    for policy in ("float32", "mixed_float16"):
        model = small_model(clip_norm=5.0, dtype=policy)
        optimizer = keras.optimizers.SGD(1e-3)
        if policy == "mixed_float16":
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer, initial_scale=0.25)
        model.compile(optimizer)
        before = model.get_weights()
        model.fit(batches(data), epochs=1, shuffle=False, verbose=0)
        moved.append(np.sqrt(sum(((a - b) ** 2).sum() for a, b in zip(model.get_weights(), before, strict=True))))
    np.testing.assert_allclose(moved, 5e-3, rtol=1e-3)


def test_a_bound_that_is_no_norm_is_refused_and_a_good_one_is_saved(tmp_path):
    with pytest.raises(ValueError, match="`clip_norm` must be a finite number above 0"):
        small_model(clip_norm=0.0)
    small_model(clip_norm=5.0).save(tmp_path / "model.keras")
    assert keras.models.load_model(tmp_path / "model.keras").clip_norm == 5.0
    assert small_model().clip_norm is None
