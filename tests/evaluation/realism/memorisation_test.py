import numpy as np
import pytest
import scipy.spatial.distance
import scipy.stats

from mrs_keras.evaluation.realism import canonical, memorisation
from tests.evaluation.realism.simulated import ACQUISITION, simulated


@pytest.fixture(scope="module")
def forms():
    spectra, sigma, _ = simulated(500)
    return canonical(spectra, ACQUISITION, sigma)


def sets(forms, made):
    return forms.select(slice(0, 50)), forms.select(slice(50, 80)), made


def test_copies_are_at_no_distance_and_give_their_spectra_away(forms):
    result = memorisation(*sets(forms, forms.select(np.arange(300) % 50)))
    assert result.nearest_ratio == pytest.approx(0, abs=1e-6)
    assert result.membership == 1
    assert result.white_box is None


def test_other_spectra_of_the_distribution_give_nothing_away(forms, measured):
    result = memorisation(*sets(forms, forms.select(slice(100, 400))))
    measured(f"simulated spectra of others: NN {result.nearest_ratio:.2f}, membership {result.membership:.2f}")
    assert result.nearest_ratio == pytest.approx(1, abs=0.2)
    # Standard error of an AUC of 50 against 30.
    assert result.membership == pytest.approx(0.5, abs=3 * 0.067)


def test_numbers_are_those_of_scipy(forms):
    training, held_out, made = sets(forms, forms.select(slice(100, 200)))
    result = memorisation(training, held_out, made)
    centred = training.features - training.features.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:20]
    known, new, other = (each.features @ axes.T for each in (training, held_out, made))
    nearest = [np.median(scipy.spatial.distance.cdist(each, known).min(axis=1)) for each in (other, new)]
    assert result.nearest_ratio == pytest.approx(nearest[0] / nearest[1])
    near = [-scipy.spatial.distance.cdist(each.features, made.features).min(axis=1) for each in (training, held_out)]
    area = scipy.stats.mannwhitneyu(*near).statistic / (50 * 30)
    assert result.membership == pytest.approx(area)


def test_a_lower_loss_of_the_training_spectra_is_a_leak(forms):
    rng = np.random.default_rng(0)
    losses = rng.normal(size=50) - 5, rng.normal(size=30)
    assert memorisation(*sets(forms, forms.select(slice(100, 200))), losses).white_box > 0.99
    same = rng.normal(size=50), rng.normal(size=30)
    assert memorisation(*sets(forms, forms.select(slice(100, 200))), same).white_box == pytest.approx(0.5, abs=0.2)
    with pytest.raises(ValueError, match=r"Expected: shape \(30,\). Received: \(29,\)"):
        memorisation(*sets(forms, forms.select(slice(100, 200))), (same[0], same[1][:29]))
