"""A folder belongs to one training: its settings are checked on every resume, and only one process at a time writes."""

import contextlib
import datetime
import json
import os
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

import filelock
import tensorflow_datasets as tfds

from mrs_keras.files import remove, replacing
from mrs_keras.run_folder import LOCK_FILE, NOTICE_FILE, SETTINGS_FILE, WRITER_FILE


def check_claim(output_dir: Path, settings: Mapping) -> None:
    """Raises `ValueError` if the folder contains a run with other settings."""
    path = output_dir / SETTINGS_FILE
    if not path.exists():
        return
    settings = json.loads(json.dumps(settings))  # tuples become lists, as in the file
    found = json.loads(path.read_text())
    different = {key: (found.get(key), value) for key, value in settings.items() if found.get(key) != value}
    if different:
        listed = ", ".join(f"{key} (found {there!r}, requested {asked!r})" for key, (there, asked) in different.items())
        raise ValueError(
            f"'{output_dir}' holds a training with other settings: {listed}. Choose another folder, or remove this one."
        )


def claim(output_dir: Path, settings: Mapping, notice: str = "") -> None:
    """Writes the settings of a new run, or checks that the run in the folder has the same ones.

    Args:
      output_dir: folder of the run.
      settings: of the run.
      notice: of its data. Defaults to `""`: none.
    """
    check_claim(output_dir, settings)
    path = output_dir / SETTINGS_FILE
    if not path.exists():
        if notice:
            with replacing(output_dir / NOTICE_FILE) as partial:
                partial.write_text(notice + "\n", encoding="utf-8")
        with replacing(path) as partial:
            partial.write_text(json.dumps(settings, indent=2) + "\n")


@contextlib.contextmanager
def only_writer(output_dir: Path) -> Iterator[None]:
    """Locks the folder against other processes. The lock is released when the process ends, even if it is killed.

    Raises:
      ValueError: if another process writes to the folder; the message names it.
    """
    output_dir.mkdir(parents=True, exist_ok=True)
    lock, writer = filelock.FileLock(output_dir / LOCK_FILE), output_dir / WRITER_FILE
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        other = ""
        with contextlib.suppress(OSError, ValueError, KeyError):  # a file that is just being written
            first = json.loads(writer.read_text())
            other = f": process {first['process']} on {first['host']}, since {first['since']}"
        raise ValueError(
            f"Another training writes to '{output_dir}'{other}. Choose another folder, or wait until it ends."
        ) from None
    try:
        now = datetime.datetime.now().astimezone().isoformat(timespec="seconds")
        with replacing(writer) as partial:
            partial.write_text(json.dumps({"process": os.getpid(), "host": socket.gethostname(), "since": now}))
        yield
    finally:
        for path in (writer, output_dir / LOCK_FILE):
            remove(path)
        lock.release()
        with contextlib.suppress(OSError):  # there is something in it
            output_dir.rmdir()


def fingerprint(builder: tfds.core.DatasetBuilder) -> dict:
    """Returns what identifies a dataset: version, sizes, and the metadata (prior, acquisition, seed, ...)."""
    splits = {name: split.num_examples for name, split in builder.info.splits.items()}
    # The file of a basis may move; the description of the basis stays.
    metadata = {name: value for name, value in builder.info.metadata.items() if name != "basis_source"}
    return {"version": str(builder.version), "examples": splits, **metadata}
