import numpy as np
import pytest

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import simulate_press
from mrs_keras.simulation import SpectralParameters, simulate
from mrs_keras.study.enrichment.fidelity import label_fidelity

NAMES = ("NAA", "Cr", "PCr", "GPC", "Ins", "Glu")
LABELS = ("NAA_over_tCr", "GPC_over_tCr")
SPECTRA = 12


@pytest.fixture(scope="module")
def generated():
    random = np.random.default_rng(0)
    acquisition = Acquisition(127.74, 2000.0, 1024, (0.2, 4.2))
    basis = simulate_press(list(NAMES), acquisition=acquisition)
    amounts = np.array([10.0, 4.0, 3.5, 1.5, 6.0, 9.0]) * np.exp(0.1 * random.normal(size=(SPECTRA, len(NAMES))))
    flat = np.zeros(SPECTRA)
    parameters = SpectralParameters(amounts, flat + 5, flat + 4, flat, flat, flat)
    spectra = simulate(parameters, basis, snr=300.0, dtype=np.complex128)
    sigma = np.abs(spectra).max(axis=1) / 300
    creatine = amounts[:, 1] + amounts[:, 2]
    return spectra, amounts[:, [0, 3]] / creatine[:, None], LABELS, sigma, basis, acquisition


def test_spectra_that_carry_their_labels_agree_with_the_fit(generated):
    found = label_fidelity(*generated, jobs=1)
    for label in LABELS:
        assert found[f"{label} correlation"] > 0.97
        assert abs(found[f"{label} slope"] - 1) < 0.1
        assert found[f"{label} error"] < 3
        assert abs(found[f"{label} factor"] - 1) < 0.05


def test_shuffled_labels_are_found_out(generated):
    spectra, labels, *rest = generated
    found = label_fidelity(spectra, np.roll(labels, 5, axis=0), *rest, jobs=1)
    assert found["NAA_over_tCr correlation"] < 0.6
    assert found["NAA_over_tCr slope"] < 0.6
    assert found["NAA_over_tCr error"] > 5


def test_a_factor_that_is_given_is_taken(generated):
    spectra, labels, *rest = generated
    found = label_fidelity(spectra, labels, *rest, rows=6, factors={LABELS[0]: 2.0, LABELS[1]: 1.0}, jobs=1)
    assert found["NAA_over_tCr factor"] == 2.0
    assert found["NAA_over_tCr error"] == pytest.approx(100, abs=10)
    assert found["NAA_over_tCr slope"] == pytest.approx(2, abs=0.4)


def test_labels_without_spread_have_no_fidelity(generated):
    spectra, labels, *rest = generated
    labels = labels.copy()
    labels[:, 0] = 1.3
    labels[2:, 1] = np.nan
    assert np.isnan(list(label_fidelity(spectra, labels, *rest, rows=6, jobs=1).values())).all()


def test_what_does_not_fit_together_is_refused(generated):
    spectra, labels, names, sigma, basis, acquisition = generated
    with pytest.raises(ValueError, match="a row for each spectrum"):
        label_fidelity(spectra, labels[:-1], names, sigma, basis, acquisition)
    with pytest.raises(ValueError, match="in the acquisition of the spectra"):
        label_fidelity(spectra, labels, names, sigma, basis, Acquisition())
