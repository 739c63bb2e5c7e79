"""Figures of the study of enrichment: all is drawn where its numbers are, and nothing is cut off."""

import numpy as np
import pytest

from mrs_keras.plotting import (
    plot_differences,
    plot_enrichment_curves,
    plot_label_fidelity,
    plot_slopes,
)

IMPORTANT = ["classical", "absent", "simulations"]
LABELS = ["tNAA/tCr", "mI/tCr"]


def curve(*values):
    return np.array([[value, value - 0.1, value + 0.1] for value in values])


def curves_figure():
    arms = {"classical": curve(0.3, 0.4), "control": curve(0.2, 0.2), "simulations": curve(0.5, np.nan)}
    levels = {"mean": curve(0.0, 0.0), "outside": curve(np.nan, 0.8)}
    return plot_enrichment_curves([8, 48], {"perceptron": arms, "ridge": arms}, levels, IMPORTANT, ["8", "all\n(48)"])


def differences_figure(reach=0.1):
    def interval(value):
        return np.array([value, value - reach, value + reach])

    return plot_differences(
        {
            "an arm with a title that is rather long": {
                "perceptron": (interval(0.2), interval(-20.0), "better"),
                "ridge": (interval(-0.1), interval(9.0), "worse"),
            },
            "another": {"ridge": (interval(0.0), interval(0.5), "unresolved")},
        },
        "classical",
    )


def slopes_figure():
    arms = {"classical": {"perceptron": 0.4, "ridge": 0.6}, "outside": {"": 0.9}}
    return plot_slopes(dict.fromkeys(LABELS, arms))


def fidelity_figure():
    values = {"simulations": np.array([0.9, 0.95]), "another": np.array([0.5, np.nan])}
    panels = {"correlation": values, "error (percent)": {"simulations": np.array([3.0, 4.0])}}
    return plot_label_fidelity(panels, {"correlation": 1.0, "error (percent)": 0.0}, LABELS, IMPORTANT)


FIGURES = [curves_figure, differences_figure, slopes_figure, fidelity_figure]


@pytest.mark.parametrize("draw", FIGURES)
def test_axes_are_labelled_and_no_text_leaves_the_figure(draw):
    figure = draw()
    figure.draw_without_rendering()
    assert all(axes.get_xlabel() for axes in figure.axes)
    drawn, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert min(drawn.x0, drawn.y0) >= -0.01
    assert drawn.x1 <= width + 0.01
    assert drawn.y1 <= height + 0.01


@pytest.mark.parametrize("draw", FIGURES)
def test_no_two_legend_entries_look_the_same(draw):
    looks = [
        (handle.get_color(), handle.get_marker(), handle.get_linestyle()) for handle in draw().legends[0].legend_handles
    ]
    assert len(set(looks)) == len(looks)


def test_an_arm_keeps_its_colour_whichever_other_arms_there_are():
    def colour(titles, important):
        figure = plot_enrichment_curves([8, 48], {"ridge": {title: curve(0, 0) for title in titles}}, {}, important)
        return next(line.get_color() for line in figure.axes[0].lines if line.get_label() == "simulations")

    assert colour(["simulations"], IMPORTANT) == colour(["classical", "control", "simulations"], IMPORTANT)


def test_curves_stand_at_the_number_of_subjects_on_a_logarithmic_axis():
    axes = curves_figure().axes[0]
    line = next(line for line in axes.lines if line.get_label() == "control")
    assert axes.get_xscale() == "log"
    np.testing.assert_allclose(line.get_xdata(), [8, 48])
    np.testing.assert_allclose(line.get_ydata(), [0.2, 0.2])


def test_a_level_that_is_known_at_one_size_is_a_line_across_the_panel():
    axes = curves_figure().axes[1]
    line = next(line for line in axes.lines if line.get_label() == "outside")
    np.testing.assert_allclose(line.get_ydata(), 0.8)
    np.testing.assert_allclose(line.get_xdata()[[0, -1]], axes.get_xlim())


def test_each_difference_has_its_verdict_beside_it():
    figure = differences_figure()
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert texts == ["perceptron: better", "ridge: worse", "ridge: unresolved"]
    assert [text.get_text() for text in figure.axes[0].get_yticklabels()][1] == "another"


def test_limits_that_are_very_wide_do_not_hide_the_differences():
    low, high = differences_figure(reach=500.0).axes[0].get_xlim()
    assert low < -0.1
    assert high > 0.2
    assert high - low < 2.0
