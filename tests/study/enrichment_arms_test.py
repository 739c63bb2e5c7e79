"""What arms make of the n subjects, with fits that are the truth of their spectra."""

import dataclasses
import warnings

import numpy as np
import pytest

from mrs_keras.simulation import ExampleRecipe
from mrs_keras.study.enrichment import arms
from mrs_keras.study.enrichment.arm_data import LabelledSpectra
from mrs_keras.study.enrichment.arm_names import ARMS, TRAINED_ARMS
from mrs_keras.study.enrichment.arms import GENERATORS, NOBODY, WITHOUT_GENERATED, training_examples
from mrs_keras.training.in_vivo_prior import prior_of
from tests.study.enrichment_tasks import EFFORT, FACTORS, measured_task, ratios_of

pytestmark = pytest.mark.filterwarnings("ignore:The prior is made from")
COUNT = EFFORT.examples


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    task = measured_task(45)
    return task.data(task.rotations[0], "8", 0, tmp_path_factory.mktemp("trainings"))


@pytest.fixture
def unaugmented(monkeypatch):
    monkeypatch.setattr(arms, "AUGMENTATION", lambda spectra, *_: spectra)


def made(count, seed=0):
    """Spectra of a generator that gives each a label of its own."""
    spectra = np.arange(1.0, count + 1)[:, None] * np.ones((1, 347), complex)
    return LabelledSpectra(spectra, np.zeros(count), np.ones(count), np.arange(2.0 * count).reshape(count, 2))


def test_every_arm_that_trains_a_regression_is_made_somewhere():
    assert {*GENERATORS, *WITHOUT_GENERATED, "mixup"} == set(TRAINED_ARMS)
    assert set(TRAINED_ARMS) == set(ARMS) - {"mean", "outside", "outside_recalibrated"}


