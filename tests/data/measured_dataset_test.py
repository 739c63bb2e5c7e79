"""The measured dataset as its users meet it: built by the real command, trained on, exported."""

import csv
import json
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow_datasets as tfds

from mrs_keras import build_dataset, open_dataset, train
from mrs_keras.cli import main
from mrs_keras.data import describe_dataset, evaluation_batches, load_arrays, training_batches
from mrs_keras.generation import generate_dataset
from mrs_keras.measured import write_example
from tests.conftest import REPOSITORY, SHARED_DATA, command

BIGGABA = SHARED_DATA / "invivo_biggaba"

NEEDS_BIGGABA = pytest.mark.skipif(not BIGGABA.exists(), reason="the in-vivo data are not beside this checkout")


@pytest.fixture(scope="module")
def scans(tmp_path_factory):
    path = tmp_path_factory.mktemp("scans") / "example"
    write_example(path, participants=10, coils=2, transients=4, progress=False)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("tensorflow_datasets")


@pytest.fixture(scope="module")
def config(scans):
    return {"name": "example", "folder": str(scans), "labels": str(scans / "labels.tsv"), "validation": 0.3}


@pytest.fixture(scope="module")
def builder(config, folder):
    subprocess.run(
        [
            *(command("tfds"), "build", REPOSITORY / "tfds_builders" / "measured_mrs"),
            *("--config", json.dumps(config), "--data_dir", folder),
        ],
        check=True,
        capture_output=True,
    )
    return open_dataset("measured_mrs", "example", folder)


def all_of(builder):
    splits = [
        list(tfds.as_numpy(builder.as_dataset(split))) for split in builder.info.splits if builder.info.splits[split]
    ]
    return [example for split in splits for example in split]


def test_every_scan_is_an_example_with_its_subject_site_and_numbers(builder):
    examples = all_of(builder)
    assert len({example["participant_id"] for example in examples}) == 10
    assert {example["site"] for example in examples} == {b"site1", b"site2"}
    for example in examples:
        assert example["example_id"] == example["participant_id"] + b"_acq-press_svs"
        assert 20 < example["snr"] < 150
        assert 3 < example["fwhm_cr_hz"] < 15
        assert example["noise_is_white"]
    assert all(builder.info.features[name].doc.desc for name in builder.info.features)


def test_the_noise_of_each_spectrum_is_its_noise_sigma(builder):
    ppm = describe_dataset(builder).acquisition.window_ppm_axis
    for example in all_of(builder):
        empty = example["spectrum"][ppm < 0]
        rms = np.sqrt(np.mean(np.diff(empty, 2, axis=0) ** 2) / 6)
        assert rms == pytest.approx(example["noise_sigma"], rel=0.25)


def test_the_metadata_record_the_processing_and_where_the_spectra_come_from(builder, config):
    origin = describe_dataset(builder).origin
    assert origin["kind"] == "measured"
    assert origin["paths"]["folder"] == config["folder"]
    assert [line.split(":")[0] for line in origin["processing"]][-1] == "phase"
    assert (origin["echo_time_ms"], origin["nucleus"]) == (30.0, "1H")
    assert (origin["found"]["examples"], origin["found"]["sites"]) == (10, ["site1", "site2"])
    assert describe_dataset(builder).spectrum_scale > 10


def test_a_missing_label_is_nan_and_known_to_be_missing_and_its_scan_is_not_trained_on(builder, capsys):
    examples = all_of(builder)
    missing = [example for example in examples if not example["label_known"].all()]
    assert missing
    for example in missing:
        assert np.isnan(example["concentrations"][~example["label_known"]]).all()
        assert np.isfinite(example["concentrations"][example["label_known"]]).all()
    batches, steps = training_batches(builder, batch_size=64, seed=0)
    trained = next(iter(batches))
    held_out = [batch["spectrum"].shape[0] for batch in evaluation_batches(builder)]
    assert steps == 1
    assert trained["spectrum"].shape[0] + sum(held_out) == len(examples) - len(missing)
    assert np.isfinite(trained["concentrations"]).all()
    assert "left out, since a label is missing" in capsys.readouterr().err
    assert sum(len(load_arrays(builder, split)["snr"]) for split in builder.info.splits) == len(examples) - len(missing)


def test_python_builds_the_same_examples_as_the_command(builder, config, tmp_path):
    again = build_dataset("measured_mrs", config, tmp_path)
    for split in builder.info.splits:
        one, other = (load_arrays(each, split) for each in (builder, again))
        for name in one:
            np.testing.assert_array_equal(one[name], other[name])


