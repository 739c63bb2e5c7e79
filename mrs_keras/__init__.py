"""Labelled MR spectra for Keras: simulation, dataset, conditional VAE, evaluation and serving.

Names are loaded when they are first used, so that `import mrs_keras` stays quick: TensorFlow alone takes seconds.
"""

import importlib.abc
import importlib.util
import sys

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "acquisition": ["Acquisition"],
        "basis": ["Basis", "default_basis", "read_basis", "simulate_basis", "simulate_press"],
        "simulation": [
            "Effects",
            "Prior",
            "SpectralParameters",
            "UniformPrior",
            "UniformRange",
            "forward_model",
            "simulate",
            "simulate_with_effects",
        ],
        "fitting": ["fit_spectra"],
        "data": ["open_dataset"],
        "models": ["CVAE"],
        "training": ["train"],
        "evaluation": ["evaluate"],
        "generation": ["generate_dataset"],
        "serving": ["export"],
    },
)


class _RegisterWithKeras(importlib.abc.MetaPathFinder):
    """Registers the classes of `.keras` files as soon as Keras is imported, and does not import it before."""

    def find_spec(self, fullname, path, target=None):
        if fullname != "keras":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("keras")
        if spec is not None:
            execute = spec.loader.exec_module

            def execute_and_register(module):
                execute(module)
                importlib.import_module("mrs_keras.models.cvae")

            spec.loader.exec_module = execute_and_register
        return spec


# Keras finds the classes of a `.keras` file by their registration, which importing them does.
if "keras" in sys.modules:
    importlib.import_module("mrs_keras.models.cvae")
else:
    sys.meta_path.insert(0, _RegisterWithKeras())
