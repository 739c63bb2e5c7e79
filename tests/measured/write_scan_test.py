"""A scan in memory, written as NIfTI-MRS and read back by nifti-mrs and by nibabel alone."""

import dataclasses
import json
import os

import numpy as np
import pytest

from mrs_keras.measured.scan import Scan
from mrs_keras.measured.write_scan import write_scan
from tests.conftest import run_python

nib = pytest.importorskip("nibabel")
nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")


def scan_of(coils=3, transients=5, points=64, **fields):
    numbers = np.random.default_rng(0).normal(size=(2, coils, transients, points))
    settings = {"spectrometer_frequency_mhz": 123.2, "bandwidth_hz": 2000.0, **fields}
    return Scan(numbers[0] + 1j * numbers[1], **settings)


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_nifti_mrs_gives_back_what_was_written(tmp_path, ending):
    scan = scan_of(echo_time_ms=30.0, repetition_time_ms=1500.0, sequence="press")
    write_scan(tmp_path / f"scan{ending}", scan, header={"ProtocolName": "brain", "TxOffset": 0.0})
    file = nifti_mrs.NIFTI_MRS(tmp_path / f"scan{ending}")
    assert file.shape == (1, 1, 1, 64, 3, 5)
    assert file.dim_tags == ["DIM_COIL", "DIM_DYN", None]
    np.testing.assert_allclose(file[0, 0, 0].transpose(1, 2, 0), scan.fids, rtol=1e-6)
    assert file.dwelltime == 1 / 2000
    assert file.spectrometer_frequency == [123.2]
    assert file.nucleus == ["1H"]
    header = file.hdr_ext.to_dict()
    expected = {
        "EchoTime": 0.03,
        "RepetitionTime": 1.5,
        "SequenceName": "press",
        "ProtocolName": "brain",
        "TxOffset": 0.0,
        "SpectralWidth": 2000.0,
        "SpecFreqChemShift": 4.65,
    }
    assert expected.items() <= header.items()


def test_on_disk_is_the_conjugate_in_a_voxel_of_10_m(tmp_path):
    scan = scan_of()
    write_scan(tmp_path / "scan.nii.gz", scan)
    image = nib.load(tmp_path / "scan.nii.gz")
    np.testing.assert_allclose(np.asarray(image.dataobj)[0, 0, 0].transpose(1, 2, 0), scan.fids.conj(), rtol=1e-6)
    np.testing.assert_array_equal(image.affine, np.diag([1e4, 1e4, 1e4, 1.0]))
    assert image.header.get_intent()[2].startswith("mrs_v")


@pytest.mark.parametrize(
    ("coils", "transients", "shape", "tags"),
    [
        (1, 1, (1, 1, 1, 64), [None, None, None]),
        (1, 5, (1, 1, 1, 64, 5), ["DIM_DYN", None, None]),
        (3, 1, (1, 1, 1, 64, 3), ["DIM_COIL", None, None]),
    ],
)
def test_an_axis_of_length_1_is_left_out(tmp_path, coils, transients, shape, tags):
    scan = scan_of(coils, transients)
    write_scan(tmp_path / "scan.nii.gz", scan)
    file = nifti_mrs.NIFTI_MRS(tmp_path / "scan.nii.gz")
    assert file.shape == shape
    assert file.dim_tags == tags
    np.testing.assert_allclose(file[0, 0, 0].T.reshape(coils, transients, 64), scan.fids, rtol=1e-6)


def test_what_the_header_leaves_out_stays_out(tmp_path):
    write_scan(tmp_path / "scan.nii.gz", scan_of())
    header = nifti_mrs.NIFTI_MRS(tmp_path / "scan.nii.gz").hdr_ext.to_dict()
    assert not {"EchoTime", "RepetitionTime", "SequenceName"} & set(header)


def test_a_header_that_was_read_is_written_again_but_fields_of_the_scan_win(tmp_path):
    read = {
        "EchoTime": 0.144,
        "dim_5": "DIM_DYN",
        "dim_5_header": {"EchoTime": [1, 2, 3]},
        "Manufacturer": "of the file",
        "ProtocolName": "of the file",
        "Note": {"Value": 7, "Description": "a note"},
    }
    scan = scan_of(echo_time_ms=30.0, header=read)
    write_scan(tmp_path / "scan.nii.gz", scan, header={"ProtocolName": "given"})
    header = nifti_mrs.NIFTI_MRS(tmp_path / "scan.nii.gz").hdr_ext.to_dict()
    assert (header["EchoTime"], header["dim_5"]) == (0.03, "DIM_COIL")
    assert (header["Manufacturer"], header["ProtocolName"]) == ("of the file", "given")
    assert header["Note"] == {"Value": 7, "Description": "a note"}
    assert "dim_5_header" not in header
    assert read["Note"] == {"Value": 7, "Description": "a note"}


def test_the_same_scan_gives_the_same_bytes_and_a_file_as_umask_says(tmp_path):
    scan = scan_of(header={"Note": {"Value": 7, "Description": "a note"}})
    old = os.umask(0o027)
    try:
        write_scan(tmp_path / "first.nii.gz", scan)
        write_scan(tmp_path / "again.nii.gz", scan)
    finally:
        os.umask(old)
    assert (tmp_path / "first.nii.gz").read_bytes() == (tmp_path / "again.nii.gz").read_bytes()
    assert (tmp_path / "first.nii.gz").stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("name", "change", "header", "message"),
    [
        ("scan.npz", {}, {}, r"ends in \.nii\.gz or \.nii.*Received.*scan\.npz"),
        ("scan.nii", {"fids": np.full((1, 1, 8), np.nan + 0j)}, {}, r"`scan\.fids` must be finite"),
        ("scan.nii", {}, {"EchoTime": 0.03}, r"must not hold keys.*EchoTime.*dataclasses\.replace"),
        ("scan.nii", {}, {"Coil temperature": 20.0}, r"'Coil temperature' is not defined.*Description"),
        ("scan.nii", {}, {"TxOffset": "0 ppm"}, r"scan\.nii' would not be a valid NIfTI-MRS file: TxOffset"),
    ],
)
def test_what_cannot_be_written_is_refused_and_leaves_no_file(tmp_path, name, change, header, message):
    with pytest.raises(ValueError, match=f"(?s){message}"):
        write_scan(tmp_path / name, dataclasses.replace(scan_of(), **change), header=header)
    assert list(tmp_path.iterdir()) == []


def test_the_header_is_json_in_extension_44(tmp_path):
    write_scan(tmp_path / "scan.nii", scan_of())
    (extension,) = nib.load(tmp_path / "scan.nii").header.extensions
    assert extension.get_code() == 44
    assert json.loads(extension.text)["dim_6"] == "DIM_DYN"


def test_without_the_package_the_message_names_the_remedy(tmp_path):
    code = """
import sys
import numpy as np
sys.modules["nifti_mrs"] = None  # as if it were not installed
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.write_scan import write_scan
try:
    write_scan(sys.argv[1] + "/scan.nii.gz", Scan(np.ones((1, 1, 8), complex), 123.2, 2000.0))
except ModuleNotFoundError as error:
    print(error)
"""
    assert 'pip install "nifti-mrs>=1.4"' in run_python(code, tmp_path).stdout
    assert list(tmp_path.iterdir()) == []
