"""Labelled MR spectra for Keras: simulation, dataset, conditional VAE, evaluation and serving.

Names are loaded when they are first used, so that `import mrs_keras` stays quick: TensorFlow alone takes seconds.
"""

import importlib
import sys

__version__ = "0.1.0"

_HOME = {
    "Acquisition": "acquisition",
    "Basis": "basis",
    "default_basis": "basis",
    "read_basis": "basis",
    "simulate_basis": "basis",
    "simulate_press": "basis",
    "SpectralParameters": "simulation",
    "UniformPrior": "simulation",
    "UniformRange": "simulation",
    "forward_model": "simulation",
    "simulate": "simulation",
    "open_dataset": "data",
    "CVAE": "models",
    "train": "training",
    "fit_spectra": "evaluation",
    "evaluate": "evaluation",
    "generate_dataset": "generation",
    "export": "serving",
}
__all__ = sorted(_HOME)


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(f"mrs_keras.{_HOME[name]}"), name)
    raise AttributeError(f"module 'mrs_keras' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*globals(), *__all__]


# Keras finds the classes of a `.keras` file by their registration, which importing them does.
if "keras" in sys.modules:
    importlib.import_module("mrs_keras.models")
