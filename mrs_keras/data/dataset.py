"""Building and opening datasets of spectra with labels: TFDS datasets by name, and folders that contain one."""

import contextlib
import dataclasses
import importlib
import json
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds
from google.protobuf import json_format

from mrs_keras.checks import check_finite
from mrs_keras.data.description import DatasetDescription

DEFAULT_DATASET = "simulated_mrs"

TFRECORD_OVERHEAD_BYTES = 16
"""Length, and checksums of length and data, around each record of a TFRecord file."""

MOST_BUILT_UNASKED = 10_000
"""Largest number of examples of a dataset that a training builds automatically: a few seconds."""

MODEL_INPUTS = ("spectrum", "concentrations")

LABEL_KNOWN = "label_known"
"""Feature of a dataset whose labels may be missing: bool (labels,), whether each is known."""

OWN_CONFIG = {"measured_mrs": ("folder",)}
"""Dataset -> fields that a config of the user's own needs beside its name."""

HELD_OUT = {"train": "train[:90%]", "validation": "train[90%:]"}
"""Training and held-out part of a dataset with a single split."""


def build_dataset(
    name: str = DEFAULT_DATASET,
    config: str | Mapping[str, Any] | None = None,
    data_dir: str | os.PathLike | None = None,
) -> tfds.core.DatasetBuilder:
    """Builds a dataset unless it exists; the same as `tfds build tfds_builders/NAME --config CONFIG`.

    TFDS writes to a temporary folder and renames it at the end: an interrupted build leaves no dataset behind.

    Args:
      name: of a builder in `tfds_builders`. Defaults to `"simulated_mrs"`.
      config: name of a builder config, or the fields of one, such as `{"name": "small", "train": 100}`. Defaults to
        `None`: the builder's first.
      data_dir: TFDS data folder. Defaults to `None`: `$TFDS_DATA_DIR` or `~/tensorflow_datasets`.

    Returns:
      The builder of the finished dataset.

    Raises:
      ValueError: if there is no such builder or config, a field is unknown, or the dataset of that name was built with
        other settings.

    Example:

    >>> build_dataset(config={"name": "7t", "acquisition": {"spectrometer_frequency_mhz": 297.2, "bandwidth_hz": 6e3}})
    ... # doctest: +SKIP
    """
    builder_class = _builder_class(name)
    if builder_class is None:
        raise ValueError(
            f"There is no dataset builder {name!r}. Expected the module `tfds_builders.{name}`. "
            f"Give for example name={DEFAULT_DATASET!r}."
        )
    builder = builder_class(data_dir=_as_path(data_dir), config=_builder_config(builder_class, config))
    builder.download_and_prepare()
    return open_dataset(name, builder.builder_config.name, data_dir)


def open_or_build(
    name_or_folder: str | os.PathLike,
    config: str | Mapping[str, Any] | None,
    data_dir: str | os.PathLike | None,
    build: bool = False,
) -> tfds.core.DatasetBuilder:
    """Opens a dataset, and first builds it if it is a dataset of `tfds_builders` that was not built yet.

    Args:
      name_or_folder: as in `open_dataset`.
      config: as in `build_dataset`.
      data_dir: as in `open_dataset`.
      build: whether to build it even if it has more than 10,000 examples. Defaults to `False`.

    Raises:
      FileNotFoundError: if the dataset is missing and is not to be built.
      ValueError: as in `open_dataset`.
    """
    config_name = config.get("name") if isinstance(config, Mapping) else config
    try:
        found = open_dataset(name_or_folder, config_name, data_dir)
        # Of the same name; whether it has the same fields, the build checks.
        return build_dataset(str(name_or_folder), config, data_dir) if isinstance(config, Mapping) else found
    except FileNotFoundError:
        builder_class = _builder_class(str(name_or_folder))
        if builder_class is None or not _is_known(builder_class, config):
            raise
        builder = builder_class(data_dir=_as_path(data_dir), config=_builder_config(builder_class, config))
        if builder.examples > MOST_BUILT_UNASKED and not build:
            raise FileNotFoundError(
                f"The dataset {builder.name}/{builder.builder_config.name} is not built yet. It has "
                f"{builder.examples:,} examples, and building it takes minutes: use --build (`build=True` in Python)."
            ) from None
        print(f"Building the dataset {builder.name}/{builder.builder_config.name}, once.", file=sys.stderr)
        return build_dataset(str(name_or_folder), config, data_dir)


def _is_known(builder_class: type[tfds.core.DatasetBuilder], config: str | Mapping[str, Any] | None) -> bool:
    """Whether a builder can build a config: it has one of that name, or the fields are given."""
    return not isinstance(config, str) or builder_class.get_builder_config(config) is not None


