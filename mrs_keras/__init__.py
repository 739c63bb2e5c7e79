"""Labelled MR spectra for Keras: simulation, dataset, conditional VAE, evaluation and serving.

Names are imported lazily to keep `import mrs_keras` fast: TensorFlow alone takes seconds.
"""

import lazy_loader

from mrs_keras.keras_import import register_with_keras

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
        "labels": ["Labels"],
        "fitting": ["fit_spectra"],
        "data": ["DatasetDescription", "build_dataset", "open_dataset"],
        "models": ["CVAE", "load_pretrained", "load_trained"],
        "training": ["train"],
        "tuning": ["tune"],
        "evaluation": ["evaluate"],
        "generation": ["generate_dataset"],
        "serving": ["ModelDescription", "export", "load_export"],
        "serving.client": ["Client"],
    },
)

register_with_keras()
