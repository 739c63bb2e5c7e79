import dataclasses
import shutil

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.measured import NUMBERS, MeasuredRecipe, find_scans, process_folder, read_scans
from mrs_keras.measured.files_digest import digest_of
from mrs_keras.measured.resampling import resample
from mrs_keras.measured.write_scan import write_scan
from tfds_builders.measured_mrs.measured_mrs_dataset_builder import MeasuredMrsConfig


@pytest.fixture(scope="module")
def recipe(example_dir):
    return MeasuredRecipe(str(example_dir), labels=str(example_dir / "labels.tsv"))


@pytest.fixture(scope="module")
def examples(recipe):
    return process_folder(recipe, jobs=1)


def path_of(folder, participant, kind="svs"):
    return folder / participant / "mrs" / f"{participant}_acq-press_{kind}.nii.gz"


def rewrite(path, **change):
    """Writes a scan again with other facts in its header, and without a sidecar."""
    write_scan(path, dataclasses.replace(read_scans(path)[0], header={}, **change))
    for sidecar in path.parent.glob("*_svs.json"):
        sidecar.unlink()


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
    labels = recipe.describe_labels()
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
    assert recipe.describe_labels().units == ("mM", "mM")


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
    for participant in ("sub-01", "sub-05"):
        path_of(example_copy, participant).write_bytes(b"")
    recipe = MeasuredRecipe(str(example_copy))
    assert recipe.target.echo_time_ms == 30.0
    with pytest.raises(ValueError, match=r"(?s)2 of 6 scans.*sub-01.*sub-05"):
        process_folder(recipe, jobs=1)


def test_most_scans_decide_what_the_dataset_is_not_the_first(example_copy):
    path = path_of(example_copy, "sub-01")
    rewrite(path, echo_time_ms=144.0)
    recipe = MeasuredRecipe(str(example_copy), skip_bad=True)
    examples = process_folder(recipe, jobs=1)
    assert recipe.target.echo_time_ms == 30.0
    assert [bad.file for bad in examples.skipped] == [str(path)]


def test_headers_without_an_echo_time_are_counted(example_copy):
    rewrite(path_of(example_copy, "sub-03"), echo_time_ms=None)
    assert process_folder(MeasuredRecipe(str(example_copy)), jobs=1).without_header["echo_time_ms"] == 1


def test_different_echo_times_are_refused_even_if_most_headers_name_none(example_copy):
    for participant in ("sub-01", "sub-02", "sub-03", "sub-04"):
        rewrite(path_of(example_copy, participant), echo_time_ms=None)
    rewrite(path_of(example_copy, "sub-05"), echo_time_ms=144.0)
    with pytest.raises(ValueError, match=r"different values of `echo_time_ms`: 30 .*144"):
        process_folder(MeasuredRecipe(str(example_copy)), jobs=1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"echo_time_ms": 68.0}, "another echo time.*Expected: 30 ms.*Received: 68 ms"),
        ({"spectrometer_frequency_mhz": 63.87}, "another field.*Expected: 123.20 MHz"),
        ({"sequence": "semi-LASER"}, "another sequence"),
        ({"nucleus": "31P"}, "31P"),
    ],
)
def test_a_scan_of_another_kind_is_refused_by_name(example_copy, change, message):
    path_of(example_copy, "sub-04", "mrsref").unlink()
    rewrite(path_of(example_copy, "sub-04"), **change)
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


def second_session(folder, entity=""):
    """Adds a second scan of sub-02, other noise, as its session 2."""
    scan = read_scans(path_of(folder, "sub-02"))[0]
    draw = np.random.default_rng(0)
    fids = scan.fids + 0.5 * np.std(scan.fids) * draw.standard_normal(scan.fids.shape)
    first = folder / "sub-02" / "ses-1" / "mrs"
    first.parent.mkdir()
    (folder / "sub-02" / "mrs").rename(first)
    second = folder / "sub-02" / "ses-2" / "mrs" / f"sub-02{entity}_acq-press_svs.nii.gz"
    second.parent.mkdir(parents=True)
    write_scan(second, dataclasses.replace(scan, fids=fids))


def test_sessions_that_only_the_folders_name_give_different_names(example_copy):
    second_session(example_copy)
    recipe = MeasuredRecipe(str(example_copy))
    ids = process_folder(recipe, jobs=1).ids
    assert {"sub-02_ses-1_acq-press_svs", "sub-02_ses-2_acq-press_svs"} < set(ids)
    assert len(recipe.split_of) == 6


def test_labels_are_matched_by_session(example_copy):
    second_session(example_copy)
    table = example_copy / "sessions.tsv"
    rows = [f"sub-0{number}\tn/a\t1.{number}" for number in (1, 3, 4, 5, 6)]
    table.write_text(
        "\n".join(["participant_id\tsession_id\tA_over_tCr", *rows, "sub-02\tses-1\t2.1", "sub-02\t2\t2.2"])
    )
    recipe = MeasuredRecipe(str(example_copy), labels=str(table), label_names=["A_over_tCr"])
    values, _ = recipe.matched_labels
    found = {(file.participant_id, file.session): value for file, (value,) in zip(recipe.files, values, strict=True)}
    assert (found["sub-02", "1"], found["sub-02", "2"], found["sub-03", None]) == (2.1, 2.2, 1.3)


