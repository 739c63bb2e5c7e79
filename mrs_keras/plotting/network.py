"""Figure of the two networks of a model."""

import dataclasses
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path

from mrs_keras.plotting.style import COLOURS, new_figure

WIDTH, HALF_BOX, HALF_HEIGHT, GAP = 5.1, 1.15, 0.31, 0.5
"""Width of a column of boxes, half the size of a box, and how far below a row the middle of the next gap lies; a row is
1 high."""


@dataclasses.dataclass(frozen=True)
class LayerBox:
    """A layer in the figure.

    Attributes:
      name: of the layer, unique in its network.
      label: name, kind and activation.
      shape: output shape without the batch axis.
      row: position from the top, below all layers that feed it.
      inputs: names of the layers that feed it.
    """

    name: str
    label: str
    shape: str
    row: int
    inputs: tuple[str, ...]


def plot_model(encoder: Sequence[LayerBox], generator: Sequence[LayerBox], latents: int) -> Figure:
    """Draws Figure 1: the layers of encoder and generator as they are connected.

    Args:
      encoder: layers of the encoder, `"z_mean"` and `"z_log_var"` in the last row.
      generator: layers of the generator, with the input `"z"`.
      latents: number of latents.
    """
    rows = 1 + max(layer.row for layer in (*encoder, *generator))
    figure = new_figure(13.4, 0.75 * rows + 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 13.4), ylim=(-rows + 0.5, 1.1))
    posterior = _Column(encoder, 0.1)
    posterior.draw(axes, "Encoder", COLOURS(0.35))
    generated = _Column(generator, 7.8)
    generated.draw(axes, "Generator", COLOURS(0.75))
    middle, height = 6.5, posterior.middles["z_mean"][1] - 0.9
    axes.text(
        middle,
        height,
        f"{latents} latents, prior N(0, I)\nz = z_mean + exp(z_log_var / 2) * noise",
        ha="center",
        va="center",
        fontsize=9,
        bbox={"boxstyle": "round", "fc": "white", "ec": "0.4"},
    )
    for name in ("z_mean", "z_log_var"):
        x, y = posterior.middles[name]
        _arrow(axes, (x, y - HALF_HEIGHT), (x, height), (middle - 1.4, height))
    _arrow(axes, (middle, height + 0.3), *generated.way_in("z", middle))
    return figure


class _Column:
    """The layers of one network, drawn from `left` on; lines that skip a row run down a lane to the right of it."""

    def __init__(self, layers: Sequence[LayerBox], left: float):
        self.layers, self.left = layers, left
        self.rows: dict[int, list[str]] = {}
        for layer in layers:
            self.rows.setdefault(layer.row, []).append(layer.name)
        self.middles = {
            name: (left + WIDTH * (place + 0.5) / len(names), -float(row))
            for row, names in self.rows.items()
            for place, name in enumerate(names)
        }

    def draw(self, axes: Axes, title: str, colour) -> None:
        axes.text(self.left + WIDTH / 2, 0.75, title, ha="center", fontsize=13, weight="bold")
        pale = tuple(1 - 0.25 * (1 - channel) for channel in colour[:3])
        for layer in self.layers:
            x, y = self.middles[layer.name]
            corner, size = (x - HALF_BOX, y - 0.29), (2 * HALF_BOX, 0.58)
            axes.add_patch(FancyBboxPatch(corner, *size, boxstyle="round,pad=0.02", fc=pale, ec=colour))
            axes.text(x, y + 0.11, layer.label, va="center", ha="center", fontsize=8.5)
            axes.text(x, y - 0.14, layer.shape, va="center", ha="center", fontsize=7.5, family="monospace")
        row = {layer.name: layer.row for layer in self.layers}
        skipping = [
            source.name
            for source in self.layers
            if any(source.name in layer.inputs and layer.row > source.row + 1 for layer in self.layers)
        ]
        for layer in self.layers:
            for source in layer.inputs:
                if layer.row == row[source] + 1:
                    (x0, y0), (x1, y1) = self.middles[source], self.middles[layer.name]
                    _arrow(axes, (x0, y0 - HALF_HEIGHT), (x1, y1 + HALF_HEIGHT))
                else:
                    lane = self.left + WIDTH + 0.15 * (1 + skipping.index(source))
                    _arrow(axes, *reversed(self.way_in(source, lane, below=True)), *self.way_in(layer.name, lane))

    def way_in(self, name: str, x: float, below: bool = False) -> list[tuple[float, float]]:
        """Returns points from the vertical line at `x`, outside the column, to a box, past the others in its row.

        Args:
          name: of the box.
          x: of the line, to the left or to the right of the column.
          below: whether a box in between is passed in the gap below the row instead of that above. Defaults to `False`.
        """
        middle, y = self.middles[name]
        side = 1 if x > middle else -1
        beside = self.rows[round(-y)]
        if name == beside[-1 if side > 0 else 0]:
            return [(x, y), (middle + side * (HALF_BOX + 0.02), y)]
        gap = -1 if below else 1
        return [(x, y + gap * GAP), (middle, y + gap * GAP), (middle, y + gap * HALF_HEIGHT)]


def _arrow(axes: Axes, *points: tuple[float, float]) -> None:
    """Draws a polyline with a head at its end."""
    axes.add_patch(FancyArrowPatch(path=Path(points), arrowstyle="-|>", mutation_scale=11, color="0.35"))
