"""Topic: whether generated spectra cover the data, as points in a feature space, without a physical model."""

import dataclasses
from collections.abc import Sequence
from typing import Self

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA
from sklearn.ensemble import ExtraTreesClassifier
from sklearn.metrics import pairwise_distances
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import NearestNeighbors

from mrs_keras import plotting
from mrs_keras.evaluation.report.format import percent
from mrs_keras.evaluation.scope import GENERATED
from mrs_keras.evaluation.spectrum_sets import SpectrumSet
from mrs_keras.evaluation.table import PERCENT, Row
from mrs_keras.evaluation.topic import OverviewRow, Split, Topic
from mrs_keras.plotting.html_page import Section

COMPONENTS = 32
"""Principal components of the feature space; for the default dataset, they miss 5e-6 of the variance."""

NEIGHBOURS = 5
"""Neighbour that sets the radius of density and coverage."""

IDEAL_COVERAGE = 1 - 2.0**-NEIGHBOURS
"""Expected coverage for two sets of points from the same distribution."""


def feature_space(training: np.ndarray) -> PCA:
    """Fits the feature space in which sets of spectra are compared.

    Its coordinates are the first principal components of the training spectra, real and imaginary part side by side,
    each divided by its standard deviation.

    Args:
      training: float (examples, points, 2).
    """
    flat = training.reshape(len(training), -1)
    return PCA(min(COMPONENTS, *flat.shape), whiten=True, svd_solver="covariance_eigh").fit(flat.astype(np.float64))


def features_of(spectra: np.ndarray, space: PCA) -> np.ndarray:
    """Returns spectra, float (batch, points, 2), as points of a feature space, float64 (batch, components)."""
    return space.transform(spectra.reshape(len(spectra), -1).astype(np.float64))


def density_and_coverage(real: np.ndarray, generated: np.ndarray, neighbours: int = NEIGHBOURS) -> tuple[float, float]:
    """Compares two sets of points by the neighbourhoods of the real ones (Naeem et al. 2020, arXiv 2002.09797).

    The neighbourhood of a real point is the ball up to its k-th nearest real neighbour. Density is the mean number of
    balls that contain a generated point, divided by k; coverage is the share of balls that contain at least one.

    Args:
      real: float (examples, features).
      generated: float (batch, features).
      neighbours: k. Defaults to `5`.

    Returns:
      density, 1 if the distributions are equal, and coverage, 1 - 2^-k in that case.
    """
    radii = NearestNeighbors(n_neighbors=neighbours).fit(real).kneighbors()[0][:, -1]
    inside = pairwise_distances(real, generated) < radii[:, None]
    return float(inside.sum(axis=0).mean() / neighbours), float(inside.any(axis=1).mean())


def classifier_two_sample_test(real: np.ndarray, generated: np.ndarray) -> tuple[float, float]:
    """Tests whether a classifier can tell two sets of points apart (Lopez-Paz and Oquab 2017, arXiv 1610.06545).

    An ensemble of extremely randomised trees is trained on one half of all points and tested on the other, and vice
    versa.

    Args:
      real: float (examples, features).
      generated: float (batch, features), about as many points.

    Returns:
      accuracy, 0.5 if the sets cannot be told apart and 1 if they always can, and its standard error,
      sqrt(accuracy (1 - accuracy) / points).
    """
    points, of_set = np.concatenate([real, generated]), np.repeat([0, 1], [len(real), len(generated)])
    trees = ExtraTreesClassifier(100, min_samples_leaf=3, random_state=0)
    halves = StratifiedKFold(2, shuffle=True, random_state=0)
    accuracy = float(np.mean(cross_val_predict(trees, points, of_set, cv=halves) == of_set))
    return accuracy, float(np.sqrt(accuracy * (1 - accuracy) / len(points)))


@dataclasses.dataclass(frozen=True)
class ClassifierTest:
    """Result of `classifier_two_sample_test`."""

    accuracy: float
    standard_error: float


