"""Labels as sums and ratios of the columns of a prior."""

import numpy as np
import pytest
import tensorflow as tf

from mrs_keras.data import LabelColumns

COLUMNS = ("NAA", "NAAG", "Cr", "PCr", "mI", "MM09")
ROWS = np.array([[10.0, 2.0, 5.0, 3.0, 6.0, 9.0], [8.0, 0.0, 4.0, 4.0, 4.0, 1.0]])


def test_sums_and_ratios_are_those_of_the_columns_by_any_of_their_names():
    labels = LabelColumns.of(["tNAA_over_tCr", "Ins", "NAA+NAAG/Cr+PCr", "tCr"], COLUMNS)
    expected = [[1.5, 6.0, 1.5, 8.0], [1.0, 4.0, 1.0, 8.0]]
    np.testing.assert_allclose(labels(ROWS), expected, rtol=1e-15)


def test_factors_scale_the_labels_and_tensors_give_the_same_as_arrays():
    labels = LabelColumns.of(["tNAA_over_tCr", "mI_over_tCr"], COLUMNS, [0.9, 1.2])
    np.testing.assert_allclose(labels(ROWS), [[1.35, 0.9], [0.9, 0.6]], rtol=1e-15)
    tensors = labels(tf.constant(ROWS, tf.float32))
    assert tensors.dtype == tf.float32
    np.testing.assert_allclose(tensors, labels(ROWS), rtol=1e-6)


def test_no_labels_are_no_columns():
    assert LabelColumns.of([], COLUMNS)(ROWS).shape == (2, 0)


def test_a_label_whose_parts_are_not_all_there_is_refused_by_name():
    with pytest.raises(ValueError, match=r"The labels Glx_over_tCr, GABA cannot be computed.*among: NAA, NAAG"):
        LabelColumns.of(["tNAA_over_tCr", "Glx_over_tCr", "GABA"], COLUMNS)
    with pytest.raises(ValueError, match="The labels tCr_over_tCr cannot"):
        LabelColumns.of(["tCr_over_tCr"], COLUMNS)