def test_one_row_of_labels_for_two_scans_is_refused(example_copy):
    second_session(example_copy)
    recipe = MeasuredRecipe(str(example_copy), labels=str(example_copy / "labels.tsv"))
    with pytest.raises(ValueError, match=r"2 scans belong to one row.*ses-1.*ses-2.*session_id"):
        recipe.describe_labels()


def test_a_copy_of_the_folder_has_the_same_split_and_digest(example_dir, tmp_path):
    moved = shutil.copytree(example_dir, tmp_path / "elsewhere")
    recipes = [MeasuredRecipe(str(path), labels=str(path / "labels.tsv")) for path in (example_dir, moved)]
    assert recipes[0].split_of == recipes[1].split_of
    assert recipes[0].origin()["files_digest"] == recipes[1].origin()["files_digest"]


@pytest.mark.parametrize("name", ["labels.tsv", "participants.tsv", "sub-03/mrs/sub-03_acq-press_svs.json"])
def test_one_digit_in_a_table_or_sidecar_changes_the_digest(example_copy, name):
    def digest():
        return MeasuredRecipe(str(example_copy), labels=str(example_copy / "labels.tsv")).origin()["files_digest"]

    before = digest()
    text = (example_copy / name).read_text()
    last = max(place for place, sign in enumerate(text) if sign in "0123456789")
    (example_copy / name).write_text(text[:last] + str((int(text[last]) + 1) % 10) + text[last + 1 :])
    assert digest() != before


def test_one_digit_in_the_middle_of_a_large_table_changes_the_digest(example_copy):
    table = example_copy / "large.tsv"
    table.write_text("participant_id\tnote\n" + "sub-02\t1\n" * 30_000)
    content = table.read_text()
    files = find_scans(example_copy)
    before = digest_of(files, example_copy, table)
    middle = content.index("1", len(content) // 2)
    table.write_text(content[:middle] + "2" + content[middle + 1 :])
    assert digest_of(files, example_copy, table) != before


def test_scans_of_other_bandwidths_have_the_same_scale(example_copy, recipe, examples):
    path = path_of(example_copy, "sub-03")
    path_of(example_copy, "sub-03", "mrsref").unlink()
    scan = read_scans(path)[0]
    whole = Acquisition(scan.spectrometer_frequency_mhz, 1600.0, 1600, (-1.0, 4.3))
    resampled = np.array([[resample(fid, scan.bandwidth_hz, whole) for fid in coil] for coil in scan.fids])
    write_scan(path, dataclasses.replace(scan, fids=resampled, bandwidth_hz=1600.0, header={}))
    mixed = process_folder(MeasuredRecipe(str(example_copy)), jobs=1)
    ppm = recipe.target.acquisition.window_ppm_axis
    inside = (ppm > 1.9) & (ppm < 3.35)
    norms = np.linalg.norm(mixed.spectra[:, inside], axis=(1, 2))
    np.testing.assert_allclose(norms, 100, rtol=0.03)


def test_a_config_has_the_fields_and_defaults_of_the_recipe():
    fields = {field.name: field.default for field in dataclasses.fields(MeasuredRecipe) if field.name != "folder"}
    config = {field.name: field.default for field in dataclasses.fields(MeasuredMrsConfig)}
    assert fields == {name: config[name] for name in fields}


def test_a_label_that_no_training_scan_has_is_refused(example_copy):
    table = example_copy / "labels.tsv"
    header, *rows = table.read_text().splitlines()
    column = header.split("\t").index("GSH_over_tCr")
    cells = [row.split("\t") for row in rows]
    for row in cells:
        row[column] = "n/a"
    table.write_text("\n".join([header, *("\t".join(row) for row in cells)]) + "\n")
    with pytest.raises(ValueError, match="GSH_over_tCr"):
        MeasuredRecipe(str(example_copy), labels=str(table)).describe_labels()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"acquisition": {"bandwith_hz": 2000.0}}, "must have some of"),
        ({"acquisition": {"spectrometer_frequency_mhz": 297.2}}, "the field cannot"),
        ({"validation": "0.2"}, "must be a number"),
        ({"conjugated": "yes"}, "must be true or false"),
        ({"label_names": "tNAA"}, "must be a list"),
        ({"split_by": "scan"}, "split_by"),
        ({"scale": "tCr"}, "scale"),
        ({"steps": ["ecc"]}, "steps"),
    ],
)
def test_a_mistake_in_a_config_is_named(example_dir, change, message):
    with pytest.raises(ValueError, match=message):
        _ = MeasuredRecipe(str(example_dir), **change).target


def test_a_narrow_band_keeps_as_much_of_the_window_as_it_has(example_copy):
    path = path_of(example_copy, "sub-01")
    scan = read_scans(path)[0]
    narrow = Acquisition(scan.spectrometer_frequency_mhz, 1200.0, 1024, (0.2, 4.2))
    fids = np.array([[resample(fid, scan.bandwidth_hz, narrow) for fid in coil] for coil in scan.fids])
    for folder in example_copy.glob("sub-*"):
        shutil.rmtree(folder)
    write_scan(path, dataclasses.replace(scan, fids=fids, bandwidth_hz=1200.0, header={}))
    low, high = MeasuredRecipe(str(example_copy)).target.acquisition.ppm_window
    assert low == pytest.approx(4.65 - 600 / 123.2, abs=0.05)
    assert high == 4.3
