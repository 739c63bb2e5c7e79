import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.model_selection import PredefinedSplit, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from mrs_keras.evaluation.realism import canonical, two_sample_test
from mrs_keras.evaluation.realism.draws import shuffled, stratified_folds
from tests.evaluation.realism.simulated import ACQUISITION, simulated


def forms(rows, change=lambda spectra: spectra, split="real"):
    spectra, sigma, _ = simulated(1000, "two samples")
    return canonical(change(spectra[rows]), ACQUISITION, sigma[rows], split=split)


def test_scores_are_those_of_scikit_learn_on_the_same_folds():
    real, made = forms(slice(0, 25)), forms(slice(25, 60), np.conj)
    found = two_sample_test(real, made, seed=4)
    accuracies, areas = [], []
    for draw in range(3):
        order = shuffled(35, 4, "spectra of a two-sample test", draw)
        for scoring, rows, results in (("balanced_accuracy", order[:25], accuracies), ("roc_auc", order, areas)):
            features = np.concatenate([real.features, made.features[rows]])
            kind = np.repeat([0, 1], [25, len(rows)])
            folds = PredefinedSplit(stratified_folds(kind, 5, 4, "folds of a two-sample test", draw))
            svm = SVC(C=3.0, kernel="rbf", class_weight="balanced")
            classifier = make_pipeline(StandardScaler(), PCA(30, svd_solver="full"), svm)
            results.append(cross_val_score(classifier, features, kind, cv=folds, scoring=scoring).mean())
    assert found.svm == pytest.approx(np.mean(accuracies))
    assert found.auc == pytest.approx(np.mean(areas))


def test_two_halves_of_one_distribution_are_not_told_apart(measured):
    """It can fail: the next tests feed the same function sets that differ."""
    scores = []
    for first in range(0, 800, 200):
        halves = slice(first, first + 40), slice(first + 40, first + 140)
        result = two_sample_test(forms(halves[0]), forms(halves[1], split="generated"))
        scores.append((result.svm, result.auc, result.auc_second_differences))
    means = np.mean(scores, axis=0)
    measured(f"two halves of one simulated distribution: SVM {means[0]:.2f}, AUC {means[1]:.2f}, HP {means[2]:.2f}")
    # The standard deviation of one is 0.06 to 0.08.
    assert np.all(np.abs(means - 0.5) < 0.14)


def test_spectra_whose_baseline_differs_are_told():
    def tilted(spectra):
        return spectra + 0.15 * np.abs(spectra).max(axis=1, keepdims=True) * np.linspace(1, 0, spectra.shape[1])

    assert two_sample_test(forms(slice(0, 40)), forms(slice(40, 160), tilted)).auc > 0.9


def test_second_differences_tell_spectra_whose_noise_was_smoothed():
    def smoothed(spectra):
        return (np.roll(spectra, 1, axis=1) + 2 * spectra + np.roll(spectra, -1, axis=1)) / 4

    assert two_sample_test(forms(slice(0, 40)), forms(slice(40, 160), smoothed)).auc_second_differences > 0.75


def test_folds_hold_each_class_evenly_and_depend_on_the_key_alone():
    kind = np.repeat([0, 1], [27, 300])
    fold = stratified_folds(kind, 5, "key")
    assert {int(count) for count in np.bincount(fold[kind == 0])} == {5, 6}
    assert set(np.bincount(fold[kind == 1])) == {60}
    np.testing.assert_array_equal(fold, stratified_folds(kind, 5, "key"))
    assert not np.array_equal(fold, stratified_folds(kind, 5, "other"))


def test_fewer_spectra_than_folds_are_refused():
    with pytest.raises(ValueError, match="at least 5 spectra of each kind.*Received: 4 held-out and 40"):
        two_sample_test(forms(slice(0, 4)), forms(slice(0, 40)))
