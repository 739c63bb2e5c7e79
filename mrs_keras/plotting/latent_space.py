"""Figure of the information in the latents."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from mrs_keras.plotting.style import COLOURS, new_figure

FEWEST_ROWS = 8
"""Smallest number of rows: with fewer, the colour bar has no room for its label."""

BRIGHT = 0.2
"""Smallest upper end of the colour scale, nats: mutual information by chance must not look like a finding."""


def plot_latent_space(
    kl_per_unit: Sequence[float],
    mutual_information: Mapping[str, Sequence[float]],
    scores: Mapping[str, Sequence[float]],
    metabolites: Sequence[str],
) -> Figure:
    """Draws the KL divergence of each latent, its mutual information with each parameter, and the joint predictions.

    Args:
      kl_per_unit: (latents,), nats.
      mutual_information: parameter -> (latents,), nats.
      scores: `"linear"` and `"nonlinear"` -> (parameters,), R2 of each parameter's prediction from all latents.
      metabolites: names of the parameters that are labels.
    """
    names, latents = list(mutual_information), np.arange(len(kl_per_unit))
    rows_high = max(len(names), FEWEST_ROWS)
    figure = new_figure(13, 3.2 + 0.24 * rows_high)
    (divergence, empty), (heat, bars) = figure.subplots(
        2, 2, height_ratios=[2.0, 0.26 * rows_high], width_ratios=[2.2, 1]
    )
    empty.set_axis_off()
    divergence.bar(latents, kl_per_unit, color=COLOURS(0.35))
    divergence.set(xlabel="latent", ylabel="KL divergence\nfrom N(0, 1) (nats)", xlim=(-0.5, len(latents) - 0.5))
    divergence.set_xticks(latents)
    values = np.array(list(mutual_information.values()))
    image = heat.imshow(values, aspect="auto", cmap="viridis", vmin=0, vmax=max(values.max(), BRIGHT))
    heat.set_xticks(latents)
    heat.set_yticks(range(len(names)), [f"{name} (label)" if name in metabolites else name for name in names])
    heat.set_xlabel("latent")
    figure.colorbar(image, ax=heat, label="mutual information (nats)", location="left", shrink=0.8)
    rows = np.arange(len(names))
    for kind, offset, colour in (("linear", -0.2, "0.6"), ("nonlinear", 0.2, COLOURS(0.35))):
        bars.barh(rows + offset, scores[kind], 0.38, color=colour, label=kind)
    bars.axvline(0, color="black", linewidth=0.8)
    bars.set_yticks(rows, ["" for _ in rows])
    bars.set(xlabel="R2, predicted from all latents", ylim=(len(names) - 0.5, -0.5), xlim=(-0.15, 1.0))
    empty.legend(*bars.get_legend_handles_labels(), loc="lower center", title="regressor", ncols=2)
    return figure
