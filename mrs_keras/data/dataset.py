"""Building and opening the dataset `simulated_mrs`."""

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import json_format

from mrs_keras.checks import check_finite

TFRECORD_OVERHEAD_BYTES = 16
"""Length, and checksums of length and data, around each record of a TFRecord file."""


def build_dataset(data_dir: str | os.PathLike | None = None, config: str = "naa_pcr") -> tfds.core.DatasetBuilder:
    """Builds the dataset unless it is there; the same as `tfds build tfds_builders/simulated_mrs`.

    TFDS writes to a folder of its own and renames it at the end: an interrupted build leaves no dataset behind.

    Args:
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.
      config: builder config. Defaults to `"naa_pcr"`.

    Returns:
      The builder of the finished dataset.
    """
    from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder

    builder = Builder(data_dir=_as_path(data_dir), config=config)
    builder.download_and_prepare()
    return open_dataset(data_dir, config)


def open_dataset(data_dir: str | os.PathLike | None = None, config: str = "naa_pcr") -> tfds.core.DatasetBuilder:
    """Opens a finished dataset, and checks that all of it is there.

    Args:
      data_dir: as in `build_dataset`.
      config: as in `build_dataset`.

    Returns:
      Builder to read from; `builder.info.metadata` holds the acquisition, metabolites, prior and peak height.

    Raises:
      FileNotFoundError: if the dataset was not built, or not to the end.
      ValueError: if a file of it is missing or was cut short.
    """
    root = Path(_as_path(data_dir) or tfds.core.constants.DATA_DIR).expanduser() / "simulated_mrs" / config
    versions = [
        path.parent for path in root.glob("*/dataset_info.json") if tfds.core.Version.is_valid(path.parent.name)
    ]
    if not versions:
        raise FileNotFoundError(
            f"No finished dataset in '{root}'. Build it with "
            f"`tfds build tfds_builders/simulated_mrs --data_dir={root.parents[1]}` from a checkout, or with "
            f"`mrs_keras.data.build_dataset('{root.parents[1]}', '{config}')` from anywhere; an interrupted build "
            "starts anew."
        )
    newest = max(versions, key=lambda path: tfds.core.Version(path.name))
    with named_if_damaged(newest):
        builder = tfds.builder_from_directory(newest)
        json.loads((newest / "metadata.json").read_text())  # TFDS takes a damaged one for none
    for name, split in builder.info.splits.items():
        sizes = [path.stat().st_size if path.exists() else 0 for path in map(Path, split.filepaths)]
        expected = int(split.num_bytes) + TFRECORD_OVERHEAD_BYTES * split.num_examples
        if sum(sizes) != expected:
            raise ValueError(
                f"The split '{name}' of the dataset in '{newest}' is damaged. "
                f"Expected {expected} bytes in {len(sizes)} file(s). Received {sum(sizes)} bytes. "
                "Remove that folder and build the dataset again."
            )
    return builder


@contextlib.contextmanager
def named_if_damaged(folder: str | os.PathLike) -> Iterator[None]:
    """Turns what TFDS, protobuf and TensorFlow raise over damaged files into a `ValueError` that names the folder."""
    try:
        yield
    except (json_format.ParseError, tf.errors.DataLossError, FileNotFoundError, ValueError, KeyError) as error:
        raise ValueError(
            f"The dataset in '{os.fspath(folder)}' is damaged: {error} Remove that folder and build the dataset again."
        ) from error


def load_arrays(builder: tfds.core.DatasetBuilder, split: str) -> dict[str, np.ndarray]:
    """Returns a whole split in memory: feature name -> array with the examples on the first axis.

    Examples come in the order of their ids.

    Raises:
      ValueError: if a file of the dataset is damaged, or a number in it is NaN or infinite.
    """
    with named_if_damaged(builder.data_dir):
        batches = builder.as_dataset(split, batch_size=1024).as_numpy_iterator()
        columns = list(zip(*(batch.items() for batch in batches), strict=True))
    arrays = {column[0][0]: np.concatenate([values for _, values in column]) for column in columns}
    for name, array in arrays.items():
        if np.issubdtype(array.dtype, np.number):
            check_finite(f"{name} of the split '{split}'", array)
    order = np.argsort(arrays["example_id"])
    return {name: array[order] for name, array in arrays.items()}


def _as_path(data_dir) -> str | None:
    return None if data_dir is None else os.fspath(data_dir)