@dataclasses.dataclass(frozen=True)
class CoverageScores:
    """Numbers of one set of spectra, against the validation spectra."""

    density: float
    coverage: float
    classifier: ClassifierTest

    @classmethod
    def of(cls, validation: np.ndarray, features: np.ndarray) -> Self:
        """Compares two sets of points of the feature space, float (batch, components)."""
        return cls(
            *density_and_coverage(validation, features),
            ClassifierTest(*classifier_two_sample_test(validation, features)),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class ComparedSet:
    """A set of spectra as points of the feature space.

    Attributes:
      name: key in `numbers.json`.
      label: in tables and figures.
      features: float64 (batch, components).
      scores: against the validation spectra.
    """

    name: str
    label: str
    features: np.ndarray
    scores: CoverageScores

    @classmethod
    def of(cls, source: SpectrumSet, space: PCA, validation: np.ndarray) -> Self:
        """Compares a set, cut to the number of validation spectra, with these, (examples, components)."""
        features = features_of(source.spectra[: len(validation)], space)
        return cls(source.name, source.label, features, CoverageScores.of(validation, features))


@dataclasses.dataclass(frozen=True, eq=False)
class Coverage(Topic):
    """Generated and validation spectra as points of the feature space.

    Attributes:
      validation: float64 (examples, components).
      generated: a set for each latent prior, the default first.
      simulated: the output of a perfect generator; `None` if nothing can be simulated.
    """

    ROWS = (
        Row("generation.{prior}.coverage", "{prior}: validation data covered", PERCENT),
        Row("generation.{prior}.classifier.accuracy", "{prior}: accuracy of the classifier", PERCENT),
    )

    validation: np.ndarray
    generated: tuple[ComparedSet, ...]
    simulated: ComparedSet | None

    @classmethod
    def measure(
        cls, training: Split, validation: Split, generated: Sequence[SpectrumSet], simulated: SpectrumSet | None
    ) -> Self:
        """Compares all sets with the validation spectra."""
        space = feature_space(training["spectrum"])
        points = features_of(validation["spectrum"][:GENERATED], space)
        compared = tuple(ComparedSet.of(source, space, points) for source in generated)
        return cls(points, compared, None if simulated is None else ComparedSet.of(simulated, space, points))

    @property
    def sets(self) -> tuple[ComparedSet, ...]:
        """All sets, the default prior first."""
        return self.generated if self.simulated is None else (*self.generated, self.simulated)

    def numbers(self) -> dict:
        scores = {each.name: dataclasses.asdict(each.scores) for each in self.sets}
        return {"generation": {"default_prior": self.generated[0].name, **scores}}

    def figures(self) -> dict[str, Figure]:
        figure = plotting.plot_coverage(
            {each.label: each.features for each in self.sets},
            self.validation,
            {
                each.label: (each.scores.density, each.scores.coverage, *dataclasses.astuple(each.scores.classifier))
                for each in self.sets
            },
            IDEAL_COVERAGE,
            None if self.simulated is None else self.simulated.label,
        )
        return {"generated_coverage": figure}

    def overview(self) -> list[OverviewRow]:
        ours = self.generated[0].scores
        best_coverage, best_accuracy = percent(IDEAL_COVERAGE), "chance: 50 %"
        if self.simulated is not None:
            best = self.simulated.scores
            best_coverage = f"{percent(best.coverage)} (simulated)"
            best_accuracy = f"{percent(best.classifier.accuracy)} (simulated; {best_accuracy})"
        return [
            OverviewRow("validation spectra that generated ones cover", percent(ours.coverage), best_coverage),
            OverviewRow(
                "accuracy of a classifier of generated against validation spectra",
                percent(ours.classifier.accuracy),
                best_accuracy,
            ),
        ]

    def sections(self) -> list[Section]:
        rows = [
            (
                each.label,
                f"{each.scores.density:.3f}",
                f"{each.scores.coverage:.3f}",
                f"{each.scores.classifier.accuracy:.3f} ({each.scores.classifier.standard_error:.3f})",
            )
            for each in self.sets
        ]
        return [
            Section(
                "Generated spectra: do they cover the data?",
                f"Generated and validation spectra as points: their first {COMPONENTS} principal components (of the "
                "training spectra), each divided by its standard deviation. Density (Naeem et al. 2020, k = "
                f"{NEIGHBOURS}) is low if generated spectra are far from the data, 1 is best; coverage is the "
                f"share of validation spectra with a generated one nearby, {IDEAL_COVERAGE:.2f} is best. "
                "Accuracy is that of a classifier trained to distinguish generated from validation spectra "
                "(Lopez-Paz and Oquab 2017): 0.5 is best, 1 means that it is never fooled; more than two standard "
                "errors from 0.5, it can distinguish the two sets."
                + ("" if self.simulated is None else " The simulated spectra show the result of a perfect generator."),
                (("spectra", "density", "coverage", "classifier accuracy (standard error)"), rows),
                "generated_coverage",
                "Left: the two components in which the default prior's spectra differ most from the data; blue points "
                "should be distributed like the grey ones. Right: bars should reach the dashed lines.",
            )
        ]
