"""Hooks on the import of Keras: registers classes then, and keeps TensorFlow from importing Keras by itself."""

import contextlib
import importlib.abc
import importlib.util
import sys
from collections.abc import Callable, Iterator

MODELS = "mrs_keras.models.cvae"
"""Module whose import registers the classes of `.keras` files."""


class _OnKeras(importlib.abc.MetaPathFinder):
    """Finds Keras as Python does, and runs a function in place of its import.

    Args:
      run: takes the function that imports Keras, and calls it or not.
    """

    def __init__(self, run: Callable[[Callable[[], None]], None]):
        self._run = run
        self._searching = False

    def find_spec(self, fullname, path, target=None):
        if fullname != "keras" or self._searching:
            return None
        self._searching = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._searching = False
        if spec is not None:
            execute = spec.loader.exec_module
            spec.loader.exec_module = lambda module: self._run(lambda: execute(module))
        return spec


def register_with_keras() -> None:
    """Registers the classes of `.keras` files: now, or once Keras is imported; does not import Keras itself."""
    if "keras" in sys.modules:
        importlib.import_module(MODELS)
        return

    def import_and_register(import_keras):
        sys.meta_path.remove(finder)
        import_keras()
        importlib.import_module(MODELS)

    finder = _OnKeras(import_and_register)
    sys.meta_path.insert(0, finder)


@contextlib.contextmanager
def keras_postponed() -> Iterator[None]:
    """Keeps `import tensorflow` from importing Keras, which takes a second and is not needed for serving.

    TensorFlow tolerates a Keras that cannot be imported; `import keras` and `tf.keras` work afterwards.
    """

    def refuse(import_keras):
        raise ImportError("Keras is not imported yet: serving does not need it.")

    finder = _OnKeras(refuse)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
