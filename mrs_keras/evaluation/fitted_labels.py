"""Topic: the labels that a program finds in generated spectra, against those that were requested."""

import dataclasses
import os
from typing import NamedTuple, Self

import numpy as np
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.requested_labels import NAMED, RequestedLabels, read_requested_labels
from mrs_keras.evaluation.table import STATISTIC, Row
from mrs_keras.evaluation.topic import OverviewRow, Topic
from mrs_keras.measured.label_sums import label_title
from mrs_keras.plotting.html_page import Section
from mrs_keras.random_streams import RESAMPLED_FITS
from mrs_keras.serving.description import ModelDescription
from mrs_keras.simulation.keyed_random import keyed_uniform

RESAMPLES = 2000
"""Resamples of the spectra, with replacement, that limits come from."""

RESAMPLES_AT_ONCE = 100

LIMITS = (2.5, 97.5)
"""Percentiles of the resamples: limits of 95 %."""

FIGURE = "fitted_labels"


class WithLimits(NamedTuple):
    """A number, and the percentiles `LIMITS` of its resamples."""

    value: float
    low: float
    high: float


@dataclasses.dataclass(frozen=True)
class LabelAnswer:
    """How the fits of a label follow what was requested.

    Attributes:
      matched: number of spectra.
      correlation: Pearson's r.
      slope: of the ordinary regression of the fitted on the requested label, which has no error.
      bias: mean of fitted minus requested, in the unit of the label.
      bias_percent: the same, in percent of the mean of the requested label.
    """

    matched: int
    correlation: WithLimits
    slope: WithLimits
    bias: WithLimits
    bias_percent: WithLimits


@dataclasses.dataclass(frozen=True, eq=False)
class FittedLabels(Topic):
    """Requested labels and the answer of a program.

    Attributes:
      labels: what was requested and found.
      answers: label -> how the two go together.
    """

    ROWS = (
        Row("fitted_labels.labels.{label}.correlation.value", "labels by fits, {label}: correlation", STATISTIC),
        Row("fitted_labels.labels.{label}.slope.value", "labels by fits, {label}: slope", STATISTIC),
    )

    labels: RequestedLabels
    answers: dict[str, LabelAnswer]

    @classmethod
    def measure(
        cls,
        generated: str | os.PathLike,
        fits: str | os.PathLike,
        model: ModelDescription,
        run_dir: str | os.PathLike,
    ) -> Self:
        """Reads the labels, with the arguments and errors of `read_requested_labels`, and compares them."""
        labels = read_requested_labels(generated, fits, model, run_dir)
        answers = {name: label_answer(x, labels.fitted[name], name) for name, x in labels.requested.items()}
        return cls(labels, answers)

    def numbers(self) -> dict:
        labels = self.labels
        return {
            "fitted_labels": {
                "program": labels.program,
                "fits": labels.fits,
                "generated": labels.generated,
                "spectra": labels.spectra,
                "without_fit": list(labels.without_fit),
                "labels_are": labels.labels_are,
                "independent_factors": labels.independent,
                "scale": labels.scale,
                "regression": "ordinary least squares, fitted on requested",
                "labels": {name: _as_dict(answer) for name, answer in self.answers.items()},
                "left_out": dict(labels.left_out),
            }
        }

    def figures(self) -> dict[str, Figure]:
        requested, fitted = self.labels.requested, self.labels.fitted
        lines = {}
        for name, answer in self.answers.items():
            slope = answer.slope.value
            lines[name] = (slope, float(fitted[name].mean() - slope * requested[name].mean()))
        titles = {name: f"{label_title(name)} {self.labels.units[name]}".rstrip() for name in requested}
        return {FIGURE: plotting.plot_fitted_labels(requested, fitted, lines, titles, self.labels.program)}

    def overview(self) -> list[OverviewRow]:
        name, worst = min(self.answers.items(), key=lambda item: item[1].correlation.value)
        return [
            OverviewRow(
                f"Smallest correlation of a label that {self.labels.program} fits with the requested one",
                f"{worst.correlation.value:.2f} ({label_title(name)})",
                "that of spectra of the physical model",
            )
        ]

    def sections(self) -> list[Section]:
        header = ("label", "spectra", "correlation", "slope", "bias", "bias, %")
        rows = [
            (
                label_title(name),
                answer.matched,
                _text(answer.correlation),
                _text(answer.slope),
                _text(answer.bias, 3),
                _text(answer.bias_percent, 1),
            )
            for name, answer in self.answers.items()
        ]
        caption = "Orange: regression. A spectrum whose label is found as it was requested lies on the dashed line."
        return [Section("Labels by fits of another program", self._words(), (header, rows), FIGURE, caption)]

    def _words(self) -> str:
        labels = self.labels
        sentences = [
            f"What {labels.program} finds in {labels.spectra - len(labels.without_fit)} of {labels.spectra} generated "
            f"spectra ('{labels.fits}'), against the labels that they were generated for ('{labels.generated}'): "
            "Pearson correlation, slope of the ordinary regression of the fitted on the requested label, and mean "
            f"difference (bias), with limits of 95 % from {RESAMPLES} resamples of the spectra.",
            f"Labels: {labels.labels_are}.",
        ]
        if not labels.independent:
            sentences.append(
                "They go together with the latents as in the training data, so that a label may be found that only the "
                "latents carry: `mrs-keras generate --scale-labels 0.75 1.25` makes them independent."
            )
        if labels.scale is not None:
            sentences.append(
                f"Fitted concentrations in another unit were multiplied by {labels.scale:.4g}, the median of requested "
                "over fitted in all of them: only differences between labels say anything about their bias."
            )
        if labels.without_fit:
            more = ", ..." if len(labels.without_fit) > NAMED else ""
            sentences.append(f"Without a fit: {', '.join(labels.without_fit[:NAMED])}{more}.")
        if labels.left_out:
            sentences.append("Left out: " + "; ".join(f"{name}, {why}" for name, why in labels.left_out.items()) + ".")
        sentences.append(
            "A fit has errors of its own: compare these numbers with those of spectra of the physical model, fitted in "
            "the same way."
        )
        return " ".join(sentences)


