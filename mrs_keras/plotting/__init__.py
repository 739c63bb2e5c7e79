"""Figures: each function draws from arrays and returns a `matplotlib.figure.Figure`; ppm runs from right to left."""

from mrs_keras.plotting.generation import plot_coverage, plot_labels, plot_marginals, plot_physicality
from mrs_keras.plotting.interpolation import plot_interpolation, plot_procedure, plot_random_pairs
from mrs_keras.plotting.latent_space import plot_latent_space
from mrs_keras.plotting.network import plot_model
from mrs_keras.plotting.reconstruction import plot_parameter_errors, plot_reconstruction
from mrs_keras.plotting.training import plot_learning_curves

__all__ = [
    "plot_coverage",
    "plot_interpolation",
    "plot_labels",
    "plot_latent_space",
    "plot_learning_curves",
    "plot_marginals",
    "plot_model",
    "plot_parameter_errors",
    "plot_physicality",
    "plot_procedure",
    "plot_random_pairs",
    "plot_reconstruction",
]
