import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.evaluation.realism import RealSpectra
from mrs_keras.study import splits_by_site, splits_by_subject

ACQUISITION = Acquisition(bandwidth_hz=2000.0, points=512)


def real(sites, subjects=None):
    count = len(sites)
    spectra = np.ones((count, ACQUISITION.window_points), complex)
    return RealSpectra(spectra, ACQUISITION, np.ones(count), subjects or [f"sub-{n:02}" for n in range(count)], sites)


def test_each_subject_is_held_out_once_for_each_seed():
    splits = splits_by_subject(real(["A"] * 20), [1, 2], 3)
    assert [(split.seed, split.fold) for split in splits] == [(seed, fold) for seed in (1, 2) for fold in range(3)]
    for three in (splits[:3], splits[3:]):
        assert (sum(split.held_out.astype(int) for split in three) == 1).all()
    assert all((split.training == ~split.held_out).all() for split in splits)
    assert len({split.draw_seed for split in splits}) == len({split.name for split in splits}) == 6


def test_sites_with_ten_spectra_are_left_out_as_a_whole():
    found = real(["A"] * 12 + ["B"] * 10 + ["C"] * 9)
    splits = splits_by_site(found, [0])
    assert [split.site for split in splits] == ["A", "B"]
    assert np.flatnonzero(splits[1].held_out).tolist() == list(range(12, 22))


def test_a_subject_of_two_sites_is_not_in_the_training_for_one_of_them():
    subjects = [f"sub-{n:02}" for n in range(22)]
    subjects[15] = "sub-03_ses-2"
    split = splits_by_site(real(["A"] * 12 + ["B"] * 10, subjects), [0])[0]
    assert not split.training[15]
    assert split.training.sum() == 9


@pytest.mark.parametrize("sites", [["A"] * 30, ["A"] * 9 + ["B"] * 9])
def test_sites_that_cannot_be_left_out_are_an_error(sites):
    with pytest.raises(ValueError, match="Sites can be left out if there are two or more, and one has 10 spectra"):
        splits_by_site(real(sites), [0])