def named_config(name: str, config: str | None) -> tfds.core.BuilderConfig:
    """Returns a builder's config by name; `None` is its first.

    Raises:
      ValueError: if there is no such builder or config.
    """
    builder_class = _builder_class(name)
    if builder_class is None:
        raise ValueError(f"There is no dataset builder {name!r}. Expected the module `tfds_builders.{name}`.")
    found = builder_class.BUILDER_CONFIGS[0] if config is None else builder_class.get_builder_config(config)
    if found is None:
        raise ValueError(f"The builder {name!r} has no config {config!r}.")
    return found


def _builder_config(
    builder_class: type[tfds.core.DatasetBuilder], config: str | Mapping[str, Any] | None
) -> str | tfds.core.BuilderConfig | None:
    """Returns a config by name, or made from its fields, as `tfds build --config='{...}'` does."""
    if not isinstance(config, Mapping):
        return config
    config_class = builder_class.builder_config_cls
    known = [field.name for field in dataclasses.fields(config_class)]
    unknown = [field for field in config if field not in known]
    if unknown or not config.get("name"):
        raise ValueError(
            f"A config of the dataset {builder_class.name} must have a `name`, and may have {', '.join(known)}. "
            f"Received: {', '.join(config) or 'nothing'}. "
            f"{'Leave out ' + ', '.join(unknown) if unknown else 'Give it a name'}."
        )
    return config_class(**config)


def _builder_class(name: str) -> type[tfds.core.DatasetBuilder] | None:
    """Returns a builder of `tfds_builders`, found by name as in TFDS: builders import this package, not vice versa."""
    module = f"tfds_builders.{name}.{name}_dataset_builder"
    try:
        return importlib.import_module(module).Builder
    except ModuleNotFoundError as error:
        if not module.startswith(str(error.name)):
            raise
        return None


def open_dataset(
    name_or_folder: str | os.PathLike = DEFAULT_DATASET,
    config: str | None = None,
    data_dir: str | os.PathLike | None = None,
) -> tfds.core.DatasetBuilder:
    """Opens a finished dataset, and checks that it is complete.

    Args:
      name_or_folder: name of a TFDS dataset, or a folder with the files of one, as written by `mrs-keras generate`.
        Defaults to `"simulated_mrs"`.
      config: builder config. Defaults to `None`: the builder's first, or the only one that was built.
      data_dir: TFDS data folder of a dataset by name, as in `build_dataset`.

    Returns:
      Builder to read from; `describe_dataset` returns its description.

    Raises:
      FileNotFoundError: if the dataset was not built, or not completely.
      ValueError: if one of its files is missing or truncated.
    """
    folder = Path(name_or_folder).expanduser()
    if (folder / "dataset_info.json").exists():
        return _open_folder(folder)
    if not str(name_or_folder).isidentifier():
        raise FileNotFoundError(
            f"There is no dataset in '{os.fspath(name_or_folder)}'. Expected the file 'dataset_info.json' in it, or "
            f"the name of a dataset, such as '{DEFAULT_DATASET}'."
        )
    root = Path(_as_path(data_dir) or tfds.core.constants.DATA_DIR).expanduser()
    config = config or _default_config(root / name_or_folder)
    versions = [
        path.parent
        for path in (root / name_or_folder / (config or "")).glob("*/dataset_info.json")
        if config and tfds.core.Version.is_valid(path.parent.name)
    ]
    if not versions:
        raise FileNotFoundError(_how_to_build(str(name_or_folder), config, root, data_dir is not None))
    return _open_folder(max(versions, key=lambda path: tfds.core.Version(path.name)))


def describe_dataset(builder: tfds.core.DatasetBuilder) -> DatasetDescription:
    """Returns the description that a dataset carries in its metadata.

    Raises:
      ValueError: if it has no description, or an incomplete one.
    """
    try:
        return DatasetDescription.from_metadata(builder.info.metadata)
    except ValueError as error:
        raise ValueError(f"The dataset in '{os.fspath(builder.data_dir)}': {error}") from error


def split_of(builder: tfds.core.DatasetBuilder, role: str) -> str | None:
    """Returns the split of a dataset for a role, `"train"`, `"validation"` or `"test"`, or `None` if there is none.

    If a dataset has no validation split, the last tenth of its training split is held out from training.
    """
    splits = builder.info.splits
    if "validation" not in splits and role in HELD_OUT:
        if "participant_id" in builder.info.features:
            raise ValueError(
                f"The dataset in '{os.fspath(builder.data_dir)}' has no validation split, and its examples cannot be "
                "divided without dividing subjects. Build it with `validation` above 0."
            )
        return HELD_OUT[role]
    return role if role in splits else None