def test_other_settings_or_other_scans_under_the_same_name_are_refused(builder, config, folder, tmp_path):
    build_dataset("measured_mrs", config, folder)  # the same: reused
    with pytest.raises(ValueError, match=r"origin\.seed \(found 0, requested 1\)"):
        build_dataset("measured_mrs", {**config, "seed": 1}, folder)
    moved = shutil.copytree(config["folder"], tmp_path / "moved")
    elsewhere = {**config, "folder": str(moved), "labels": str(moved / "labels.tsv")}
    build_dataset("measured_mrs", elsewhere, folder)  # the same scans in another place: reused
    table = moved / "labels.tsv"
    table.write_text(table.read_text().replace("1.", "2.", 1))
    with pytest.raises(ValueError, match="files_digest"):
        build_dataset("measured_mrs", elsewhere, folder)


def test_a_dataset_that_was_not_built_says_how_to_build_it(folder):
    with pytest.raises(FileNotFoundError, match=r'tfds build tfds_builders/measured_mrs --config.*"folder": "PATH"'):
        train(folder / "run", dataset="measured_mrs", config="none", data_dir=folder, epochs=1)
    with pytest.raises(ValueError, match="names no folder of scans"):
        build_dataset("measured_mrs", "folder", folder)


def test_a_dataset_without_a_validation_split_is_not_cut_through_subjects(config, folder):
    build_dataset("measured_mrs", {**config, "name": "whole", "validation": 0.0}, folder)
    with pytest.raises(ValueError, match="without dividing subjects"):
        train(folder / "run_whole", dataset="measured_mrs", config="whole", data_dir=folder, epochs=1)


def test_a_failed_build_leaves_nothing_that_looks_finished(config, folder, tmp_path):
    bad = tmp_path / "bad"
    write_example(bad, participants=4, coils=1, transients=2, progress=False)
    (bad / "sub-03" / "mrs" / "sub-03_acq-press_svs.nii.gz").write_bytes(b"no scan")
    settings = {"name": "bad", "folder": str(bad)}
    with pytest.raises(ValueError, match=r"(?s)1 of 4 scans.*sub-03"):
        build_dataset("measured_mrs", settings, folder)
    with pytest.raises(FileNotFoundError):
        open_dataset("measured_mrs", "bad", folder)
    builder = build_dataset("measured_mrs", {**settings, "skip_bad": True}, folder)
    (skipped,) = describe_dataset(builder).origin["found"]["skipped"]
    assert "sub-03" in skipped["file"]
    assert len(all_of(builder)) == 3


@pytest.mark.slow
def test_a_model_trains_on_measured_spectra_generates_them_and_exports(builder, folder, tmp_path, capsys):
    options = ["--dataset", "measured_mrs", "--config", "example", "--data-dir", str(folder), "--epochs", "2"]
    assert main(["train", *options, "--output", str(tmp_path / "run")]) == 0
    assert main(["evaluate", "--run", str(tmp_path / "run"), "--data-dir", str(folder)]) == 0
    assert main(["export", "--run", str(tmp_path / "run")]) == 0
    output = tmp_path / "spectra.npz"
    generate_dataset(tmp_path / "run" / "saved_models", output, number=3)
    with np.load(output) as file:
        assert file["spectrum"].shape == (3, describe_dataset(builder).acquisition.window_points, 2)


@pytest.mark.slow
def test_without_labels_an_unconditional_model_trains_and_exports(scans, folder, tmp_path):
    built = build_dataset("measured_mrs", {"name": "unlabelled", "folder": str(scans)}, folder)
    assert describe_dataset(built).labels.names == ()
    model = train(tmp_path / "run", dataset="measured_mrs", config="unlabelled", data_dir=folder, epochs=2)
    spectra = model.generate(np.empty((4, 0)), seed=0)["spectrum"]
    assert spectra.shape[0] == 4
    assert np.isfinite(spectra).all()
    model.export(tmp_path / "exports")
    generate_dataset(tmp_path / "exports", tmp_path / "spectra.npz", number=3)


@NEEDS_BIGGABA
@pytest.mark.slow
def test_the_80_scans_of_big_gaba_become_a_dataset_of_64_and_16(folder):
    config = {"name": "biggaba", "folder": str(BIGGABA), "labels": str(BIGGABA / "lcmodel.tsv")}
    builder = build_dataset("measured_mrs", config, folder)
    assert {name: split.num_examples for name, split in builder.info.splits.items()} == {"train": 64, "validation": 16}
    arrays = [load_arrays(builder, split) for split in builder.info.splits]
    assert len({subject for split in arrays for subject in split["participant_id"]}) == 80
    sites = [set(split["site"]) for split in arrays]
    assert sites[0] == sites[1]
    assert len(sites[0]) == 7
    with (BIGGABA / "osprey_quality.tsv").open() as file:
        osprey = {row["participant_id"].encode(): row for row in csv.DictReader(file, delimiter="\t")}
    for ours, theirs, least in (
        ("fwhm_cr_hz", "Cr_FWHM", 0.90),
        ("fwhm_water_hz", "water_FWHM", 0.95),
        ("snr_cr", "Cr_SNR", 0.85),
    ):
        values = np.concatenate([split[ours] for split in arrays])
        other = [float(osprey[subject][theirs]) for split in arrays for subject in split["participant_id"]]
        assert np.corrcoef(values, other)[0, 1] >= least
