"""Removal of the reference peak at 0 ppm."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition, Basis, read_basis
from tests.basis.basis_files import NAMES, known_fids

ACQUISITION = Acquisition(123.2, 4000.0, 1024)
FIDS = known_fids(ACQUISITION)
TIMES_S = np.arange(1024) / 4000


def with_peak(amplitude: complex, ppm: float = 0.0, linewidth_hz: float = 2.0) -> Basis:
    peak = np.exp((2j * np.pi * (ppm - 4.65) * 123.2 - np.pi * linewidth_hz) * TIMES_S)
    return Basis(NAMES, FIDS + amplitude * peak[:, None], ACQUISITION)


@settings(deadline=None, max_examples=25)
@given(
    amplitude=st.floats(0.05, 20.0),
    phase=st.floats(-np.pi, np.pi),
    ppm=st.floats(-0.08, 0.08),
    linewidth_hz=st.floats(0.5, 8.0),
)
def test_a_known_peak_is_removed_whatever_its_size_phase_place_and_width(amplitude, phase, ppm, linewidth_hz):
    clean = with_peak(amplitude * np.exp(1j * phase), ppm, linewidth_hz).without_reference_peak()
    assert np.linalg.norm(clean.fids - FIDS) < 1e-4 * np.linalg.norm(FIDS)


def test_a_basis_without_reference_peak_stays_as_it_is():
    np.testing.assert_array_equal(with_peak(0.0).without_reference_peak().fids, FIDS)
    silent = dataclasses.replace(with_peak(0.0), fids=np.zeros_like(FIDS))
    np.testing.assert_array_equal(silent.without_reference_peak().fids, 0)


def test_a_peak_elsewhere_is_removed_when_told_where():
    clean = with_peak(1.0, ppm=8.44).without_reference_peak(ppm=8.44)
    assert np.linalg.norm(clean.fids - FIDS) < 1e-4 * np.linalg.norm(FIDS)


@pytest.mark.parametrize("ppm", [-11.5, 21.0, np.nan])
def test_a_peak_outside_the_spectrum_is_refused(ppm):
    with pytest.raises(ValueError, match=r"must lie inside the spectrum.*Expected: from -11.27 to 20.57 ppm"):
        with_peak(1.0).without_reference_peak(ppm=ppm)


def test_the_challenge_files_without_their_peak_are_those_published_without(challenge_dir, measured):
    cleaned = read_basis(challenge_dir / "basisset_LCModel", acquisition=Acquisition()).without_reference_peak()
    published = read_basis(challenge_dir / "basisset_text_noTMS", acquisition=Acquisition())
    names = [name for name in published.names if name != "Mac"]  # another signal there, see read_basis_test.py
    cleaned, published = cleaned.select(names).fids, published.select(names).fids
    errors = np.linalg.norm(cleaned - published, axis=0) / np.linalg.norm(published, axis=0)
    measured(f"reference peak removed: at most {errors.max():.1e}")
    assert errors.max() < 1e-5
