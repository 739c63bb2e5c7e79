"""A folder belongs to one training: its settings, written at the start and compared whenever it resumes."""

import json
from collections.abc import Mapping
from pathlib import Path

import tensorflow_datasets as tfds

from mrs_keras.files import replacing
from mrs_keras.run_folder import SETTINGS_FILE


def check_claim(output_dir: Path, settings: Mapping) -> None:
    """Raises `ValueError` where the folder holds a run with other settings."""
    path = output_dir / SETTINGS_FILE
    if not path.exists():
        return
    settings = json.loads(json.dumps(settings))  # tuples become lists, as they are read back
    found = json.loads(path.read_text())
    different = {key: (found.get(key), value) for key, value in settings.items() if found.get(key) != value}
    if different:
        listed = ", ".join(f"{key} (there {there!r}, asked {asked!r})" for key, (there, asked) in different.items())
        raise ValueError(
            f"'{output_dir}' holds a training with other settings: {listed}. Choose another folder, or remove that one."
        )


def claim(output_dir: Path, settings: Mapping) -> None:
    """Writes the settings of a new run, or checks that the run in the folder has the same ones."""
    check_claim(output_dir, settings)
    path = output_dir / SETTINGS_FILE
    if not path.exists():
        with replacing(path) as partial:
            partial.write_text(json.dumps(settings, indent=2) + "\n")


def fingerprint(builder: tfds.core.DatasetBuilder) -> dict:
    """Returns what tells one dataset from another: version, sizes, and the metadata (prior, acquisition, seed, ...)."""
    splits = {name: split.num_examples for name, split in builder.info.splits.items()}
    return {"version": str(builder.version), "examples": splits, **dict(builder.info.metadata)}
