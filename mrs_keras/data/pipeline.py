"""tf.data pipelines for training and evaluation."""

import tensorflow as tf
import tensorflow_datasets as tfds

from mrs_keras.checks import check_count

MODEL_FEATURES = tfds.decode.PartialDecoding({"spectrum": True, "concentrations": True})
SHUFFLE_BUFFER = 100_000
"""Examples held for shuffling: all of the default dataset, and 200 MB of a larger one."""


def training_batches(
    builder: tfds.core.DatasetBuilder, batch_size: int, seed: int, split: str = "train", first_epoch: int = 0
) -> tuple[tf.data.Dataset, int]:
    """Returns endless shuffled batches, and how many of them are an epoch.

    The order of epoch n depends on (seed, n) alone: a training that resumes at epoch n sees what an uninterrupted one
    would see. The last batch of an epoch may be smaller.

    Args:
      builder: of an opened dataset.
      batch_size: examples per batch, over all replicas.
      seed: integer.
      split: Defaults to `"train"`.
      first_epoch: epoch to begin with. Defaults to `0`.

    Returns:
      Dataset of `{"spectrum": float32 (batch, points, 2), "concentrations": float32 (batch, metabolites)}`, and the
      number of batches in an epoch.

    Raises:
      ValueError: if the batch size is not a whole number above 0.
    """
    batch_size = check_count("batch_size", batch_size, 64)
    examples = builder.info.splits[split].num_examples
    dataset = _examples(builder, split).cache()

    def epoch_of(epoch):
        # The dataset's own order is fixed; the seed tensor makes that of each epoch.
        return dataset.shuffle(min(examples, SHUFFLE_BUFFER), seed=epoch + seed * 2**32).batch(batch_size)

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(epoch_of).prefetch(tf.data.AUTOTUNE), -(-examples // batch_size)


def evaluation_batches(
    builder: tfds.core.DatasetBuilder, split: str = "validation", batch_size: int = 512
) -> tf.data.Dataset:
    """Returns one pass over a split, in a fixed order; batches as in `training_batches`."""
    return _examples(builder, split).batch(check_count("batch_size", batch_size, 512)).cache().prefetch(1)


def _examples(builder: tfds.core.DatasetBuilder, split: str) -> tf.data.Dataset:
    return builder.as_dataset(split, decoders=MODEL_FEATURES, shuffle_files=False)
