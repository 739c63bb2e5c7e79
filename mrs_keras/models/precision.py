"""Mixed precision: which numbers a model computes in, apart from what its weights are kept in (float32 always)."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def layers_compute_in(policy: keras.DTypePolicy) -> Iterator[None]:
    """Gives the layers built inside the block this policy, whatever the global one is.

    A model that was saved in mixed precision so comes back in it, and one saved in float32 stays in float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compute_in_float32(model: keras.Model) -> None:
    """Makes a model that was trained in mixed precision compute in float32 from here on; its weights stay as they are.

    Half precision is a matter of how fast GPUs train. Evaluation and export want all digits, on any machine.
    """
    for layer in [model, *model._flatten_layers(include_self=False)]:
        layer.dtype_policy = keras.DTypePolicy("float32")
    # Compiled functions keep the numbers that they were traced with.
    model.train_function = model.test_function = model.predict_function = None
