"""The measures on real spectra: controls that each of them must pass, and the floor."""

import numpy as np
import pytest

from mrs_keras.basis import basis_for
from mrs_keras.evaluation.realism import (
    GeneratedSpectra,
    RealSpectra,
    measure_controls,
    measure_realism,
    subject_folds,
)
from mrs_keras.evaluation.realism.canonical import canonical
from mrs_keras.measured import MeasuredRecipe
from mrs_keras.measured.examples import process_folder
from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import labels_of
from mrs_keras.measured.label_tables import read_label_table
from mrs_keras.simulation import ExampleRecipe, Prior, channels_to_complex
from tests.conftest import SHARED_DATA

BIGGABA = SHARED_DATA / "invivo_biggaba"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BIGGABA.exists(), reason="the in-vivo data are not beside this checkout"),
]


@pytest.fixture(scope="module")
def real():
    """The 80 scans with the labels of one program, and with those of another as the second labeller."""
    recipe = MeasuredRecipe(folder=str(BIGGABA), labels=str(BIGGABA / "lcmodel.tsv"))
    examples = process_folder(recipe, jobs=1)
    files = [recipe.files[row] for row in examples.rows]
    subjects = [file.participant_id for file in files]
    second = labels_of(read_label_table(BIGGABA / "osprey_tCr.tsv"), recipe.label_values.names)
    return RealSpectra(
        channels_to_complex(np.asarray(examples.spectra)),
        recipe.target.acquisition,
        examples.numbers["noise_sigma"],
        subjects,
        [file.site for file in files],
        labels=recipe.matched_labels[0][examples.rows],
        second_labels=match_labels(second, subjects)[0],
        label_names=recipe.label_values.names,
    )


@pytest.fixture(scope="module")
def controls(real):
    """Of three splits of each of two seeds."""
    found = []
    for seed in (10, 11):
        fold = subject_folds(real.subjects, real.sites, 3, seed)
        found += [
            measure_controls(real.select(fold == each), real.select(fold != each), seed=seed) for each in range(3)
        ]
    return found


def numbers(results):
    """Returns SVM, AUC, AUC of second differences, nearest ratio and membership, float (results, 5)."""
    return np.array(
        [
            (
                each.two_sample.svm,
                each.two_sample.auc,
                each.two_sample.auc_second_differences,
                each.memorisation.nearest_ratio,
                each.memorisation.membership,
            )
            for each in results
        ]
    )


def test_the_floor_of_real_against_real_is_that_of_the_pilot(controls, measured):
    found = numbers([each.floor for each in controls])
    measured(f"real against real: SVM, AUC, HP, NN, membership {np.round(found.mean(axis=0), 2)}")
    expected = (0.45, 0.41, 0.47, 0.97, 0.51)
    # Standard deviations between splits are 0.05 to 0.1, and splits are not independent.
    np.testing.assert_allclose(found.mean(axis=0), expected, atol=0.08)


def test_copies_are_given_away_by_memorisation(controls, measured):
    found = numbers([each.copies for each in controls])
    measured(f"copies: SVM, AUC, HP, NN, membership {np.round(found.mean(axis=0), 2)}")
    assert found[:, 4].min() >= 0.95
    assert found[:, 3].max() < 0.01
    # No two-sample test of as many spectra would have seen them.
    assert found[:, 0].mean() < 0.65


def test_mixtures_are_given_away_by_second_differences(controls, measured):
    found = numbers([each.mixtures for each in controls])
    measured(f"mixtures: SVM, AUC, HP, NN, membership {np.round(found.mean(axis=0), 2)}")
    assert found[:, 2].min() >= 0.8


def of_preset(name, acquisition):
    """Returns 300 spectra of a prior, of the package's own basis: PRESS TE 30 ms with ideal pulses."""
    prior = Prior.from_preset(name, acquisition.spectrometer_frequency_mhz)
    recipe = ExampleRecipe(prior, basis_for(prior.metabolites, acquisition))
    examples = recipe.draw(0, 300)
    spectra = recipe.simulate(examples)
    sigma = np.sqrt((np.abs(spectra - recipe.simulate(examples, noise=False)) ** 2).mean(axis=1) / 2)
    return GeneratedSpectra(spectra, sigma)


def mean_difference(generated, real):
    """Returns the root mean square difference of the mean canonical spectra, relative to NAA."""
    means = [
        canonical(each.spectra, real.acquisition, each.noise_sigma).spectra.mean(axis=0) for each in (generated, real)
    ]
    return np.sqrt((np.abs(means[0] - means[1]) ** 2).mean())


def test_independent_uniform_ranges_are_told_from_real_spectra(real, measured):
    generated = of_preset("brain_press_te30_uniform", real.acquisition)
    result = measure_realism(generated, real)
    measured(f"uniform prior against 80 real spectra: {result.two_sample}, {mean_difference(generated, real):.3f}")
    assert result.two_sample.auc >= 0.9
    assert result.two_sample.svm >= 0.9


def test_published_statistics_come_near_to_real_spectra_but_are_told_from_them(real, measured):
    uniform, published = (
        of_preset(name, real.acquisition) for name in ("brain_press_te30_uniform", "brain_press_te30")
    )
    result = measure_realism(published, real)
    measured(f"published prior against 80 real spectra: {result.two_sample}, {mean_difference(published, real):.3f}")
    # The wish is an AUC of at most 0.9, which these do not reach: see the card of `simulated_mrs`.
    assert mean_difference(published, real) < 0.045
    assert mean_difference(uniform, real) > 0.09
    assert result.quantities["snr"].ks < measure_realism(uniform, real).quantities["snr"].ks / 2


def test_real_training_spectra_predict_the_second_labeller(controls, measured):
    mean = {name: np.mean([each.floor.utility[name] for each in controls]) for name in controls[0].floor.utility}
    measured(
        f"trained on real spectra, tested on another program: { {k: round(float(v), 2) for k, v in mean.items()} }"
    )
    assert mean["tCho_over_tCr"] > 0.8
    assert mean["tNAA_over_tCr"] > 0.6
