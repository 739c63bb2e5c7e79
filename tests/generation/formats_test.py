"""What the formats can hold, and errors before any work."""

import pytest

from mrs_keras.generation import generate_dataset
from mrs_keras.generation.formats import FORMATS, check_holds, format_of

pytest.importorskip("nifti_mrs")


@pytest.mark.parametrize(
    ("name", "output", "expected"),
    [
        (None, "a.npz", "npz"),
        (None, "a.nii", "nifti_mrs"),
        (None, "a.b.nii.gz", "nifti_mrs"),
        (None, "folder", "tfds"),
        ("bids", "folder", "bids"),
        ("bids", "folder.v1", "bids"),
        ("tfds", "folder.v1", "tfds"),
    ],
)
def test_the_ending_or_the_name_tells_the_format(name, output, expected, tmp_path):
    assert format_of(name, tmp_path / output).name == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"output": "a.npz", "residual_water": (1, 2)}, "'npz' .NumPy arrays. cannot hold residual water"),
        ({"output": "a", "echo_time_ms": 30.0}, "'tfds' .* cannot hold .*times of the sequence.* Expected one of"),
        ({"output": "a.nii", "residual_water": (2, 1)}, r"0 <= low <= high. Received: \(2, 1\)"),
        ({"output": "a.nii", "residual_water": (0, float("nan"))}, "`residual_water` must be finite"),
        ({"output": "a.nii", "echo_time_ms": -1.0}, "`echo_time_ms` must be a finite number above 0"),
        ({"output": "a.nii.gz", "number": 10**7}, "10,000,000 spectra .* 152.6 GiB. Expected at most 2 GiB, 131,072"),
        ({"output": "a.npz", "number": 10**7}, r"in one .npz file are 18.8 GiB. Expected at most 8 GiB, .*'tfds'"),
        ({"output": "a.npz", "format": "bids"}, "Expected for 'bids': none"),
    ],
)
def test_what_cannot_be_written_is_refused_before_the_work(source, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        generate_dataset(source, tmp_path / options.pop("output"), **options)
    assert list(tmp_path.iterdir()) == []


def test_transients_do_not_fit_where_there_is_no_room_for_them():
    for format in FORMATS.values():
        if "transients" in format.holds:
            check_holds(format, "transients")
        else:
            with pytest.raises(
                ValueError, match=f"'{format.name}' .*cannot hold transients and coils. Expected .*'bids'"
            ):
                check_holds(format, "transients")


def test_an_output_in_a_folder_that_cannot_be_written_to_is_refused(source):
    with pytest.raises(OSError, match="Cannot write '/proc/nothing/spectra.npz'"):
        generate_dataset(source, "/proc/nothing/spectra.npz", number=2)
