"""The simulation as TensorFlow operations, for use inside a graph; nothing else of `simulation` loads TensorFlow."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "examples": ["tf_add_noise", "tf_draw", "tf_examples"],
        "forward": ["tf_baseline", "tf_forward_model", "tf_signals", "tf_spectra", "tf_weighted_sum"],
    },
)
