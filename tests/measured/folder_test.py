"""Scans of folders: which files are scans, whose they are, their references and sites, and the order."""

import os
import random
import time
import tracemalloc
import warnings

import pytest

from mrs_keras.measured.folder import find_scans
from tests.measured.scan_files import shared


def make(folder, *names, text=""):
    """Makes empty files: nothing is read of them."""
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder, site="(.)"):
    """Returns the scans of a folder by name; the site is of no interest."""
    return {scan.name: scan for scan in find_scans(folder, site)}


def table(folder, *rows):
    (folder / "participants.tsv").write_text("\n".join("\t".join(row) for row in rows) + "\n")


# Real folders


def test_all_80_subjects_of_big_gaba_are_found_with_site_and_reference():
    scans = find_scans(shared("invivo_biggaba"))
    assert len(scans) == len({scan.participant_id for scan in scans}) == 80
    assert {scan.site for scan in scans} == {"P1", "P3", "P4", "P5", "P6", "P8", "P9"}
    for scan in scans:
        assert scan.participant_id == f"sub-{scan.path.name[4:].split('_')[0]}"
        assert scan.site == scan.participant_id[4:6]
        assert scan.reference.name == f"{scan.participant_id}_mrsref.nii.gz"


def test_the_references_of_philips_are_those_of_the_same_scan():
    with pytest.warns(UserWarning, match="'unknown'"):
        scans = find_scans(shared("invivo_mm_te30"))
    assert [scan.session for scan in scans] == ["01", "01"]
    for scan in scans:
        assert scan.reference.name == scan.path.name.replace("act", "ref")
        assert ("Inverted" in scan.reference.name) == ("Inverted" in scan.name)


def test_a_folder_of_scans_with_other_names_says_what_is_there():
    with pytest.raises(FileNotFoundError, match=r"_svs\.nii\.gz.*Received: 5 \.nii\.gz\. Name scans as BIDS does"):
        find_scans(shared("raw_7t_steam"))


# Layouts


def test_a_bids_folder_gives_participants_sessions_and_references(tmp_path):
    make(
        tmp_path,
        "sub-01/ses-a/mrs/sub-01_ses-a_svs.nii.gz",
        "sub-01/ses-a/mrs/sub-01_ses-a_svs.json",
        "sub-01/ses-a/mrs/sub-01_ses-a_mrsref.nii.gz",
        "sub-01/ses-b/mrs/sub-01_ses-b_acq-press_run-2_svs.nii.gz",
        "sub-01/ses-b/mrs/sub-01_ses-b_acq-press_run-1_svs.nii.gz",
        "sub-01/ses-b/mrs/sub-01_ses-b_mrsref.nii.gz",
        "sub-02/mrs/sub-02_mrsi.nii",
        "sub-02/anat/sub-02_T1w.nii.gz",
        "dataset_description.json",
    )
    scans = find_scans(tmp_path, "(.)")
    assert [(scan.participant_id, scan.session, scan.name) for scan in scans] == [
        ("sub-01", "a", "sub-01_ses-a_svs"),
        ("sub-01", "b", "sub-01_ses-b_acq-press_run-1_svs"),
        ("sub-01", "b", "sub-01_ses-b_acq-press_run-2_svs"),
        ("sub-02", None, "sub-02_mrsi"),
    ]
    references = [scan.reference and scan.reference.name for scan in scans]
    assert references == ["sub-01_ses-a_mrsref.nii.gz", *["sub-01_ses-b_mrsref.nii.gz"] * 2, None]


def test_a_flat_folder_is_read_like_bids(tmp_path):
    make(tmp_path, "sub-2_svs.nii.gz", "sub-2_mrsref.nii.gz", "sub-10_svs.nii", "sub-10_mrsref.nii")
    assert [scan.reference.name for scan in find_scans(tmp_path, "(.)")] == ["sub-10_mrsref.nii", "sub-2_mrsref.nii.gz"]


def test_the_participant_of_the_folder_counts_where_the_name_has_none(tmp_path):
    make(tmp_path, "sub-01/ses-2/mrs/press_svs.nii.gz", "sub-03/mrs/sub-04_svs.nii.gz")
    scans = found(tmp_path)
    assert (scans["press_svs"].participant_id, scans["press_svs"].session) == ("sub-01", "2")
    assert scans["sub-04_svs"].participant_id == "sub-04"


def test_hidden_derived_and_source_data_are_skipped_unless_they_are_asked_for(tmp_path):
    make(
        tmp_path,
        "sub-01/mrs/sub-01_svs.nii.gz",
        "sub-01/mrs/._sub-01_svs.nii.gz",
        ".git/sub-02_svs.nii.gz",
        "derivatives/tool/sub-01/mrs/sub-01_svs.nii.gz",
        "sourcedata/sub-01_svs.rda",
    )
    assert [scan.path for scan in find_scans(tmp_path, "(.)")] == [tmp_path / "sub-01/mrs/sub-01_svs.nii.gz"]
    assert len(find_scans(tmp_path / "derivatives", "(.)")) == 1


