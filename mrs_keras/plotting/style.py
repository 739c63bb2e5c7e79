"""What all figures share: size, colours, and the axis of chemical shifts."""

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure

COLOURS = ListedColormap(colormaps["viridis"](np.linspace(0, 0.9, 256)))
"""From dark to light, without the yellow that vanishes on white."""


def new_figure(width: float, height: float) -> Figure:
    """Returns an empty figure of that size in inches, whose panels make room for their labels."""
    return Figure(figsize=(width, height), layout="constrained", dpi=150)


def ppm_axis(axes: Axes) -> None:
    """Labels a panel of spectra; ppm runs from right to left."""
    axes.invert_xaxis()
    axes.margins(x=0)
    axes.set_xlabel("chemical shift (ppm)")
    axes.set_ylabel("real part (arbitrary units)")
