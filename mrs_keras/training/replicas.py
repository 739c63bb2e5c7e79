"""Which devices train, and which rows of a batch each one gets."""

import tensorflow as tf

from mrs_keras.training.cluster import Cluster
from mrs_keras.training.liveness import connecting


def default_strategy(cluster: Cluster | None = None) -> tf.distribute.Strategy:
    """Returns a mirrored strategy over all machines or all GPUs if there are several, otherwise `None`.

    Raises:
      RuntimeError: if TensorFlow has already run in this process, so that several machines cannot be connected.
    """
    if cluster is None:
        several = len(tf.config.list_logical_devices("GPU")) > 1
        return tf.distribute.MirroredStrategy() if several else tf.distribute.get_strategy()
    try:
        with connecting():
            return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "startup" not in str(error):
            raise
        raise RuntimeError(
            "Several machines can only be connected before TensorFlow computes anything. Received: a process in which "
            "it has. Call `train` first in a new process, or use the command `mrs-keras train`."
        ) from error


def compiles(strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA compiles the step, for speed.

    Not under a strategy: Keras fails with several replicas (keras#19005), and with a single mirrored replica its
    metrics differed from run to run.
    """
    mirrored = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
    return strategy.num_replicas_in_sync == 1 and not isinstance(strategy, mirrored)


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raises `ValueError` if some replicas would never get an example."""
    replicas = strategy.num_replicas_in_sync
    if batch_size < replicas:
        raise ValueError(
            "`batch_size` is the global batch size and must be at least the number of replicas. "
            f"Expected: {replicas} or more. Received: batch_size={batch_size}. "
            "Use a larger batch, or train on fewer devices."
        )


def distribute(batches: tf.data.Dataset, strategy: tf.distribute.Strategy):
    """Returns the data of `fit`: of each global batch, every replica gets consecutive rows, in the order of replicas.

    With several machines, each worker reads the same global batches and keeps its rows, so the training data do not
    depend on the number of machines. On one machine Keras splits the batches in the same way. If the batch size is not
    divisible by the number of replicas, some replicas get one row less, or none.

    Args:
      batches: endless dataset of dicts with the examples on the first axis.
      strategy: of the training.
    """
    if not isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        return batches
    replicas = strategy.num_replicas_in_sync

    def rows_of_this_worker(context):
        local = replicas // context.num_input_pipelines
        first = context.input_pipeline_id * local

        def shares(batch):
            size = tf.cast(tf.shape(tf.nest.flatten(batch)[0])[0], tf.int64)

            def share(replica):
                start, end = replica * size // replicas, (replica + 1) * size // replicas
                return tf.nest.map_structure(lambda column: column[start:end], batch)

            return tf.data.Dataset.range(first, first + local).map(share)

        # The data are endless, so that no worker has to ask the others at each step whether they have data left.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.flat_map(shares).apply(endless).prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(rows_of_this_worker)
