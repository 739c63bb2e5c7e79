"""Regressions of known functions, the choice of their penalties, and what inner folds see."""

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin

from mrs_keras.study.enrichment import regressors
from mrs_keras.study.enrichment.arms import NOBODY, Examples
from mrs_keras.study.enrichment.regressors import COMPONENTS, REGRESSORS, features_of, tuned_predictions
from tests.fitting.fits_of_truth import ACQUISITION

PPM = ACQUISITION.window_ppm_axis
PEAKS = np.exp(-(((PPM - np.array([2.0, 3.0, 3.5])[:, None]) / 0.05) ** 2))


def spectra_of(amounts):
    """Three peaks of these amounts, shape (n, 3)."""
    return (amounts @ PEAKS).astype(complex)


def subjects(count, seed=0):
    """Returns spectra of peaks with a fixed sum of squares, so that features are linear in them, and two labels."""
    angles = np.random.default_rng(seed).uniform(0.6, 0.9, (count, 2))
    first, second = np.sin(angles).T * [[0.5], [0.4]]
    amounts = np.stack([first, second, np.sqrt(1 - first**2 - second**2)], axis=1)
    labels = np.stack([3 * first + 1, 2 * first - second], axis=1)
    return spectra_of(amounts), labels


def examples_of(spectra, labels, times=4):
    """Each spectrum several times, of a subject of its own."""
    rows = np.tile(np.arange(len(spectra)), times)
    return Examples(spectra[rows], labels[rows], np.stack([rows, np.full(len(rows), NOBODY)], axis=1))


def predicted(examples, inner, test, *, folds=4, epochs=2, seed=0):
    return tuned_predictions(examples, inner, test, ACQUISITION, folds=folds, epochs=epochs, seed=seed)


class Recorded(RegressorMixin, BaseEstimator):
    """A regression that predicts the means of the labels, and keeps what it has seen."""

    seen: list = []  # noqa: RUF012

    def fit(self, features, labels):
        self.seen.append((features, labels))
        self.mean = np.asarray(labels, float).mean(axis=0)
        return self

    def predict(self, features):
        return np.tile(self.mean, (len(features), 1))


@pytest.fixture
def recorded(monkeypatch):
    Recorded.seen = []
    monkeypatch.setattr(regressors, "REGRESSORS", {"recorded": (lambda *_: Recorded(), (1.0,))})
    return Recorded.seen


def test_features_are_both_parts_inside_the_window_over_the_norm():
    spectra, _ = subjects(5)
    spectra = 37.0 * spectra * np.exp(0.3j)
    spectra[:, PPM < 0.4] = 1e6  # lipids and what is beyond do not count
    features = features_of(spectra, ACQUISITION)
    inside = (PPM >= 0.5) & (PPM <= 4.2)
    assert features.shape == (5, 2 * inside.sum())
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-6)
    halves = features[:, : inside.sum()] + 1j * features[:, inside.sum() :]
    expected = spectra[:, inside] / np.sqrt((np.abs(spectra[:, inside]) ** 2).sum(axis=1))[:, None]
    np.testing.assert_allclose(halves, expected, atol=1e-6)


def test_both_regressions_find_a_linear_label():
    examples, test = examples_of(*subjects(64), times=4), subjects(30, seed=1)
    found = predicted(examples, subjects(64), test[0], epochs=50)
    assert set(found) == {"perceptron", "ridge"}
    np.testing.assert_allclose(found["ridge"], test[1], rtol=1e-3)
    np.testing.assert_allclose(found["perceptron"], test[1], rtol=0.02)
    for values in found.values():
        assert values.dtype == np.float64


def test_all_regressions_are_tuned_by_as_many_penalties():
    assert [len(penalties) for _, penalties in REGRESSORS.values()] == [4, 4]


