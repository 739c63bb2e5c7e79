"""Figure of a training."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure


def plot_learning_curves(history: Mapping[str, np.ndarray]) -> Figure:
    """Draws the history of a training.

    Args:
      history: name -> (epochs,), as `mrs_keras.run_folder.read_history` gives it.
    """
    figure = new_figure(10, 3.4)
    panels = {
        "mean_squared_error": "mean squared error\n(units of the tallest peak, squared)",
        "kl_loss": "KL divergence from N(0, I)\n(nats per spectrum)",
        "loss": "loss (nats per spectrum)",
    }
    epochs = history["epoch"] + 1
    for axes, (name, label) in zip(figure.subplots(1, 3), panels.items(), strict=True):
        axes.plot(epochs, history[name], label="training (sampled z)", color=COLOURS(0.1))
        axes.plot(epochs, history[f"val_{name}"], label="validation (posterior mean)", color=COLOURS(0.7))
        axes.set(xlabel="epoch", ylabel=label)
        if name == "mean_squared_error":
            axes.set_yscale("log")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure
