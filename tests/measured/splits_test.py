"""A subject never appears in two splits, and its split depends on the seed and the set of subjects alone."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras.measured.splits import split_subjects, subject_of

SITES = st.dictionaries(st.integers(0, 999).map(lambda n: f"sub-{n}"), st.sampled_from("ABCD"), min_size=5, max_size=60)


@settings(max_examples=60, deadline=None)
@given(SITES, st.integers(0, 9), st.sampled_from(["subject", "site"]), st.randoms(use_true_random=False))
def test_the_order_of_the_subjects_does_not_matter(sites, seed, by, shuffling):
    if by == "site" and len(set(sites.values())) < 2:
        return
    if by == "subject" and len(sites) == len(set(sites.values())):
        return
    shuffled = list(sites.items())
    shuffling.shuffle(shuffled)
    assert split_subjects(dict(shuffled), seed, by=by) == split_subjects(sites, seed, by=by)


@settings(max_examples=60, deadline=None)
@given(SITES, st.integers(0, 9))
def test_every_site_trains_and_the_fraction_is_that_wanted(sites, seed):
    sizes = {site: list(sites.values()).count(site) for site in sites.values()}
    splits = split_subjects(sites, seed, validation=0.2, test=0.1)
    for split, fraction in (("validation", 0.2), ("test", 0.1)):
        held = list(splits.values()).count(split)
        assert abs(held - fraction * len(sites)) <= max(1, len(sizes)) * 0.5 + 0.5
        for site, size in sizes.items():
            of_site = sum(splits[name] == split for name in sites if sites[name] == site)
            assert of_site <= fraction * size + 1.5
    for site, size in sizes.items():
        if size > 1:
            assert any(splits[name] == "train" for name in sites if sites[name] == site)


def test_eighty_subjects_of_seven_sites_divide_into_64_and_16():
    sites = {f"sub-P{site}S{n:02}": f"P{site}" for site in (1, 3, 4, 5, 6, 8, 9) for n in range(8 if site == 5 else 12)}
    splits = split_subjects(sites)
    held = [sites[name] for name, split in splits.items() if split == "validation"]
    assert len(held) == 16
    assert {site: held.count(site) for site in set(held)}["P5"] in (1, 2)
    assert all(2 <= held.count(site) <= 3 for site in set(held) - {"P5"})
    assert split_subjects(sites, seed=1) != splits


def test_scans_and_sessions_of_a_subject_stay_together():
    scans = {f"sub-{n:02}_ses-{session}_svs.nii.gz": "A" for n in range(20) for session in (1, 2)}
    splits = split_subjects(scans)
    assert all(splits[name] == splits[name.replace("ses-1", "ses-2")] for name in scans)
    assert list(splits.values()).count("validation") == 8


def test_whole_sites_are_held_out_on_request():
    sites = {f"sub-{n}": f"site {n % 6}" for n in range(60)}
    splits = split_subjects(sites, validation=0.3, test=0.15, by="site")
    of_site = {site: {splits[name] for name in sites if sites[name] == site} for site in sites.values()}
    assert all(len(kinds) == 1 for kinds in of_site.values())
    assert list(splits.values()).count("validation") == 20
    with pytest.raises(ValueError, match=r"sub-1 was measured at the sites A and B"):
        split_subjects({"sub-1_ses-1": "A", "sub-1_ses-2": "B", "sub-2": "A"}, by="site")
    with pytest.raises(ValueError, match="too few sites"):
        split_subjects({"sub-1": "A", "sub-2": "A"}, by="site")


def test_a_site_for_each_subject_still_splits():
    splits = split_subjects({f"sub-{n}": f"site {n}" for n in range(10)})
    assert sorted(splits.values()) == ["train"] * 8 + ["validation"] * 2


@pytest.mark.parametrize("fractions", [(1.0, 0.0), (-0.1, 0.0), (0.6, 0.4), (float("nan"), 0.0)])
def test_impossible_fractions_are_refused(fractions):
    with pytest.raises(ValueError, match="fractions"):
        split_subjects({"sub-1": "A", "sub-2": "A"}, 0, *fractions)


def test_one_subject_cannot_be_split():
    with pytest.raises(ValueError, match="too few subjects"):
        split_subjects({"sub-1": "A"})
    assert split_subjects({"sub-1": "A"}, validation=0.0) == {"sub-1": "train"}


def test_each_subject_is_as_likely_as_another_to_be_held_out():
    sites = {f"sub-{n}": "AB"[n % 2] for n in range(20)}
    held = [sum(split_subjects(sites, seed)[name] == "validation" for seed in range(300)) for name in sites]
    # 60 expected with a standard deviation of 6.9
    assert min(held) > 30
    assert max(held) < 90


def test_the_subject_of_a_name_is_its_last_sub_entity():
    assert subject_of("study-1/sub-A1/ses-2/sub-A1_svs.nii.gz") == "sub-A1"
    assert subject_of("P1_S01") == "sub-P1S01"
    with pytest.raises(ValueError, match="no participant"):
        subject_of("--")
