"""Figure 1: every connection of the networks is drawn, and none through a box."""

import itertools

import numpy as np
import pytest
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.transforms import Bbox

from mrs_keras.models import CVAE
from mrs_keras.plotting import LayerBox, plot_model


def boxes_and_arrows(figure):
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [
        # Arrow heads end at the edge of a box.
        Bbox.from_bounds(patch.get_x(), patch.get_y(), patch.get_width(), patch.get_height()).padded(-0.05)
        for patch in axes.patches
        if isinstance(patch, FancyBboxPatch)
    ]
    return boxes, [patch.get_path() for patch in axes.patches if isinstance(patch, FancyArrowPatch)]


def points_along(arrow):
    lines = arrow.to_polygons(closed_only=False)
    ends = [pair for line in lines for pair in itertools.pairwise(line)]
    return np.concatenate([np.linspace(start, end, 200) for start, end in ends])


@pytest.mark.parametrize("preset", ["base", "paper"])
def test_no_arrow_runs_through_a_box(preset):
    from mrs_keras.evaluation import layer_graph

    model = CVAE.from_preset(preset)
    encoder, generator = layer_graph(model.encoder), layer_graph(model.generator)
    boxes, arrows = boxes_and_arrows(plot_model(encoder, generator, model.latent_dim))
    assert len(boxes) == len(encoder) + len(generator)
    # Besides those of the layers: two from the posterior, and one to the generator's z.
    assert len(arrows) == sum(len(layer.inputs) for layer in (*encoder, *generator)) + 3
    for arrow in arrows:
        assert not any(box.contains(*point) for box in boxes for point in points_along(arrow))


def test_an_arrow_passes_the_neighbours_of_its_ends():
    """A skip from the left box of a row to the left box of another, as no preset has it."""
    encoder = [LayerBox("z_mean", "z_mean", "2", 0, ()), LayerBox("z_log_var", "z_log_var", "2", 0, ())]
    generator = [
        LayerBox("concentrations", "concentrations", "2", 0, ()),
        LayerBox("z", "z", "2", 0, ()),
        LayerBox("between", "between", "8", 1, ("z",)),
        LayerBox("hidden", "hidden", "8", 1, ("z",)),
        LayerBox("skip", "skip", "8", 2, ("concentrations",)),
        LayerBox("gain", "gain", "8", 2, ("between", "hidden")),
    ]
    boxes, arrows = boxes_and_arrows(plot_model(encoder, generator, 2))
    assert len(arrows) == 8
    for arrow in arrows:
        assert not any(box.contains(*point) for box in boxes for point in points_along(arrow))
