import dataclasses
import shutil

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.measured import NUMBERS, MeasuredRecipe, process_folder, read_scans
from mrs_keras.measured.write_scan import write_scan


@pytest.fixture(scope="module")
def recipe(example_dir):
    return MeasuredRecipe(str(example_dir), labels=str(example_dir / "labels.tsv"))


@pytest.fixture(scope="module")
def examples(recipe):
    return process_folder(recipe, jobs=1)


def path_of(folder, participant, kind="svs"):
    return folder / participant / "mrs" / f"{participant}_acq-press_{kind}.nii.gz"


def test_the_examples_are_the_same_on_any_number_of_processes(recipe, examples):
    again = process_folder(recipe, jobs=2)
    np.testing.assert_array_equal(again.spectra, examples.spectra)
    assert again.ids == examples.ids
    for name in NUMBERS:
        np.testing.assert_array_equal(again.numbers[name], examples.numbers[name])


def test_spectra_have_the_window_of_in_vivo_models_and_a_common_scale(recipe, examples):
    acquisition = recipe.target.acquisition
    assert examples.spectra.shape == (6, acquisition.window_points, 2)
    assert acquisition.ppm_window == (-1.0, 4.3)
    inside = (acquisition.window_ppm_axis > 1.9) & (acquisition.window_ppm_axis < 3.35)
    norms = np.linalg.norm(examples.spectra[:, inside], axis=(1, 2))
    np.testing.assert_allclose(norms, 100, rtol=0.03)


def test_labels_have_names_units_and_the_range_of_the_training_split(recipe):
    labels = recipe.described_labels
    assert labels.names == ("tNAA_over_tCr", "tCho_over_tCr", "mI_over_tCr", "Glx_over_tCr", "GSH_over_tCr")
    assert set(labels.units) == {""}
    training = [recipe.split_of[file.participant_id] == "train" for file in recipe.files]
    values, _ = recipe.matched_labels
    np.testing.assert_allclose(labels.low, np.nanmin(values[training], axis=0))


def test_water_scales_labels_that_have_a_unit(example_dir):
    recipe = MeasuredRecipe(
        str(example_dir), labels=str(example_dir / "truth.tsv"), label_names=["NAA", "Glu"], label_unit="mM"
    )
    assert recipe.target.scaling == "water"
    assert recipe.described_labels.units == ("mM", "mM")


def test_a_scan_without_a_reference_cannot_be_scaled_by_water(example_copy):
    path_of(example_copy, "sub-03", "mrsref").unlink()
    recipe = MeasuredRecipe(str(example_copy), scale="water")
    with pytest.raises(ValueError, match=r"1 of 6 scans.*\n.*sub-03.*no water reference"):
        process_folder(recipe, jobs=1)


def test_bad_files_are_all_listed_and_left_out_on_request(example_copy):
    path_of(example_copy, "sub-02").write_bytes(path_of(example_copy, "sub-02").read_bytes()[:900])
    path_of(example_copy, "sub-05").write_text("this is not a scan")
    with pytest.raises(ValueError, match=r"2 of 6 scans.*cannot be used") as error:
        process_folder(MeasuredRecipe(str(example_copy)), jobs=1)
    assert "sub-02" in str(error.value)
    assert "sub-05" in str(error.value)
    assert "skip_bad" in str(error.value)
    examples = process_folder(MeasuredRecipe(str(example_copy), skip_bad=True), jobs=1)
    assert len(examples.ids) == 4
    assert {bad.file.split("/")[-1][:6] for bad in examples.skipped} == {"sub-02", "sub-05"}


def test_a_bad_first_file_does_not_hide_the_others(example_copy):
    path_of(example_copy, "sub-01").write_bytes(b"")
    with pytest.raises(ValueError, match="sub-01"):
        _ = MeasuredRecipe(str(example_copy)).target
    assert MeasuredRecipe(str(example_copy), skip_bad=True).target.echo_time_ms == 30.0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"echo_time_ms": 68.0}, "another echo time.*Expected: 30 ms. Received: 68 ms"),
        ({"spectrometer_frequency_mhz": 63.87}, "another field.*Expected: 123.20 MHz"),
        ({"sequence": "semi-LASER"}, "another sequence"),
        ({"nucleus": "31P"}, "31P"),
    ],
)
def test_a_scan_of_another_kind_is_refused_by_name(example_copy, change, message):
    path = path_of(example_copy, "sub-04")
    scan = read_scans(path)[0]
    path_of(example_copy, "sub-04", "mrsref").unlink()
    write_scan(path, dataclasses.replace(scan, header={}, **change))
    for sidecar in path.parent.glob("*_svs.json"):
        sidecar.unlink()
    with pytest.raises(ValueError, match=rf"(?s)1 of 6 scans.*sub-04.*{message}"):
        process_folder(MeasuredRecipe(str(example_copy)), jobs=1)


def test_the_same_scan_under_two_names_is_refused_with_both(example_copy):
    scan = read_scans(path_of(example_copy, "sub-02"))[0]
    changed = dataclasses.replace(scan, fids=2 * scan.fids)
    write_scan(path_of(example_copy, "sub-05"), changed)
    with pytest.raises(ValueError, match=r"(?s)sub-02.*sub-05"):
        process_folder(MeasuredRecipe(str(example_copy)), jobs=1)


def test_spectra_are_resampled_to_the_acquisition_that_is_asked_for(example_dir):
    recipe = MeasuredRecipe(
        str(example_dir), acquisition={"bandwidth_hz": 1500.0, "points": 1024, "ppm_window": (0.2, 4.2)}
    )
    target = Acquisition(123.2, 1500.0, 1024, (0.2, 4.2))
    assert recipe.target.acquisition == target
    examples = process_folder(recipe, jobs=1)
    assert examples.spectra.shape[1] == target.window_points
    tallest = np.linalg.norm(examples.spectra, axis=-1).argmax(axis=1)
    np.testing.assert_allclose(target.window_ppm_axis[tallest], 2.01, atol=0.03)


def test_a_subject_with_two_scans_stands_in_one_split(example_copy):
    scan = read_scans(path_of(example_copy, "sub-02"))[0]
    rng = np.random.default_rng(0)
    other = scan.fids + 0.5 * np.std(scan.fids) * rng.standard_normal(scan.fids.shape)
    path = example_copy / "sub-02" / "mrs" / "sub-02_acq-second_svs.nii.gz"
    write_scan(path, dataclasses.replace(scan, fids=other))
    recipe = MeasuredRecipe(str(example_copy))
    assert len(recipe.files) == 7
    assert len(recipe.split_of) == 6


def test_the_split_does_not_depend_on_where_the_folder_is(example_dir, tmp_path):
    moved = shutil.copytree(example_dir, tmp_path / "elsewhere")
    assert MeasuredRecipe(str(moved)).split_of == MeasuredRecipe(str(example_dir)).split_of
    assert MeasuredRecipe(str(moved)).files_digest() == MeasuredRecipe(str(example_dir)).files_digest()


def test_a_label_that_no_training_scan_has_is_refused(example_copy):
    table = example_copy / "labels.tsv"
    header, *rows = table.read_text().splitlines()
    column = header.split("\t").index("GSH_over_tCr")
    cells = [row.split("\t") for row in rows]
    for row in cells:
        row[column] = "n/a"
    table.write_text("\n".join([header, *("\t".join(row) for row in cells)]) + "\n")
    with pytest.raises(ValueError, match="GSH_over_tCr"):
        _ = MeasuredRecipe(str(example_copy), labels=str(table)).described_labels