@pytest.mark.parametrize("penalty", [0.5, 300.0])
def test_the_ridge_is_the_closed_form_on_principal_components(penalty, monkeypatch):
    monkeypatch.setattr(regressors, "REGRESSORS", {"ridge": (REGRESSORS["ridge"][0], (penalty,))})
    rng = np.random.default_rng(0)
    spectra = rng.normal(size=(2, 200, len(PPM))) * np.geomspace(1, 0.01, len(PPM))
    spectra, labels = spectra[0] + 1j * spectra[1], 5 + rng.normal(size=(200, 2)) * [0.1, 40.0]
    found = predicted(examples_of(spectra[:150], labels[:150], 1), (spectra[:150], labels[:150]), spectra[150:])[
        "ridge"
    ]
    train, test = (features_of(each, ACQUISITION).astype(float) for each in (spectra[:150], spectra[150:]))
    middle = train.mean(axis=0)
    _, _, axes = np.linalg.svd(train - middle, full_matrices=False)
    train, test = ((each - middle) @ axes[:COMPONENTS].T for each in (train, test))
    train, test = train / train.std(), test / train.std()
    mean, deviation = labels[:150].mean(axis=0), labels[:150].std(axis=0)
    known = (labels[:150] - mean) / deviation
    weights = np.linalg.solve(train.T @ train + penalty * np.eye(COMPONENTS), train.T @ known)
    np.testing.assert_allclose(found, test @ weights * deviation + mean, rtol=1e-3)


def test_the_penalty_is_the_one_that_is_best_for_subjects_never_seen(monkeypatch):
    monkeypatch.setattr(regressors, "REGRESSORS", {"ridge": (REGRESSORS["ridge"][0], (1e9, 1e-2))})
    (spectra, labels), test = subjects(24), subjects(10, seed=1)
    small = predicted(examples_of(spectra, labels), (spectra, labels), test[0])["ridge"]
    np.testing.assert_allclose(small, test[1], rtol=0.01)
    # Labels that have nothing to do with spectra: only the mean can be predicted.
    noise = np.random.default_rng(0).normal(5, 1, labels.shape)
    large = predicted(examples_of(spectra, noise), (spectra, noise), test[0])["ridge"]
    np.testing.assert_allclose(large, np.tile(noise.mean(axis=0), (10, 1)), rtol=1e-4)


def test_an_inner_fold_sees_no_example_of_the_subjects_that_it_holds_out(recorded):
    spectra, labels = subjects(6)
    examples = examples_of(spectra, labels)
    # Mixtures with subject 2, and spectra that a generator made.
    mixed = Examples(spectra[[0, 1]], labels[[0, 1]], np.array([[0, 2], [2, 1]]))
    made = Examples(spectra[[3]], labels[[3]], np.array([[NOBODY, NOBODY]]))
    parts = (examples, mixed, made)
    poisoned = [
        np.where((part.parents == 2).any(axis=1, keepdims=True), np.nan, part.labels)
        for part in (examples, mixed, made)
    ]
    whole = Examples(
        np.concatenate([part.spectra for part in parts]),
        np.concatenate(poisoned),
        np.concatenate([part.parents for part in parts]),
    )
    predicted(whole, (spectra, labels), spectra, folds=6)
    finite = [np.isfinite(seen).all() for _, seen in recorded]
    assert len(finite) == 7  # six folds, and all
    assert finite.count(True) == 1
    sizes = sorted(len(seen) for _, seen in recorded)
    # Four examples of each, and both mixtures or the one with subject 0 or 1.
    assert sizes == sorted([27 - 4 - 2, *[27 - 4 - 1] * 2, *[27 - 4] * 3, 27])
    assert len(recorded[-1][1]) == 27


def test_folds_hold_out_every_subject_once_and_no_more_folds_than_subjects(recorded):
    spectra, labels = subjects(10)
    predicted(examples_of(spectra, labels), (spectra, labels), spectra, folds=4)
    assert sorted(40 - len(seen) for _, seen in recorded) == [0, 8, 8, 12, 12]
    recorded.clear()
    predicted(examples_of(spectra[:3], labels[:3]), (spectra[:3], labels[:3]), spectra, folds=4)
    assert sorted(12 - len(seen) for _, seen in recorded) == [0, 4, 4, 4]


def test_a_prediction_does_not_depend_on_what_else_is_predicted():
    examples, inner, test = examples_of(*subjects(24), times=8), subjects(24), subjects(12, seed=1)[0]
    whole = predicted(examples, inner, test)
    for name, values in predicted(examples, inner, test[3:8]).items():
        np.testing.assert_allclose(values, whole[name][3:8], rtol=1e-5)
    for name, values in predicted(examples, inner, test).items():
        np.testing.assert_array_equal(values, whole[name])


def test_a_label_that_does_not_vary_is_predicted_as_it_is():
    spectra, labels = subjects(16)
    labels[:, 1] = 7.0
    found = predicted(examples_of(spectra, labels, times=12), (spectra, labels), spectra)
    np.testing.assert_allclose(found["ridge"][:, 1], 7.0, rtol=1e-9)