def test_real_spectra_are_those_of_the_n_with_their_labels_each_as_often(data):
    examples = training_examples("real", data, 3.0)
    rows, columns = examples.parents.T
    np.testing.assert_array_equal(examples.spectra, data.labelled.spectra[rows])
    np.testing.assert_array_equal(examples.labels, data.labelled.values[rows])
    assert np.bincount(rows).tolist() == [COUNT // 8] * 8
    assert set(columns) == {NOBODY}


def test_noisy_spectra_have_the_noise_of_the_task(data):
    data = dataclasses.replace(data, effort=dataclasses.replace(data.effort, examples=512))
    examples = training_examples("noise", data, 3.0)
    sigma = data.labelled.noise_sigma[examples.parents[:, 0]]
    added = (examples.spectra - data.labelled.spectra[examples.parents[:, 0]]) / sigma[:, None]
    # Scans carry their own: 3 sigma in all.
    np.testing.assert_allclose([added.real.std(), added.imag.std()], np.sqrt(8), rtol=0.01)


@pytest.mark.parametrize("arm", ["classical", "classical_again"])
def test_classical_examples_are_of_the_n_and_each_is_another(arm, data):
    examples = training_examples(arm, data, 3.0)
    np.testing.assert_array_equal(examples.labels, data.labelled.values[examples.parents[:, 0]])
    assert len(np.unique(examples.spectra[:, 0])) == COUNT
    correlation = np.abs((examples.spectra * data.labelled.spectra[examples.parents[:, 0]].conj()).sum(axis=1))
    norms = (
        np.linalg.norm(examples.spectra, axis=1) * np.linalg.norm(data.labelled.spectra, axis=1)[examples.parents[:, 0]]
    )
    assert (correlation / norms).min() > 0.8


def test_the_comparison_with_itself_draws_all_anew(data):
    one, other = (training_examples(arm, data, 3.0) for arm in ("classical", "classical_again"))
    np.testing.assert_array_equal(one.labels, other.labels)
    assert not np.isclose(one.spectra, other.spectra).all(axis=1).any()


def test_mixtures_are_of_two_subjects_and_their_labels_of_the_same_weight(data, unaugmented):
    examples = training_examples("mixup", data, 0.0)
    norms = np.linalg.norm(data.labelled.spectra, axis=1, keepdims=True)
    whole = data.labelled.spectra / norms
    weights = []
    for spectrum, label, (one, other) in zip(examples.spectra, examples.labels, examples.parents, strict=True):
        pair = np.stack([whole[one], whole[other]], axis=1)
        if one == other:
            np.testing.assert_allclose(spectrum, whole[one], rtol=1e-12)
            continue
        weight, *_ = np.linalg.lstsq(pair, spectrum, rcond=None)
        np.testing.assert_allclose(weight.sum(), 1, atol=1e-9)
        expected = weight.real @ data.labelled.values[[one, other]]
        np.testing.assert_allclose(label, expected, rtol=1e-9)
        weights.append(weight[0].real)
    assert min(weights) < 0.1
    assert max(weights) > 0.9
    assert set(examples.parents[:, 1]) == set(range(8))


def test_mixtures_carry_the_noise_of_their_parents(data, unaugmented):
    factor = 50.0
    mixed = training_examples("mixup", data, factor).spectra - training_examples("mixup", data, 0.0).spectra
    sigma = factor * np.median(data.labelled.noise_sigma / np.linalg.norm(data.labelled.spectra, axis=1))
    assert mixed.view(float).std() == pytest.approx(sigma, rel=0.15)


def test_factors_are_those_of_the_table_over_the_fits(data):
    np.testing.assert_allclose(data.factors, FACTORS, rtol=1e-12)


@pytest.mark.parametrize("of_all", [False, True])
def test_labels_of_simulations_are_ratios_of_their_own_parameters_times_the_factor(of_all, data):
    simulated = data.simulations(20, of_all_scans=of_all)
    fits = data.fits_of_scans if of_all else data.fits
    recipe = ExampleRecipe(prior_of(fits, {}), fits.basis, data.seed)
    examples = recipe.draw(0, 20)
    expected = FACTORS * ratios_of(np.asarray(examples.parameters.concentrations, float))
    np.testing.assert_allclose(simulated.labels, expected, rtol=1e-5)
    np.testing.assert_array_equal(simulated.spectra, recipe.simulate(examples, noise=False))
    np.testing.assert_array_equal(simulated.carried, 0)
    assert np.median(simulated.level) == pytest.approx(1.0, rel=0.3)


def test_simulations_of_the_n_know_no_other_scan(data):
    fewer = data.fits_of_scans[np.arange(9)]
    changed = dataclasses.replace(data, fits_of_scans=fewer, scans=data.scans[np.arange(9)])
    np.testing.assert_array_equal(changed.simulations(6).spectra, data.simulations(6).spectra)
    assert not np.array_equal(changed.simulations(6, True).spectra, data.simulations(6, True).spectra)


@pytest.mark.parametrize("arm", ["simulations", "simulations_of_all"])
def test_half_of_the_examples_are_generated_and_nobodys(arm, data, unaugmented):
    examples = training_examples(arm, data, 0.0)
    half = COUNT // 2
    np.testing.assert_array_equal(examples.parents[half:], NOBODY)
    np.testing.assert_array_equal(examples.spectra[:half], data.real(half).spectra)
    np.testing.assert_array_equal(examples.spectra[half:], data.simulations(half, arm.endswith("all")).spectra)
    assert examples.labels.shape == (COUNT, 2)


def test_shuffled_labels_are_a_permutation_of_those_of_the_same_spectra(data, monkeypatch):
    monkeypatch.setattr(arms, "_of_cvae", lambda _, count: made(count))
    shuffled = arms.generated_spectra("placebo", data, 500)
    np.testing.assert_array_equal(shuffled.spectra, made(500).spectra)
    order = shuffled.labels[:, 0].argsort()
    np.testing.assert_array_equal(shuffled.labels[order], made(500).labels)  # rows stay together
    assert abs(np.corrcoef(shuffled.labels[:, 0], made(500).labels[:, 0])[0, 1]) < 0.15


def test_labels_of_the_cvae_lie_between_those_of_two_subjects(data):
    from mrs_keras.study.enrichment.networks import mixed_labels

    values = data.labelled.values
    drawn = mixed_labels(values, 400, 0)
    assert (drawn >= values.min(axis=0)).all()
    assert (drawn <= values.max(axis=0)).all()
    # On a line between two of them: the cross product with one of the chords is 0.
    chords = values[:, None] - values[None]
    offsets = drawn[:, None, None] - values[None, :, None]
    crossed = offsets[..., 0] * chords[None, ..., 1] - offsets[..., 1] * chords[None, ..., 0]
    same = np.abs(chords).sum(axis=-1) == 0
    at_a_subject = np.abs(offsets).sum(axis=-1) < 1e-12
    assert ((np.abs(crossed) < 1e-12) & (~same | at_a_subject)).any(axis=(1, 2)).all()


def test_spectra_of_the_hybrid_are_asked_for_in_the_scale_of_fits_and_labelled_in_that_of_the_table(data, monkeypatch):
    from mrs_keras.study.enrichment import networks

    low, high = np.array([1.3, 0.65]), np.array([1.6, 0.8])
    labels = dataclasses.replace(data.labels, ranges=tuple(zip(low.tolist(), high.tolist(), strict=True)))
    asked = []

    def generated(model, wanted, seed):
        asked.append((wanted, seed))
        return dataclasses.replace(made(len(wanted)), labels=wanted)

    monkeypatch.setattr(networks, "hybrid_of_scans", lambda _: dataclasses.replace(data, labels=labels))
    monkeypatch.setattr(networks, "generated_by", generated)
    spectra = arms.generated_spectra("hybrid", data, 40)
    ((wanted, seed),) = asked
    own = data.simulations(40, of_all_scans=True).labels / FACTORS
    np.testing.assert_allclose(wanted, np.clip(own, low, high), rtol=1e-6)
    np.testing.assert_allclose(spectra.labels, FACTORS * wanted, rtol=1e-9)
    assert seed == data.seed
    both = arms.generated_spectra("simulations_and_hybrid", data, 41)
    np.testing.assert_array_equal(both.spectra[:20], data.simulations(20).spectra)
    np.testing.assert_array_equal(both.labels[20:], arms.generated_spectra("hybrid", data, 21).labels)


def test_a_prior_needs_eight_fits_that_converged(data):
    converged = np.arange(8) < 7
    fits = dataclasses.replace(data.fits, converged=converged)
    with pytest.raises(ValueError, match="at least 8 subjects. Received: 7"):
        dataclasses.replace(data, fits=fits).simulations(4)


def test_examples_are_the_same_each_time_and_others_with_another_seed(data):
    for arm in ("noise", "classical", "mixup", "simulations"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            one, again = training_examples(arm, data, 3.0), training_examples(arm, data, 3.0)
            other = training_examples(arm, dataclasses.replace(data, seed=data.seed + 10), 3.0)
        assert one.spectra.tobytes() == again.spectra.tobytes()
        assert one.labels.tobytes() == again.labels.tobytes()
        assert not np.isclose(one.spectra, other.spectra).all(axis=1).any()
