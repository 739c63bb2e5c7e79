"""Figures: each function draws from arrays and returns a `matplotlib.figure.Figure`; ppm runs from right to left."""

from mrs_keras.plotting.interpolation import plot_interpolation, plot_procedure
from mrs_keras.plotting.network import plot_model
from mrs_keras.plotting.reconstruction import plot_reconstruction
from mrs_keras.plotting.training import plot_learning_curves

__all__ = ["plot_interpolation", "plot_learning_curves", "plot_model", "plot_procedure", "plot_reconstruction"]
