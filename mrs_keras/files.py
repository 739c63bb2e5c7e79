"""Atomic writes of files and folders: a partial one never looks finished."""

import contextlib
import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` for a file or folder, and renames it to `path` if the block succeeds.

    If the block raises, the temporary file is removed and `path` is unchanged. A process killed inside the block leaves
    a `.partial` behind, which the next call removes. Readers never see a partial file, only the old one or the new one;
    but when a folder replaces a folder, `path` does not exist for a moment between two renames.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # Keep the suffix: Keras chooses the format by it.
    partial, old = path.with_name(f".partial-{path.name}"), path.with_name(f".old-{path.name}")
    _settle(old, path)
    remove(partial)
    try:
        yield partial
        if partial.is_dir() and path.exists():
            os.replace(path, old)  # a folder cannot be renamed to a non-empty folder
        os.replace(partial, path)
    finally:
        remove(partial)
        _settle(old, path)


def _settle(old: Path, path: Path) -> None:
    """Removes the old file or folder, or restores it if nothing replaced it."""
    if path.exists():
        remove(old)
    elif old.exists():
        os.replace(old, path)


def remove(path: Path) -> None:
    """Removes a file, a link, or a folder with its contents, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def explaining_a_full_disk(folder: Path, remedy: str) -> Iterator[None]:
    """Turns the errors of Python, HDF5 and TensorFlow on a full disk into an `OSError` with the remedy."""
    try:
        yield
    except Exception as error:
        if not _is_of_full_disk(error):
            raise
        raise OSError(
            errno.ENOSPC,
            f"There is no space left to write to '{folder}'. Finished files in it are untouched. {remedy}",
        ) from error


def _is_of_full_disk(error: BaseException | None) -> bool:
    """Whether an error, or one of its causes, comes from a full disk, a quota or a file size limit."""
    seen = []
    while error is not None and error not in seen:
        seen.append(error)
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            return True
        # HDF5 and TensorFlow pass on only the text of the system's error.
        if any(os.strerror(number) in str(error) for number in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)):
            return True
        error = error.__cause__ or error.__context__
    return False


def write_whole(path: Path, content: bytes) -> None:
    """Writes a file that appears under its name only when it is complete."""
    with replacing(path) as partial:
        partial.write_bytes(content)
