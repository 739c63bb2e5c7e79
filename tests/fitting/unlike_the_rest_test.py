"""Scans that do not belong to the others, and fits that do not belong to the spectra."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.fitting.matching import check_fits, fits_of
from mrs_keras.fitting.unlike_the_rest import unlike_the_rest
from tests.fitting.fits_of_truth import ACQUISITION, fits_of_truth


def test_a_phantom_among_brains_is_named_and_brains_are_not():
    fits = fits_of_truth(30)
    assert unlike_the_rest(fits) == {}
    concentrations, gamma = fits.concentrations.copy(), fits.gamma.copy()
    # No macromolecules, other ratios, narrow lines.
    concentrations[7] = concentrations[7] * [1.2, 0, 2.0, 0, 1.5, 0, 0]
    gamma[7] = 0.5
    found = unlike_the_rest(dataclasses.replace(fits, concentrations=concentrations, gamma=gamma))
    assert list(found) == [7]
    assert "spreads or more from the others" in found[7]


def test_an_artefact_is_named_by_what_its_fit_leaves_over():
    fits = fits_of_truth(30)
    misfit = np.ones(30)
    misfit[3] = 6.0
    (row, reason), *others = unlike_the_rest(dataclasses.replace(fits, misfit=misfit)).items()
    assert (row, others) == (3, [])
    assert "leaves over 6.0 times as much as the others" in reason


def test_fits_that_did_not_converge_are_not_judged():
    converged = np.ones(12, bool)
    converged[5] = False
    fits = fits_of_truth(12, converged=converged)
    gamma = fits.gamma.copy()
    gamma[5] = 1e6
    assert unlike_the_rest(dataclasses.replace(fits, gamma=gamma)) == {}


def test_fits_are_found_by_name_in_the_order_of_the_spectra():
    fits = dataclasses.replace(fits_of_truth(6), ids=tuple("abcdef"))
    spectra = (fits.fitted + fits.residual)[[4, 1]]
    np.testing.assert_array_equal(fits_of(fits, ["e", "b"], spectra, ACQUISITION, "it").gamma, fits.gamma[[4, 1]])


def test_fits_of_other_spectra_are_refused():
    fits = dataclasses.replace(fits_of_truth(6), ids=tuple("abcdef"))
    spectra = fits.fitted + fits.residual
    check_fits(fits, spectra, "it")
    with pytest.raises(ValueError, match="other spectra than it.*a difference in: b"):
        check_fits(fits, spectra * np.array([1, 1.01, 1, 1, 1, 1])[:, None], "it")
    with pytest.raises(ValueError, match="another number of spectra"):
        check_fits(fits, spectra[:5], "it")
    with pytest.raises(ValueError, match="without 1 of 2 spectra, such as z"):
        fits_of(fits, ["a", "z"], spectra[:2], ACQUISITION, "it")
    other = dataclasses.replace(ACQUISITION, bandwidth_hz=4000.0)
    with pytest.raises(ValueError, match=r"in its acquisition. Expected .*4000\.0.*Received: .*2000\.0"):
        fits_of(fits, ["a"], spectra[:1], other, "it")
