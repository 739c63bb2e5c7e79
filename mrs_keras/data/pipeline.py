"""tf.data pipelines for training and evaluation."""

import functools
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.checks import check_count
from mrs_keras.data.dataset import LABEL_KNOWN, MODEL_INPUTS, named_if_damaged, split_of

MODEL_FEATURES = dict.fromkeys(MODEL_INPUTS, True)


def training_batches(
    builder: tfds.core.DatasetBuilder, batch_size: int, seed: int, split: str | None = None, first_epoch: int = 0
) -> tuple[tf.data.Dataset, int]:
    """Returns endless shuffled batches, and the number of batches per epoch.

    The order of epoch n depends only on (seed, n), not on TensorFlow's global seed: a training that resumes at epoch n
    sees the same data as an uninterrupted one. The last batch of an epoch may be smaller. The split is kept in memory
    (2 kB a spectrum).

    Args:
      builder: of an opened dataset.
      batch_size: examples per batch, over all replicas.
      seed: integer.
      split: Defaults to `None`: the training split, see `split_of`.
      first_epoch: epoch to start with. Defaults to `0`.

    Returns:
      Dataset of `{"spectrum": float32 (batch, points, 2), "concentrations": float32 (batch, metabolites)}`, and the
      number of batches in an epoch.

    Raises:
      ValueError: if the batch size is not a whole number above 0, or a file of the dataset is damaged.
    """
    batch_size = check_count("batch_size", batch_size, 64)
    split = split or split_of(builder, "train")
    columns = _features(builder, split, batch_size=-1)
    examples = len(columns["spectrum"])

    def epoch_of(epoch):
        # Dataset.shuffle mixes the global seed into its own; a keyed permutation of the indices does not.
        key = tf.stack([tf.constant(seed, tf.int64), epoch])

        def batch_of(numbers):
            rows = tf.random.experimental.index_shuffle(numbers, tf.cast(key, tf.int32), examples - 1)
            return {name: tf.gather(column, rows) for name, column in columns.items()}

        return tf.data.Dataset.range(examples).batch(batch_size).map(batch_of)

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(epoch_of).prefetch(tf.data.AUTOTUNE), -(-examples // batch_size)


def endless_batches(columns: Mapping[str, Any], batch_size: int, seed: int, first_batch: int = 0) -> tf.data.Dataset:
    """Returns endless shuffled batches of few examples, all of the same size.

    The examples are gone through again and again, each time in another order; a batch may contain the end of one pass
    and the beginning of the next. Batch n depends only on the arguments and on n.

    Args:
      columns: name -> array with the examples on the first axis.
      batch_size: examples per batch, at most all of them.
      seed: integer.
      first_batch: number of the batch to start with. Defaults to `0`.

    Returns:
      Dataset of the columns and `"batch"`, the number of the batch, an int64 scalar.
    """
    columns = {name: tf.convert_to_tensor(column) for name, column in columns.items()}
    examples = len(next(iter(columns.values())))

    def rows_of(positions, number):
        key = tf.stack([tf.constant(seed, tf.int64), number])
        return tf.random.experimental.index_shuffle(positions % examples, tf.cast(key, tf.int32), examples - 1)

    def batch_of(batch):
        positions = batch * batch_size + tf.range(batch_size, dtype=tf.int64)
        first = positions[0] // examples
        # Of two passes at most.
        rows = tf.where(positions // examples == first, rows_of(positions, first), rows_of(positions, first + 1))
        return {**{name: tf.gather(column, rows) for name, column in columns.items()}, "batch": batch}

    numbers = tf.data.Dataset.counter(first_batch)
    return numbers.map(batch_of, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True).prefetch(tf.data.AUTOTUNE)


def evaluation_batches(
    builder: tfds.core.DatasetBuilder, split: str | None = None, batch_size: int = 512
) -> tf.data.Dataset:
    """Returns one pass over a split, by default the held-out one, in a fixed order; otherwise as `training_batches`."""
    split = split or split_of(builder, "validation")
    return _features(builder, split, batch_size=check_count("batch_size", batch_size, 512)).cache().prefetch(1)


def finite_batches(inputs, what: str, batch_size: int = 512) -> Iterable[Mapping[str, Any]]:
    """Returns the batches of finite data.

    Args:
      inputs: a finite `tf.data.Dataset` of batches, a Keras `PyDataset`, another iterable of batches, or a dict of
        arrays.
      what: the method that needs the data, for messages.
      batch_size: examples per batch of a dict of arrays. Defaults to `512`.

    Raises:
      ValueError: if a dataset is infinite, or if it turns out to be empty once iterated.
    """
    if isinstance(inputs, Mapping):
        inputs = tf.data.Dataset.from_tensor_slices(dict(inputs)).batch(batch_size)
    if isinstance(inputs, tf.data.Dataset) and inputs.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise ValueError(
            f"`{what}` goes through all of the data, and this dataset has no end. "
            "Expected: a finite dataset of batches. Received: an endless one. Give for example `dataset.take(100)`."
        )
    # A PyDataset of Keras has a length, but iterates forever.
    batches = (inputs[number] for number in range(len(inputs))) if hasattr(inputs, "__getitem__") else inputs
    empty = True
    for batch in batches:
        empty = False
        yield batch
    if empty:
        raise ValueError(f"`{what}` needs data. Expected: at least one batch. Received: an empty dataset.")


def _features(builder: tfds.core.DatasetBuilder, split: str, batch_size: int):
    """Returns the model inputs of a split: a dataset, or, with a batch size of -1, all of it as tensors.

    Examples of which a label is missing are left out.
    """
    complete = LABEL_KNOWN not in builder.info.features
    decoding = tfds.decode.PartialDecoding({**MODEL_FEATURES, **({} if complete else {LABEL_KNOWN: True})})
    if complete and batch_size != -1:
        return builder.as_dataset(split, batch_size=batch_size, decoders=decoding, shuffle_files=False)
    with named_if_damaged(builder.data_dir):
        columns = dict(builder.as_dataset(split, batch_size=-1, decoders=decoding, shuffle_files=False))
    if complete:
        return columns
    known = tf.reduce_all(columns.pop(LABEL_KNOWN), axis=1)
    columns = {name: tf.boolean_mask(column, known) for name, column in columns.items()}
    left_out = len(known) - len(columns["spectrum"])
    if left_out == len(known):
        raise ValueError(
            f"No example of the split '{split}' in '{builder.data_dir}' has all of its labels. Build the dataset with "
            "fewer `label_names`."
        )
    if left_out:
        text = f"{left_out} of {len(known)} examples of '{split}' are left out, since a label is missing"
        _tell_once(f"{text} ({builder.data_dir}).")
    return columns if batch_size == -1 else tf.data.Dataset.from_tensor_slices(columns).batch(batch_size)


@functools.cache
def _tell_once(text: str) -> None:
    print(text, file=sys.stderr)
