"""Endless batches of few examples."""

import numpy as np
import tensorflow as tf

from mrs_keras.data.pipeline import endless_batches

COLUMNS = {"number": np.arange(7), "square": np.arange(7) ** 2}


def rows(count, **options):
    batches = list(endless_batches(COLUMNS, 3, **options).take(count).as_numpy_iterator())
    for batch in batches:
        assert len(batch["number"]) == 3
        np.testing.assert_array_equal(batch["square"], batch["number"] ** 2)
    return np.concatenate([batch["number"] for batch in batches])


def test_every_pass_has_each_example_once_in_an_order_of_its_own():
    passes = rows(14, seed=0).reshape(6, 7)
    np.testing.assert_array_equal(np.sort(passes, axis=1), np.tile(np.arange(7), (6, 1)))
    assert len({tuple(each) for each in passes}) == 6
    assert not np.array_equal(passes, rows(14, seed=1).reshape(6, 7))


def test_batches_depend_on_their_number_and_not_on_where_they_begin_or_on_the_global_seed():
    expected = rows(14, seed=0)
    tf.random.set_seed(5)
    np.testing.assert_array_equal(rows(9, seed=0, first_batch=5), expected[15:])
