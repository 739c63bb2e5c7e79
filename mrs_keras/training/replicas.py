"""Which devices train, and which rows of a batch each of them gets."""

import tensorflow as tf

from mrs_keras.training.cluster import Cluster
from mrs_keras.training.liveness import connecting


def default_strategy(cluster: Cluster | None = None) -> tf.distribute.Strategy:
    """Returns a mirrored strategy over all machines or all GPUs where there are several, otherwise none.

    Raises:
      RuntimeError: if TensorFlow ran in this process before several machines could be joined.
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
            "Several machines can only be joined before TensorFlow computes anything. Received: a process in which it "
            "did. Call `train` first in a new process, or use the command `mrs-keras train`."
        ) from error


def compiles(strategy: tf.distribute.Strategy) -> bool:
    """Whether XLA compiles the step, which makes it faster.

    Not under a strategy: Keras fails with several replicas (keras#19005), and with a single mirrored one its metrics
    were seen to differ from run to run.
    """
    mirrored = (tf.distribute.MirroredStrategy, tf.distribute.MultiWorkerMirroredStrategy)
    return strategy.num_replicas_in_sync == 1 and not isinstance(strategy, mirrored)


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raises `ValueError` where some replicas would never get an example."""
    replicas = strategy.num_replicas_in_sync
    if batch_size < replicas:
        raise ValueError(
            "`batch_size` counts the examples of a step over all replicas, and must be at least their number. "
            f"Expected: {replicas} or more. Received: batch_size={batch_size}. "
            "Give a larger batch, or train on fewer devices."
        )


def distribute(batches: tf.data.Dataset, strategy: tf.distribute.Strategy):
    """Returns what `fit` reads: of each global batch every replica gets consecutive rows, in the order of replicas.

    Over several machines each worker reads the same global batches and keeps its rows: what is trained on does not
    depend on their number. On one machine Keras splits the batches in the same way. A batch that does not divide gives
    some replicas a row less, or none.

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

        # Without an end no worker needs to ask the others at each step whether they have data left.
        endless = tf.data.experimental.assert_cardinality(tf.data.INFINITE_CARDINALITY)
        return batches.flat_map(shares).apply(endless).prefetch(tf.data.AUTOTUNE)

    return strategy.distribute_datasets_from_function(rows_of_this_worker)
