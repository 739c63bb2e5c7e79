"""Mixed precision: the precision that a model computes in; its weights are always float32."""

import contextlib
from collections.abc import Iterator

import keras


@contextlib.contextmanager
def layers_compute_in(policy: keras.DTypePolicy) -> Iterator[None]:
    """Applies this policy to the layers built inside the block, regardless of the global policy.

    A model that was saved in mixed precision is thus loaded in it, and one saved in float32 stays in float32.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def compute_in_float32(model: keras.Model) -> None:
    """Switches a model that was trained in mixed precision to float32; its weights do not change.

    Half precision only serves to speed up training on GPUs. Evaluation and export use full precision on any machine.
    """
    for layer in [model, *model._flatten_layers(include_self=False)]:
        layer.dtype_policy = keras.DTypePolicy("float32")
    # Compiled functions keep the precision that they were traced with.
    model.train_function = model.test_function = model.predict_function = None
