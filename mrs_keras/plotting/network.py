"""Figure of the two networks of a model."""

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from mrs_keras.plotting.style import COLOURS, new_figure


def plot_model(encoder: Sequence, generator: Sequence, latents: int) -> Figure:
    """Draws Figure 1: the layers of encoder and generator as they are connected.

    Args:
      encoder: layers as `mrs_keras.evaluation.layer_graph` gives them.
      generator: the same of the generator.
      latents: number of latents.
    """
    rows = 1 + max(layer.row for layer in (*encoder, *generator))
    figure = new_figure(13, 0.75 * rows + 1.2)
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, 13), ylim=(-rows + 0.5, 1.1))
    posterior = _draw_network(axes, encoder, "Encoder", 0.1, COLOURS(0.35))
    latent = _draw_network(axes, generator, "Generator", 7.8, COLOURS(0.75))["z"]
    middle = (6.5, posterior["z_mean"][1] - 0.8)
    axes.text(
        *middle,
        f"{latents} latents, prior N(0, I)\nz = z_mean + exp(z_log_var / 2) * noise",
        ha="center",
        va="center",
        fontsize=9,
        bbox={"boxstyle": "round", "fc": "white", "ec": "0.4"},
    )
    for name in ("z_mean", "z_log_var"):
        axes.add_patch(_arrow((posterior[name][0], posterior[name][1] - 0.31), (5.05, middle[1]), "arc3,rad=0.12"))
    axes.add_patch(_arrow((6.5, middle[1] + 0.3), (latent[0] - 1.2, latent[1]), "arc3,rad=-0.2"))
    return figure


def _draw_network(axes, layers: Sequence, title: str, left: float, colour) -> dict[str, tuple[float, float]]:
    """Draws the layers of one network in a column 5.1 wide; returns the middle of each box."""
    axes.text(left + 2.55, 0.75, title, ha="center", fontsize=13, weight="bold")
    middles = {}
    pale = tuple(1 - 0.25 * (1 - channel) for channel in colour[:3])  # opaque: arrows to later layers pass behind
    for layer in layers:
        beside = [other.name for other in layers if other.row == layer.row]
        x = left + 5.1 * (beside.index(layer.name) + 0.5) / len(beside)
        middles[layer.name] = (x, -layer.row)
        axes.add_patch(
            FancyBboxPatch(
                (x - 1.15, -layer.row - 0.29), 2.3, 0.58, boxstyle="round,pad=0.02", fc=pale, ec=colour, zorder=2
            )
        )
        axes.text(x, -layer.row + 0.11, layer.label, va="center", ha="center", fontsize=8.5, zorder=3)
        axes.text(
            x, -layer.row - 0.14, layer.shape, va="center", ha="center", fontsize=7.5, family="monospace", zorder=3
        )
    for layer in layers:
        x, y = middles[layer.name]
        for source in layer.inputs:
            axes.add_patch(_arrow((middles[source][0], middles[source][1] - 0.3), (x, y + 0.3)))
    return middles


def _arrow(start, end, connection: str = "arc3") -> FancyArrowPatch:
    return FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=11, color="0.35", connectionstyle=connection)
