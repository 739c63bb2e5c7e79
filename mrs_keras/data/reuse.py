"""Checks that a dataset on disk has the settings of the config with its name."""

import json
from collections.abc import Mapping, Sequence

import tensorflow_datasets as tfds

from mrs_keras.data.description import DatasetDescription


def check_reused(
    builder: tfds.core.DatasetBuilder,
    description: DatasetDescription,
    splits: Mapping[str, int],
    until_built: Sequence[str] = (),
) -> None:
    """Raises `ValueError` if the dataset on disk under a builder's name was built with other settings.

    TFDS does not check this: it reuses any dataset of the same name and version.

    Args:
      builder: that is about to build the dataset, or to reuse it.
      description: of the dataset that it would build.
      splits: split -> number of examples that it would build; those that are not known yet are left out.
      until_built: names in the metadata, or in their `origin`, that are known only after the build. Defaults to `()`.
    """
    path = builder.data_path / "metadata.json"
    if not path.exists():
        return
    there = _known_before(json.loads(path.read_text()), until_built)
    asked = _known_before(json.loads(json.dumps(description.to_metadata())), until_built)
    different = [
        f"{name} (found {_short(there.get(name))}, requested {_short(value)})"
        for name, value in asked.items()
        if there.get(name) != value
    ]
    stored = {name: split.num_examples for name, split in builder.info.splits.items()}
    different += [
        f"examples of {name} (found {stored.get(name)}, requested {count})"
        for name, count in splits.items()
        if stored.get(name) != count
    ]
    if different:
        raise ValueError(
            f"There is a dataset of the config '{builder.builder_config.name}' with other settings in "
            f"'{builder.data_dir}': {'; '.join(different)}. Give the config another `name`, remove that folder, or "
            "build with `tfds build --overwrite`."
        )


def _known_before(metadata: dict, until_built: Sequence[str]) -> dict:
    """Returns metadata without the names that are known only after a build, and each field of `origin` by itself."""
    origin = {f"origin.{name}": value for name, value in (metadata.get("origin") or {}).items()}
    return {
        name: value
        for name, value in {**metadata, "origin": None, **origin}.items()
        if name.removeprefix("origin.") not in until_built
    }


def _short(value) -> str:
    text = json.dumps(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