def test_vendor_files_without_a_participant_count_as_one_each_with_a_warning(tmp_path):
    make(tmp_path, "SVS_30.RDA", "b/P123.7", "b/meas_act.SDAT", "b/meas_act.SPAR", "b/meas_ref.SDAT", "b/meas_ref.SPAR")
    with pytest.warns(UserWarning, match=r"3 scan\(s\).*no entity sub-.*as 'SVS_30'"):
        scans = find_scans(tmp_path, "(.)")
    assert [scan.participant_id for scan in scans] == ["P123", "SVS_30", "meas_act"]
    assert [scan.reference and scan.reference.name for scan in scans] == [None, None, "meas_ref.SDAT"]


def test_links_in_a_circle_end_and_linked_files_are_found(tmp_path):
    make(tmp_path / "data", "sub-01_svs.nii.gz")
    (tmp_path / "data" / "again").symlink_to(tmp_path / "data")
    (tmp_path / "data" / "sub-02_svs.nii.gz").symlink_to("annexed-and-not-here")
    assert [scan.participant_id for scan in find_scans(tmp_path / "data", "(.)")] == ["sub-01", "sub-02"]


# References


def test_the_reference_with_the_same_entities_is_preferred(tmp_path):
    make(tmp_path, *(f"sub-1_{run}_{kind}.nii.gz" for run in ("run-1", "run-2") for kind in ("svs", "mrsref")))
    for name, scan in found(tmp_path).items():
        assert scan.reference.name == f"{name.replace('svs', 'mrsref')}.nii.gz"


def test_the_reference_that_shares_most_entities_and_contradicts_none_is_next(tmp_path):
    make(
        tmp_path,
        "sub-1_acq-press_voi-pcc_svs.nii.gz",
        "sub-1_mrsref.nii.gz",
        "sub-1_voi-pcc_mrsref.nii.gz",
        "sub-1_voi-acc_mrsref.nii.gz",
    )
    with pytest.warns(UserWarning, match=r"2 water reference\(s\) that belong to no scan.*sub-1_mrsref"):
        assert found(tmp_path)["sub-1_acq-press_voi-pcc_svs"].reference.name == "sub-1_voi-pcc_mrsref.nii.gz"


def test_the_only_reference_of_a_session_serves_all_scans_but_not_another_volume(tmp_path):
    make(tmp_path, "sub-1_run-1_svs.nii.gz", "sub-1_run-2_svs.nii.gz", "sub-1_run-1_mrsref.nii.gz")
    assert {scan.reference.name for scan in find_scans(tmp_path, "(.)")} == {"sub-1_run-1_mrsref.nii.gz"}
    make(tmp_path, "sub-2_voi-acc_svs.nii.gz", "sub-2_voi-pcc_mrsref.nii.gz")
    with pytest.warns(UserWarning, match=r"1 water reference\(s\) that belong to no scan"):
        assert found(tmp_path)["sub-2_voi-acc_svs"].reference is None


def test_two_references_that_fit_equally_are_not_guessed_between(tmp_path):
    make(tmp_path, "sub-1_svs.nii.gz", "sub-1_acq-ecc_mrsref.nii.gz", "sub-1_acq-quant_mrsref.nii.gz")
    with pytest.warns(UserWarning, match=r"1 scan\(s\) with several water references that fit equally well"):
        assert found(tmp_path)["sub-1_svs"].reference is None


def test_a_reference_of_another_participant_is_never_taken(tmp_path):
    make(tmp_path, "sub-1_svs.nii.gz", "sub-2_mrsref.nii.gz", "lone_svs.nii.gz")
    with pytest.warns(UserWarning, match="belong to no scan|entity sub-") as warned:
        assert {scan.reference for scan in find_scans(tmp_path, "(.)")} == {None}
    assert any("sub-2_mrsref.nii.gz" in str(warning.message) for warning in warned)


# Sites


def test_the_site_comes_from_the_table_even_if_its_ids_lack_sub(tmp_path):
    make(tmp_path, "nifti/sub-01_svs.nii.gz", "nifti/sub-02_svs.nii.gz")
    table(tmp_path, ("participant_id", "age", "site"), ("01", "30", "Oslo"), ("sub-02", "31", "Bern"))
    assert [scan.site for scan in find_scans(tmp_path)] == ["Oslo", "Bern"]
    with pytest.warns(UserWarning, match="regular expression '\\(x\\)' is not used"):
        assert [scan.site for scan in find_scans(tmp_path, "(x)")] == ["Oslo", "Bern"]


def test_without_a_column_the_site_comes_from_the_expression(tmp_path):
    make(tmp_path, "A/sub-P1S01_svs.nii.gz", "B/sub-P2S01_svs.nii.gz")
    table(tmp_path, ("participant_id", "age"), ("sub-P1S01", "30"))
    assert [scan.site for scan in find_scans(tmp_path, r"^sub-(P\d)S")] == ["P1", "P2"]
    assert [scan.site for scan in find_scans(tmp_path, r"^(\w)/")] == ["A", "B"]


