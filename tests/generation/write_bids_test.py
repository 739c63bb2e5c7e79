"""A BIDS folder of generated spectra, read by nifti-mrs, nibabel and json alone."""

import csv
import dataclasses
import hashlib
import json

import numpy as np
import pytest

from mrs_keras.generation import TransientDesign, blocks, generate_dataset
from mrs_keras.measured.generated_spectra import open_generated
from tests.generation.conftest import simulated_rows
from tests.generation.whole_fids_test import complex_of, spectra_of

nib = pytest.importorskip("nibabel")
nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")
validator = pytest.importorskip("nifti_mrs.validator")


@pytest.fixture
def folder(source, tmp_path):
    return generate_dataset(source, tmp_path / "bids", number=5, seed=2, format="bids", echo_time_ms=30.0)


@pytest.fixture
def expected(source, tmp_path):
    return np.load(generate_dataset(source, tmp_path / "spectra.npz", number=5, seed=2))


def digest_of(folder):
    contents = [(str(path.relative_to(folder)), path.read_bytes()) for path in sorted(folder.rglob("*.*"))]
    return hashlib.sha256(repr(contents).encode()).hexdigest()


def test_each_spectrum_is_a_valid_file_of_its_own(folder, expected, source):
    window = source.description.acquisition.window
    for row in range(5):
        stem = folder / f"sub-{row:06d}" / "mrs" / f"sub-{row:06d}_svs"
        image = nib.load(f"{stem}.nii.gz")
        validator.validate_nifti_mrs(nifti_mrs.NIFTI_MRS(f"{stem}.nii.gz").image)
        assert image.shape == (1, 1, 1, 2048)
        np.testing.assert_array_equal(image.affine, np.diag([1e4, 1e4, 1e4, 1.0]))
        seen = spectra_of(np.conj(np.asarray(image.dataobj)[0, 0, 0])[None])[0, window]
        wanted = complex_of(expected["spectrum"][row])
        assert np.abs(seen - wanted).max() < 1e-6 * np.abs(wanted).max()
        header = json.loads(image.header.extensions[0].text)
        assert header["SpectrometerFrequency"] == [123.2]
        assert header["EchoTime"] == 0.03
        assert "RepetitionTime" not in header
        assert np.float32(header["NAA_mM"]["Value"]) == expected["concentrations"][row, 0]
        assert header["NoiseSigma"]["Value"] == 0
        (step,) = header["ProcessingApplied"]
        assert {"Program": "mrs_keras", "Method": "Spectrum generation"}.items() <= step.items()
        assert "Noise: none" in step["Details"]
        assert "Time" not in step
        sidecar = json.loads((stem.parent / f"{stem.name}.json").read_text())
        assert (sidecar["EchoTime"], sidecar["SpectralWidth"], sidecar["ResonantNucleus"]) == (0.03, 4000.0, ["1H"])


