import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras.measured.subjects import subject_of
from mrs_keras.study.enrichment.arms import SEED_OF_AGAIN
from mrs_keras.study.enrichment.design import drawn_subjects, rotations_of, seed_of, sizes_that_fit

SCANS = st.lists(
    st.tuples(st.sampled_from("ABCDEFGH"), st.integers(0, 12), st.sampled_from(["", "_ses-2"])), min_size=2
)
"""Site, subject and session of each scan: subjects were at several sites, and several times."""


def rotations(scans):
    return rotations_of([site for site, *_ in scans], [f"sub-{number}{session}" for _, number, session in scans])


@settings(max_examples=80, deadline=None)
@given(SCANS.filter(lambda scans: len({site for site, *_ in scans}) > 1))
def test_every_site_is_held_out_once_and_no_subject_or_site_crosses(scans):
    found = rotations(scans)
    sites = [site for site, *_ in scans]
    assert len(found) == min(3, len(set(sites)))
    assert sorted(site for rotation in found for site in rotation.sites) == sorted(set(sites))
    assert sorted(row for rotation in found for row in rotation.test) == list(range(len(scans)))
    for rotation in found:
        assert {sites[row] for row in rotation.test} == set(rotation.sites)
        assert not {sites[row] for row in rotation.training} & set(rotation.sites)
        held_out = {scans[row][1] for row in rotation.test}
        # All others are there: nobody is left out without need.
        others = [row for row, site in enumerate(sites) if site not in rotation.sites]
        assert list(rotation.training) == [row for row in others if scans[row][1] not in held_out]


@settings(max_examples=80, deadline=None)
@given(st.lists(st.integers(1, 20), min_size=2, max_size=12))
def test_groups_of_sites_differ_by_no_more_than_the_largest_site(counts):
    sites = [f"site{number}" for number, count in enumerate(counts) for _ in range(count)]
    sizes = [len(rotation.test) for rotation in rotations_of(sites, [f"sub-{row}" for row in range(len(sites))])]
    assert max(sizes) - min(sizes) <= max(counts)


def test_the_order_of_the_scans_does_not_change_which_sites_go_together():
    scans = [("ABCDE"[row % 5], row, "") for row in range(23)]
    backwards = [rotation.sites for rotation in rotations(scans[::-1])]
    assert backwards == [rotation.sites for rotation in rotations(scans)]


def test_one_site_is_an_error_that_says_how_to_name_sites():
    with pytest.raises(ValueError, match=r"holds out sites.*two or more.*Received: 4 of one, 'here'.*participants.tsv"):
        rotations_of(["here"] * 4, ["sub-1", "sub-2", "sub-3", "sub-4"])


def test_sizes_are_those_of_which_every_rotation_has_enough_labels():
    found = rotations([("ABC"[row % 3], row, "") for row in range(60)])
    labelled = np.ones(60, bool)
    assert sizes_that_fit((32, 8, 16), found, labelled) == ("8", "16", "32", "all")
    labelled[found[1].training[:9]] = False
    assert [int(labelled[rotation.training].sum()) for rotation in found][1] == 31
    assert sizes_that_fit((32, 8, 16), found, labelled) == ("8", "16", "all")


def test_too_few_subjects_are_an_error_that_says_how_many_there_are():
    found = rotations([("AB"[row % 2], row, "") for row in range(14)])
    with pytest.raises(
        ValueError, match=r"too few labelled subjects. Expected 8 or more.*Received: 7. Add scans, or lab"
    ):
        sizes_that_fit((16, 8), found, np.ones(14, bool))


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.lists(st.booleans(), min_size=40, max_size=40))
def test_smaller_draws_are_inside_larger_ones_and_of_labelled_training_subjects(seed, known):
    labelled = np.array(known)
    rotation = rotations([("AB"[row % 2], row, "") for row in range(40)])[0]
    usable = set(rotation.training[labelled[rotation.training]].tolist())
    sizes = [size for size in (2, 5, 9) if size <= len(usable)]
    draws = [set(drawn_subjects(rotation, labelled, str(size), seed).tolist()) for size in sizes]
    assert [len(draw) for draw in draws] == sizes
    draws.append(usable)
    assert all(small <= large for small, large in itertools.pairwise(draws))
    assert drawn_subjects(rotation, labelled, "all", seed).tolist() == sorted(usable)


def test_every_subject_is_drawn_as_often_as_any_other():
    rotation = rotations([("AB"[row % 2], row, "") for row in range(40)])[0]
    times = np.zeros(40)
    for seed in range(2000):
        times[drawn_subjects(rotation, np.ones(40, bool), "8", seed)] += 1
    shares = times[rotation.training] / 2000
    np.testing.assert_allclose(shares, 0.4, atol=4.5 * np.sqrt(0.4 * 0.6 / 2000))
    assert times.sum() == times[rotation.training].sum()


@settings(max_examples=100, deadline=None)
@given(*[st.tuples(st.integers(0, 1000), st.integers(0, 999), st.integers(0, 2)) for _ in range(2)])
def test_no_two_draws_share_a_seed_and_none_has_one_of_the_comparison_with_itself(one, other):
    assert (seed_of(*one) == seed_of(*other)) == (one == other)
    assert seed_of(*one) < SEED_OF_AGAIN


def test_sessions_of_a_subject_are_one_subject():
    found = rotations([("A", 1, ""), ("B", 1, "_ses-2"), ("A", 2, ""), ("B", 3, "")])
    assert [subject_of(name) for name in ("sub-1", "sub-1_ses-2")] == ["sub-1", "sub-1"]
    assert [rotation.training.tolist() for rotation in found] == [[3], [2]]
