"""Whether a classifier tells generated from held-out real spectra."""

import dataclasses

import numpy as np
from sklearn.decomposition import PCA
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mrs_keras.evaluation.realism.canonical import CanonicalSpectra
from mrs_keras.evaluation.realism.draws import shuffled, stratified_folds

COMPONENTS = 30
PENALTY = 3.0
FOLDS = 5
DRAWS = 3
COMPARED = 300
"""Generated spectra that the held-out ones are compared with in an AUC."""


@dataclasses.dataclass(frozen=True)
class TwoSampleTest:
    """How well a classifier tells generated from held-out real spectra: chance is 0.5, or somewhat less; see `floor`.

    Attributes:
      svm: balanced accuracy for as many generated as held-out spectra.
      auc: area under the ROC curve for 300 generated ones, more sensitive than `svm`.
      auc_second_differences: the same on second differences along ppm: fine structure, and noise that is too small, too
        large or correlated.
    """

    svm: float
    auc: float
    auc_second_differences: float


def two_sample_test(held_out: CanonicalSpectra, generated: CanonicalSpectra, seed: int = 0) -> TwoSampleTest:
    """Trains and tests classifiers of generated against held-out real spectra (doi 10.48550/arXiv.1610.06545).

    The classifier is a support-vector machine with radial basis functions (C = 3, gamma = 1 / total variance) of 30
    principal components of the standardised real and imaginary parts; standardisation and components are those of its
    own training folds. Each number is the mean over 5 folds, each scored by itself, and over 3 draws of generated
    spectra and of folds. Scores of different folds are never pooled: their zero differs, which takes copies of real
    spectra to an AUC of 0.34.

    In small samples the floor is below 0.5: a spectrum that is held out of a fold is missing on its own side.

    Args:
      held_out: real spectra.
      generated: of the generator; those beyond 300 are used by other draws.
      seed: of draws and folds. Defaults to `0`.

    Raises:
      ValueError: if there are fewer than 5 spectra of a kind.
    """
    real, other = held_out.features, generated.features
    if min(len(real), len(other)) < FOLDS:
        raise ValueError(
            f"A two-sample test needs at least {FOLDS} spectra of each kind, one for each fold. "
            f"Received: {len(real)} held-out and {len(other)} generated ones."
        )
    rough, other_rough = second_differences(held_out), second_differences(generated)
    accuracies, areas, rough_areas = [], [], []
    for draw in range(DRAWS):
        chosen = shuffled(len(other), seed, "spectra of a two-sample test", draw)
        key = seed, "folds of a two-sample test", draw
        accuracies.append(_score(real, other[chosen[: len(real)]], "accuracy", *key))
        areas.append(_score(real, other[chosen[:COMPARED]], "auc", *key))
        rough_areas.append(_score(rough, other_rough[chosen[:COMPARED]], "auc", *key))
    return TwoSampleTest(float(np.mean(accuracies)), float(np.mean(areas)), float(np.mean(rough_areas)))


def second_differences(spectra: CanonicalSpectra) -> np.ndarray:
    """Returns second differences along ppm of real and imaginary parts, float64 (n, 2 points - 4)."""
    rough = np.diff(spectra.spectra, 2, axis=1)
    return np.concatenate([rough.real, rough.imag], axis=1)


def _score(real: np.ndarray, generated: np.ndarray, kind: str, *key: object) -> float:
    """Returns the mean over the folds of the balanced accuracy, or of the AUC of the decision values."""
    features = np.concatenate([real, generated])
    is_generated = np.repeat([0, 1], [len(real), len(generated)])
    fold_of = stratified_folds(is_generated, FOLDS, *key)
    scores = []
    for fold in range(FOLDS):
        train, test = fold_of != fold, fold_of == fold
        classifier = _classifier(features[train].shape).fit(features[train], is_generated[train])
        if kind == "auc":
            scores.append(roc_auc_score(is_generated[test], classifier.decision_function(features[test])))
        else:
            scores.append(balanced_accuracy_score(is_generated[test], classifier.predict(features[test])))
    return float(np.mean(scores))


def _classifier(shape: tuple[int, int]) -> Pipeline:
    components = min(COMPONENTS, shape[0] - 1, shape[1])
    return make_pipeline(
        StandardScaler(),
        PCA(components, svd_solver="full"),
        SVC(C=PENALTY, kernel="rbf", gamma="scale", class_weight="balanced"),
    )
