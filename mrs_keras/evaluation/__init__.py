"""Evaluation: spectral fit, latent interpolation, reconstruction errors and the report."""

from mrs_keras.evaluation.architecture import LayerBox, layer_graph
from mrs_keras.evaluation.evaluate import evaluate, load_trained
from mrs_keras.evaluation.interpolation import evaluate_interpolation, interpolate
from mrs_keras.evaluation.reconstruction import pca_reconstruction, relative_l2
from mrs_keras.evaluation.spectral_fit import SpectralFit, fit_spectra

__all__ = [
    "LayerBox",
    "SpectralFit",
    "evaluate",
    "evaluate_interpolation",
    "fit_spectra",
    "interpolate",
    "layer_graph",
    "load_trained",
    "pca_reconstruction",
    "relative_l2",
]