def test_the_table_has_the_labels_and_describes_them(folder, expected):
    with (folder / "participants.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["participant_id"] for row in rows] == [f"sub-{row:06d}" for row in range(5)]
    labels = np.array([[row["NAA_mM"], row["PCr_mM"]] for row in rows], np.float32)
    np.testing.assert_array_equal(labels, expected["concentrations"])
    described = json.loads((folder / "participants.json").read_text())
    assert described["NAA_mM"]["Units"] == "mmol/L"
    assert set(rows[0]) - {"participant_id"} <= set(described)
    description = json.loads((folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "derivative"
    assert description["GeneratedBy"][0]["Name"] == "mrs_keras"
    assert description["GeneratedBy"][0]["Generated"]["seed"] == 2


def test_the_same_seed_gives_the_same_bytes_and_a_longer_folder_begins_with_the_shorter(source, folder, tmp_path):
    options = {"seed": 2, "format": "bids", "echo_time_ms": 30.0}
    again = generate_dataset(source, tmp_path / "again", number=5, **options)
    longer = generate_dataset(source, tmp_path / "longer", number=7, **options)
    assert digest_of(again) == digest_of(folder)
    for row in range(5):
        name = f"sub-{row:06d}/mrs/sub-{row:06d}_svs.nii.gz"
        assert (longer / name).read_bytes() == (folder / name).read_bytes()


def test_only_an_earlier_output_of_the_format_is_replaced(source, folder, tmp_path):
    with pytest.raises(FileExistsError, match="already something"):
        generate_dataset(source, folder, number=1, format="bids")
    generate_dataset(source, folder, number=1, format="bids", overwrite=True)
    assert [path.name for path in folder.glob("sub-*")] == ["sub-000000"]
    with pytest.raises(FileExistsError, match="something else"):
        generate_dataset(source, folder, number=1, overwrite=True)  # TFRecord
    study = tmp_path / "study"
    study.mkdir()
    (study / "dataset_description.json").write_text('{"Name": "labour of months"}')
    with pytest.raises(FileExistsError, match="something else"):
        generate_dataset(source, study, number=1, format="bids", overwrite=True)


def test_a_killed_export_never_looks_finished_and_the_next_starts_anew(source, tmp_path):
    """As a kill leaves it: the folder under its hidden name, without the rest."""
    partial = tmp_path / ".partial-bids"
    (partial / "sub-000000" / "mrs").mkdir(parents=True)
    (partial / "stray").touch()
    assert not (tmp_path / "bids").exists()
    folder = generate_dataset(source, tmp_path / "bids", number=2, format="bids")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bids"]
    assert not (folder / "stray").exists()


def test_what_fails_on_the_way_leaves_nothing_and_a_full_disk_is_named(source, tmp_path, monkeypatch):
    monkeypatch.setattr(blocks, "BATCH", 4)

    def failing(concentrations, row_seeds):
        if row_seeds[0] % 2**32:
            raise OSError(28, "No space left on device")
        return simulated_rows(concentrations, row_seeds)

    with pytest.raises(OSError, match="no space left to write to .*Give another `output`"):
        generate_dataset(dataclasses.replace(source, generate=failing), tmp_path / "b", number=6, format="bids")
    assert list(tmp_path.iterdir()) == []


def test_transients_and_their_water_reference_are_files_with_the_truth(source, tmp_path):
    design = TransientDesign(transients=4, coils=3, snr=40.0)
    generate_dataset(source, tmp_path / "bids", number=3, format="bids", transients=design)
    from nifti_mrs.validator import validate_nifti_mrs

    for row in (0, 2):
        stem = tmp_path / "bids" / f"sub-{row:06d}" / "mrs" / f"sub-{row:06d}"
        scan, reference = (nifti_mrs.NIFTI_MRS(f"{stem}_{kind}.nii.gz") for kind in ("svs", "mrsref"))
        validate_nifti_mrs(scan.image)
        validate_nifti_mrs(reference.image)
        assert scan.dim_tags == reference.dim_tags == ["DIM_COIL", "DIM_DYN", None]
        assert (scan.shape, reference.shape) == ((1, 1, 1, 2048, 3, 4), (1, 1, 1, 2048, 3, 2))
        assert scan.hdr_ext["SimulatedTransients"] == reference.hdr_ext["SimulatedTransients"]
        assert len(scan.hdr_ext["SimulatedTransients"]["shift_hz"]) == 4
        assert (scan.hdr_ext["WaterSuppressed"], reference.hdr_ext["WaterSuppressed"]) == (True, False)
        sidecar = json.loads(stem.with_name(f"{stem.name}_svs.json").read_text())
        assert sidecar["ReferenceSignal"] == f"bids::{stem.name}/mrs/{stem.name}_mrsref.nii.gz"
        assert (sidecar["NumberOfTransients"], sidecar["NumberReceiveCoilActiveElements"]) == (4, 3)
    assert open_generated(tmp_path / "bids").files[0].reference.name == "sub-000000_mrsref.nii.gz"