def test_without_any_site_there_is_one_with_a_warning(tmp_path):
    make(tmp_path, "sub-1_svs.nii.gz")
    with pytest.warns(UserWarning, match=r"one site, 'unknown'.*column `site`.*`site`, a regular expression"):
        assert find_scans(tmp_path)[0].site == "unknown"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            [("participant_id", "site"), ("sub-1", "A")],
            r"no row for 1 participant\(s\) with scans: sub-2\. .*rows for 1",
        ),
        (
            [("participant_id", "site"), ("sub-1", "A"), ("sub-2", "n/a")],
            "one site for each.*none, or several, for sub-2",
        ),
        ([("participant_id", "site"), ("sub-1", "A"), ("sub-2", "A"), ("2", "B")], "none, or several, for sub-2"),
        ([("subject", "site"), ("sub-1", "A")], "must have a column `participant_id`.*subject"),
        ([("participant_id,site",), ("sub-1,A",)], "no tabs between its columns"),
    ],
)
def test_a_table_that_does_not_give_each_participant_one_site_is_refused(tmp_path, rows, message):
    make(tmp_path, "sub-1_svs.nii.gz", "sub-2_svs.nii.gz")
    table(tmp_path, *rows)
    with pytest.raises(ValueError, match=message) as error:
        find_scans(tmp_path)
    assert "participants.tsv" in str(error.value)


@pytest.mark.parametrize(
    ("site", "message"),
    [
        ("sub-(X", "not a valid regular expression.*sub-"),
        ("sub-1", "must have a group in parentheses"),
        (r"sub-(P\d)", "does not match the scan '.*sub-1_svs.nii.gz'.*Expected: a match in 'sub-1'"),
    ],
)
def test_an_expression_that_gives_no_site_is_refused(tmp_path, site, message):
    with pytest.raises(ValueError, match=message):
        find_scans(make(tmp_path, "sub-1_svs.nii.gz"), site)


# What cannot be right


def test_two_scans_of_the_same_name_are_refused_with_both_paths(tmp_path):
    make(tmp_path, "a/sub-1_run-1_svs.nii.gz", "b/sub-1_run-1_svs.nii")
    with pytest.raises(
        ValueError, match=r"same participant, session and name: '.*a/sub-1.*' and '.*b/sub-1.*ses-, acq-"
    ):
        find_scans(tmp_path)


def test_the_same_name_in_two_sessions_is_no_conflict(tmp_path):
    make(tmp_path, "sub-1/ses-1/mrs/sub-1_svs.nii.gz", "sub-1/ses-2/mrs/sub-1_svs.nii.gz")
    assert [scan.session for scan in find_scans(tmp_path, "(.)")] == ["1", "2"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "Received: no files"),
        (("a/1.dcm", "a/2.dcm"), r"Received: 2 \.dcm\. Convert the DICOM files first: `spec2nii dicom"),
        (("sub-1_mrsref.nii.gz",), "water references .*without the scans"),
        (("notes",), "1 without suffix"),
    ],
)
def test_a_folder_without_scans_says_what_it_has(tmp_path, names, message):
    with pytest.raises(FileNotFoundError, match=message):
        find_scans(make(tmp_path, *names))


def test_a_missing_folder_and_a_file_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        find_scans(tmp_path / "absent")
    with pytest.raises(NotADirectoryError, match="is a file.*read_scans"):
        find_scans(make(tmp_path, "a_svs.nii.gz") / "a_svs.nii.gz")


# Order and size


def test_the_order_on_disk_does_not_matter(tmp_path, monkeypatch):
    names = [f"sub-{subject:02}_run-{run}_svs.nii.gz" for subject in range(9) for run in range(3)]
    make(tmp_path, *names)
    walk = os.walk

    def shuffled(*arguments, **options):
        for parent, folders, files in walk(*arguments, **options):
            random.Random(len(files)).shuffle(files)
            yield parent, folders, files

    expected = find_scans(tmp_path, "(.)")
    monkeypatch.setattr(os, "walk", shuffled)
    assert find_scans(tmp_path, "(.)") == expected
    assert [scan.path.name for scan in expected] == names


def test_two_thousand_files_are_listed_in_little_memory(tmp_path, measured):
    for subject in range(1000):
        make(tmp_path, *(f"sub-{subject:04}/mrs/sub-{subject:04}_{kind}.nii.gz" for kind in ("svs", "mrsref")))
    start = time.perf_counter()
    scans = find_scans(tmp_path, r"sub-(\d)")
    seconds = time.perf_counter() - start
    tracemalloc.start()
    find_scans(tmp_path, r"sub-(\d)")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    measured(f"folder of 2,000 files: {seconds:.2f} s, {peak / 2**20:.1f} MiB at most")
    assert len(scans) == 1000
    assert all(scan.reference for scan in scans)
    assert peak < 20 * 2**20


def test_a_folder_in_order_causes_no_warning(tmp_path):
    make(tmp_path, "sub-1_svs.nii.gz", "sub-1_mrsref.nii.gz")
    table(tmp_path, ("participant_id", "site"), ("sub-1", "A"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert find_scans(tmp_path)[0].site == "A"
