import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrs_keras.evaluation.realism import subject_folds

SITES = np.repeat(["P1", "P3", "P4", "P5", "P6", "P8", "P9"], [12, 12, 12, 8, 12, 12, 12])
SUBJECTS = [f"sub-{site}S{number:02d}" for number, site in enumerate(SITES)]


@pytest.mark.parametrize("seed", [10, 11, 12])
def test_eighty_subjects_of_seven_sites_are_held_out_evenly(seed):
    fold = subject_folds(SUBJECTS, SITES, folds=3, seed=seed)
    assert sorted(np.bincount(fold)) == [26, 27, 27]
    for site in set(SITES):
        assert np.ptp(np.bincount(fold[site == SITES], minlength=3)) <= 1


@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 3)), min_size=6, max_size=60), st.integers(0, 5))
def test_a_subject_never_crosses_a_split_in_any_order(scans, seed):
    subjects = [f"sub-{subject:02d}_ses-{session}" for subject, session in scans]
    sites = [f"site{subject % 4}" for subject, _ in scans]
    if len({subject for subject, _ in scans}) < 3:
        return
    fold = subject_folds(subjects, sites, 3, seed)
    held_out = {}
    for (subject, _), number in zip(scans, fold, strict=True):
        assert held_out.setdefault(subject, number) == number
    order = np.random.default_rng(seed).permutation(len(scans))
    again = subject_folds([subjects[k] for k in order], [sites[k] for k in order], 3, seed)
    np.testing.assert_array_equal(again, fold[order])


def test_seeds_hold_out_others():
    assert not np.array_equal(subject_folds(SUBJECTS, SITES, seed=0), subject_folds(SUBJECTS, SITES, seed=1))


def test_more_folds_than_subjects_are_refused():
    with pytest.raises(ValueError, match="Expected: 2 to 2. Received: folds=3"):
        subject_folds(["sub-1", "sub-2", "sub-2"], ["A"] * 3)
