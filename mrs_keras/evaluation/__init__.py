"""Evaluation: spectral fit, generated spectra, coverage, latent space, interpolation and the report."""

from mrs_keras.evaluation.architecture import LayerBox, layer_graph
from mrs_keras.evaluation.coverage import classifier_two_sample_test, density_and_coverage
from mrs_keras.evaluation.evaluate import evaluate
from mrs_keras.evaluation.held_out import held_out_loss
from mrs_keras.evaluation.interpolation import evaluate_interpolation, interpolate
from mrs_keras.evaluation.latent_space import Disentanglement, disentanglement, mutual_information
from mrs_keras.evaluation.reconstruction import pca_reconstruction, relative_l2
from mrs_keras.evaluation.spectral_fit import SpectralFit, fit_spectra
from mrs_keras.evaluation.trained_run import load_trained

__all__ = [
    "Disentanglement",
    "LayerBox",
    "SpectralFit",
    "classifier_two_sample_test",
    "density_and_coverage",
    "disentanglement",
    "evaluate",
    "evaluate_interpolation",
    "fit_spectra",
    "held_out_loss",
    "interpolate",
    "layer_graph",
    "load_trained",
    "mutual_information",
    "pca_reconstruction",
    "relative_l2",
]
