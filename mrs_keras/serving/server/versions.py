"""The served models and versions: the newest in a folder that may change while the server runs."""

import contextlib
import dataclasses
import logging
import threading
from collections.abc import Iterator
from pathlib import Path

from mrs_keras.serving.server.model import LoadedModel
from mrs_keras.serving.server.status import Code, ServingError, as_serving_error
from mrs_keras.serving.server.warm_up import warm_up

logger = logging.getLogger(__name__)

START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50
"""States of `ModelVersionStatus`."""


@dataclasses.dataclass
class Version:
    """The status of one version.

    Args:
      state: one of the states of `ModelVersionStatus`.
      error: error of the failed load, if any.
      model: loaded model, while it is available.
      files: state of its folder at the last attempt to load it.
    """

    state: int = START
    error: ServingError | None = None
    model: LoadedModel | None = None
    files: frozenset = frozenset()


class ServedModels:
    """The models of a folder `<models>/<version>/`, and which versions of them are available.

    Folders whose name is not an integer are ignored: unfinished exports have such names. A new version is loaded before
    the oldest is unloaded. A version that fails to load does not affect the others; it is retried when its files
    change, for example while a folder is still being copied.

    Args:
      folder: folder of the models.
      num_versions: number of newest versions of each model to serve.
      **batching: arguments of `mrs_keras.serving.server.batching.BatchQueue`.
    """

    def __init__(self, folder: Path, num_versions: int, **batching):
        self._folder, self._num_versions, self._batching = folder, num_versions, batching
        self._models: dict[str, dict[int, Version]] = {}
        self._lock = threading.Lock()

    def poll(self) -> None:
        """Scans the folder once: loads new versions, then unloads old ones."""
        for name, paths in version_folders(self._folder).items():
            newest = sorted(paths, reverse=True)[: self._num_versions]
            with self._lock:
                versions = self._models.setdefault(name, {})
            for number in newest:
                self._load(name, number, versions, paths[number])
            if any(versions[number].state == AVAILABLE for number in newest):
                for number in set(versions) - set(newest):
                    self._unload(name, number, versions)

    def _load(self, name, number, versions, path):
        """Loads a version unless it is available, or failed to load and its files have not changed since."""
        version = versions.get(number)
        if version is not None and (version.state == AVAILABLE or (version.error and version.files == _files(path))):
            return
        with self._lock:
            version = versions[number] = Version(LOADING, files=_files(path))
        model = None
        try:
            model = LoadedModel(path, **self._batching)
            records = warm_up(model, path)
        except Exception as error:
            if model is not None:
                model.retire()
            with self._lock:
                version.state, version.error = END, as_serving_error(error)
            logger.warning("Version %d of %s cannot be served: %s", number, name, version.error)
            return
        with self._lock:
            version.state, version.model = AVAILABLE, model
        logger.info("Version %d of %s is available after %d warm-up requests.", number, name, records)

    def _unload(self, name, number, versions):
        with self._lock:
            version = versions[number]
            model, version.model, version.state = version.model, None, END
        if model is not None:
            model.retire()
            logger.info("Version %d of %s is no longer served.", number, name)

    @contextlib.contextmanager
    def use(self, name: str, number: int | None = None) -> Iterator[tuple[int, LoadedModel]]:
        """Yields a version and its model, and keeps the model loaded inside the block.

        Args:
          name: name of the model.
          number: version. Defaults to `None`: the newest available one.

        Raises:
          ServingError: INVALID_ARGUMENT without a name, NOT_FOUND if there is no such model or version.
        """
        if not name:
            raise ServingError(Code.INVALID_ARGUMENT, "ModelSpec has no name specified.")
        with self._lock:
            models = {key: version.model for key, version in self._models.get(name, {}).items() if version.model}
            chosen = max(models, default=None) if number is None else number
            if chosen not in models:
                request = f"Latest({name})" if number is None else f"Specific({name}, {number})"
                raise ServingError(Code.NOT_FOUND, f"Servable not found for request: {request}")
            model = models[chosen]
            model.acquire()
        try:
            yield chosen, model
        finally:
            model.release()

    def states(self, name: str, number: int | None = None) -> dict[int, Version]:
        """Returns version number -> status, newest first (get_model_status_impl.cc).

        Raises:
          ServingError: NOT_FOUND if the model, or its version `number`, is unknown.
        """
        with self._lock:
            versions = {key: dataclasses.replace(version) for key, version in self._models.get(name, {}).items()}
        if number is not None:
            if number not in versions:
                raise ServingError(Code.NOT_FOUND, f"Could not find version {number} of model {name}")
            return {number: versions[number]}
        if not versions:
            raise ServingError(Code.NOT_FOUND, f"Could not find any versions of model {name}")
        return dict(sorted(versions.items(), reverse=True))

    def names(self) -> list[str]:
        """Returns the names of the models, available or not."""
        with self._lock:
            return sorted(self._models)

    def close(self) -> None:
        """Unloads everything."""
        for name, versions in self._models.items():
            for number in list(versions):
                self._unload(name, number, versions)


def version_folders(folder: Path) -> dict[str, dict[int, Path]]:
    """Returns model name -> version -> folder, for all models with at least one version."""
    models = {}
    for path in sorted(folder.glob("*/*")):
        if path.name.isascii() and path.name.isdecimal() and path.is_dir():
            models.setdefault(path.parent.name, {})[int(path.name)] = path
    return models


def _files(path: Path) -> frozenset:
    """Returns the names, sizes and modification times of the files in a folder, to detect changes."""
    found = set()
    for file in path.rglob("*"):
        # The file may be deleted in the meantime.
        with contextlib.suppress(OSError):
            stat = file.stat()
            found.add((str(file), stat.st_size, stat.st_mtime_ns))
    return frozenset(found)