def label_answer(requested: np.ndarray, fitted: np.ndarray, key: str) -> LabelAnswer:
    """Compares fitted with requested values of a label.

    Args:
      requested: float (n,).
      fitted: float (n,), in the same unit.
      key: of the resamples, such as the name of the label.
    """
    whole = _statistics(requested[None], fitted[None])
    resampled = []
    for start in range(0, RESAMPLES, RESAMPLES_AT_ONCE):
        drawn = keyed_uniform(start, start + RESAMPLES_AT_ONCE, len(requested), RESAMPLED_FITS, key)
        rows = (drawn * len(requested)).astype(int)
        resampled.append(_statistics(requested[rows], fitted[rows]))
    # A resample of few spectra may repeat a single one, which has no correlation.
    low, high = np.nanpercentile(np.concatenate(resampled), LIMITS, axis=0)
    numbers = [WithLimits(*map(float, each)) for each in zip(whole[0], low, high, strict=True)]
    return LabelAnswer(len(requested), *numbers)


def _statistics(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Returns correlation, slope, bias and bias in percent of each row: float64 (rows, 4)."""
    mean_x, mean_y = x.mean(axis=1, keepdims=True), y.mean(axis=1, keepdims=True)
    dx, dy = x - mean_x, y - mean_y
    of_x, of_y, product = (dx**2).sum(axis=1), (dy**2).sum(axis=1), (dx * dy).sum(axis=1)
    bias = (mean_y - mean_x)[:, 0]
    with np.errstate(divide="ignore", invalid="ignore"):
        columns = [product / np.sqrt(of_x * of_y), product / of_x, bias, 100 * bias / mean_x[:, 0]]
    return np.stack(columns, axis=1)


def _as_dict(answer: LabelAnswer) -> dict:
    return {
        name: {"value": value.value, "limits": [value.low, value.high]} if isinstance(value, WithLimits) else value
        for name, value in ((field.name, getattr(answer, field.name)) for field in dataclasses.fields(answer))
    }


def _text(number: WithLimits, digits: int = 2) -> str:
    return f"{number.value:.{digits}f} ({number.low:.{digits}f} to {number.high:.{digits}f})"