@contextlib.contextmanager
def named_if_damaged(folder: str | os.PathLike) -> Iterator[None]:
    """Turns the errors of TFDS, protobuf and TensorFlow for damaged files into a `ValueError` that names the folder."""
    try:
        yield
    except (json_format.ParseError, tf.errors.DataLossError, FileNotFoundError, ValueError, KeyError) as error:
        raise ValueError(
            f"The dataset in '{os.fspath(folder)}' is damaged: {error} Remove that folder and build the dataset again."
        ) from error


def load_arrays(builder: tfds.core.DatasetBuilder, split: str, with_unlabelled: bool = False) -> dict[str, np.ndarray]:
    """Returns a whole split in memory: feature name -> array with the examples on the first axis.

    Examples are sorted by their ids, if they have any. Where labels may be missing (measured datasets), those examples
    are left out of which one is; other numbers that could not be measured are NaN.

    Args:
      builder: of the dataset.
      split: name of the split, or slices of splits as TFDS reads them.
      with_unlabelled: whether to keep examples of which a label is missing, which is NaN then. Defaults to `False`.

    Raises:
      ValueError: if a file of the dataset is damaged, or a number in it is NaN or infinite.
    """
    with named_if_damaged(builder.data_dir):
        batches = builder.as_dataset(split, batch_size=1024).as_numpy_iterator()
        columns = list(zip(*(batch.items() for batch in batches), strict=True))
    arrays = {column[0][0]: np.concatenate([values for _, values in column]) for column in columns}
    if LABEL_KNOWN in arrays and not with_unlabelled:
        known = arrays[LABEL_KNOWN].all(axis=1)
        arrays = {name: array[known] for name, array in arrays.items()}
    for name, array in arrays.items():
        may_be_missing = LABEL_KNOWN in arrays and (
            name not in MODEL_INPUTS or (with_unlabelled and name != "spectrum")
        )
        if np.issubdtype(array.dtype, np.number) and not may_be_missing:
            check_finite(f"{name} of the split '{split}'", array)
    order = np.argsort(arrays["example_id"]) if "example_id" in arrays else slice(None)
    return {name: array[order] for name, array in arrays.items()}


def _open_folder(folder: Path) -> tfds.core.DatasetBuilder:
    with named_if_damaged(folder):
        builder = tfds.builder_from_directory(folder)
        json.loads((folder / "metadata.json").read_text())  # TFDS treats a damaged file as a missing one
    for name, split in builder.info.splits.items():
        sizes = [path.stat().st_size if path.exists() else 0 for path in map(Path, split.filepaths)]
        expected = int(split.num_bytes) + TFRECORD_OVERHEAD_BYTES * split.num_examples
        if sum(sizes) != expected:
            raise ValueError(
                f"The split '{name}' of the dataset in '{folder}' is damaged. "
                f"Expected {expected} bytes in {len(sizes)} file(s). Received {sum(sizes)} bytes. "
                "Remove that folder and build the dataset again."
            )
    return builder


def _default_config(folder: Path) -> str | None:
    """Returns the config that TFDS recorded as the builder's first, if it was built, or the only one that exists."""
    with contextlib.suppress(OSError, ValueError, KeyError):
        first = json.loads((folder / ".config" / "metadata.json").read_text())["default_config_name"]
        if (folder / first).is_dir():
            return first
    configs = [path.name for path in folder.glob("[!.]*") if path.is_dir()]
    return configs[0] if len(configs) == 1 else None


def _how_to_build(name: str, config: str | None, root: Path, root_is_given: bool) -> str:
    command = ["tfds", "build", f"tfds_builders/{name}"]
    arguments = [repr(name)]
    builder_class = _builder_class(name)
    if builder_class is not None and not _is_known(builder_class, config):
        # A config of the user's own, of which only the name is known here.
        fields = {"name": config, **dict.fromkeys(OWN_CONFIG.get(name, ()), "PATH")}
        command += ["--config", json.dumps(fields)]
        arguments.append(f"config={fields}")
    elif config is not None:
        command += ["--config", config]
        arguments.append(f"config={config!r}")
    if root_is_given:
        command += ["--data_dir", str(root)]
        arguments.append(f"data_dir={str(root)!r}")
    return (
        f"No finished dataset in '{root / name / (config or '')}'. Build it with `{shlex.join(command)}` from a "
        f"checkout, or with `mrs_keras.build_dataset({', '.join(arguments)})` from anywhere; an interrupted build "
        "starts anew."
    )


def _as_path(data_dir) -> str | None:
    return None if data_dir is None else os.fspath(data_dir)
