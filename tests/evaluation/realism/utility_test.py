import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV, PredefinedSplit

from mrs_keras.evaluation.realism import canonical, utility
from mrs_keras.evaluation.realism.draws import stratified_folds
from mrs_keras.evaluation.realism.utility import ALPHAS, ridge_predictions
from tests.evaluation.realism.simulated import ACQUISITION, simulated


@pytest.fixture(scope="module")
def data():
    spectra, sigma, labels = simulated(500)
    return canonical(spectra, ACQUISITION, sigma), labels


@pytest.mark.parametrize(("rows", "features"), [(60, 100), (120, 30)])
def test_predictions_are_those_of_scikit_learn(rows, features):
    rng = np.random.default_rng(0)
    train, test = rng.normal(size=(rows, features)) + 3, rng.normal(size=(8, features)) + 3
    labels = train[:, :2] @ [[1.0, 2.0], [0.5, -1.0]] + rng.normal(size=(rows, 2)) * [0.1, 5.0]
    found = ridge_predictions(train, labels, test)
    folds = PredefinedSplit(stratified_folds(np.zeros(rows), 5, "folds of a regression"))
    for column in range(2):
        search = GridSearchCV(Ridge(), {"alpha": ALPHAS}, cv=folds, scoring=_total_error)
        expected = search.fit(train, labels[:, column]).predict(test)
        np.testing.assert_allclose(found[:, column], expected, rtol=1e-7, atol=1e-9)


def _total_error(model, features, labels):
    return -((model.predict(features) - labels) ** 2).sum()


def test_a_regression_on_spectra_of_the_same_kind_finds_their_labels(data):
    forms, labels = data
    ratios = labels / labels[:, :1]
    found = utility(forms.select(slice(0, 400)), ratios[:400, 1:], forms.select(slice(400, 500)), ratios[400:, 1:])
    assert np.all(found > 0.6)  # without the spectra it would be 0


def test_missing_labels_are_left_out_and_labels_of_few_spectra_are_not_tested(data):
    forms, labels = data
    training, tested = labels[:100].copy(), labels[400:].copy()
    training[5:20, 0] = np.nan
    tested[0, 0] = np.nan
    training[9:, 1] = np.nan
    found = utility(forms.select(slice(0, 100)), training, forms.select(slice(400, 500)), tested)
    kept = np.isfinite(training[:, 0])
    expected = utility(
        forms.select(np.arange(100)[kept]), training[kept][:, :1], forms.select(slice(401, 500)), tested[1:, :1]
    )
    # Features are standardised by all training spectra, those without the label too.
    assert found[0] == pytest.approx(expected[0], abs=0.05)
    assert np.isnan(found[1])
    assert np.isfinite(found[2])


def test_labels_that_do_not_vary_have_no_correlation(data):
    forms, labels = data
    found = utility(forms.select(slice(0, 50)), labels[:50], forms.select(slice(400, 500)), np.ones((100, 3)))
    assert np.isnan(found).all()
