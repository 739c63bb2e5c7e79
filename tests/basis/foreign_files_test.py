"""What is handed to a reader by mistake is named by its first bytes, with what to do about it."""

import gzip
import io
import struct
import zipfile

import numpy as np
import pytest

from mrs_keras import Basis, read_basis
from tests.basis.basis_files import ACQUISITION, jmrui_file, json_file, known_fids

FID = known_fids()[:, 0]
JSON = json_file(FID, "NAA")
LFS_POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n"


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def nifti(size: int, magic: bytes) -> bytes:
    return struct.pack("<i", size) + (magic if size == 540 else bytes(340) + magic) + bytes(300)


FOREIGN = {
    "a Git LFS pointer": (LFS_POINTER, r"a Git LFS pointer.* `git lfs pull`"),
    "gzip": (gzip.compress(JSON.encode()), r"compressed by gzip\. Unpack it first: `gunzip .*file\.json`"),
    "bzip2": (b"BZh91AY&SY", r"bzip2.*`bunzip2 "),
    "xz": (b"\xfd7zXZ\0\0\4", r"xz.*`unxz "),
    "UTF-16 of Windows": (JSON.encode("utf-16"), r"text in UTF-16\. Save it as UTF-8, for example `iconv -f UTF-16"),
    "UTF-16 without mark": (JSON.encode("utf-16-le"), r"text in UTF-16\. .*`iconv -f UTF-16LE -t UTF-8 "),
    "UTF-16 of other order": (JSON.encode("utf-16-be"), r"text in UTF-16\. .*`iconv -f UTF-16BE -t UTF-8 "),
    "UTF-32": (JSON.encode("utf-32"), r"text in UTF-32"),
    "MATLAB": (b"MATLAB 5.0 MAT-file, Platform: GLNXA64" + bytes(100), r"a MATLAB file\. Export the basis"),
    "MATLAB 7.3": (b"MATLAB 7.3 MAT-file, Platform: GLNXA64" + bytes(100), r"a MATLAB file\. Export the basis"),
    "HDF5": (b"\x89HDF\r\n\x1a\n" + bytes(100), r"an HDF5 file\. Export the basis"),
    "binary jMRUI": (
        struct.pack(">64d", 0, 2048, 0.25, 0, 0, 123.2e6, *[0] * 58) + np.arange(99.0).tobytes(),
        r"a binary jMRUI file \(\.mrui\)\. Export it from jMRUI as text",
    ),
    "NIfTI-1": (nifti(348, b"n+1\0"), r"a NIfTI file\. That is a scan"),
    "NIfTI-2": (nifti(540, b"n+2\0\r\n\x1a\n"), r"a NIfTI file\. That is a scan"),
    "a zip archive": (zipped(**{"NAA.RAW": b"1", "Cr.RAW": b"2"}), r"a zip archive.*Unpack it first"),
    "an array of NumPy": (b"\x93NUMPY\1\0v\0{", r"a single array of NumPy\. Create a `Basis` from it"),
    "a web page": (b"\n<!DOCTYPE html>\n<html>", r"a web page\. Download the file itself"),
    "PDF": (b"%PDF-1.7\n", "a PDF document"),
    "an image": (b"\x89PNG\r\n\x1a\n\0\0", "an image"),
    "DICOM": (bytes(128) + b"DICM" + bytes(99), "a DICOM file. That is a scan"),
    "Siemens .rda": (b">>> Begin of header <<<\r\nPatientName: x", r"a Siemens \.rda file\. That is a scan"),
    "Siemens twix": (struct.pack("<II", 0, 2) + bytes(range(256)), r"Siemens raw data file \(twix\)\. That is a scan"),
    "tar": (b"NAA.RAW" + bytes(250) + b"ustar\00000" + bytes(99), r"a tar archive.*`tar xf "),
}


@pytest.mark.parametrize("format", [None, "lcmodel_basis", "lcmodel_raw", "fsl_json", "jmrui", "text"])
@pytest.mark.parametrize("kind", FOREIGN)
def test_a_file_that_is_no_basis_is_named_by_what_it_is(tmp_path, kind, format):
    content, words = FOREIGN[kind]
    path = tmp_path / "file.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"file\.json': not a basis but .*{words}"):
        read_basis(path, format=format)


@pytest.mark.parametrize("kind", sorted(set(FOREIGN) - {"a zip archive"}))
def test_loading_it_as_this_packages_own_file_names_it_too(tmp_path, kind):
    content, words = FOREIGN[kind]
    (tmp_path / "file.json").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        Basis.load(tmp_path / "file.json")


def test_a_folder_of_pointers_is_named_by_what_it_is(tmp_path):
    for name in ("NAA.json", "Cr.json"):
        (tmp_path / name).write_bytes(LFS_POINTER)
    with pytest.raises(ValueError, match=r"Cr\.json': not a basis but a Git LFS pointer.*`git lfs pull`"):
        read_basis(tmp_path)


def test_a_compressed_scan_is_a_scan_first(tmp_path):
    path = tmp_path / "svs.nii.gz"
    path.write_bytes(gzip.compress(bytes(400)))
    with pytest.raises(ValueError, match="a NIfTI file. That is a scan"):
        read_basis(path)


def test_the_path_in_a_command_is_quoted_for_the_shell(tmp_path):
    path = tmp_path / "my basis.gz"
    path.write_bytes(gzip.compress(b"1 2\n"))
    with pytest.raises(ValueError, match=r"`gunzip '/.*my basis\.gz'`"):
        read_basis(path)


def test_a_folder_of_compressed_files_says_so(tmp_path):
    (tmp_path / "NAA.json.gz").write_bytes(gzip.compress(JSON.encode()))
    with pytest.raises(ValueError, match=r"Received: none of these, but 1 \.gz\. Unpack them first\."):
        read_basis(tmp_path)


def test_a_zip_archive_says_what_it_holds(tmp_path):
    path = tmp_path / "basis.zip"
    path.write_bytes(zipped(**{"basis/NAA.RAW": b"1", "basis/Cr.RAW": b"2", "c": b"", "d": b""}))
    words = r"not a basis but a zip archive of 'basis/NAA\.RAW', 'basis/Cr\.RAW', 'c', \.\.\.\. Unpack it first"
    with pytest.raises(ValueError, match=words):
        read_basis(path)


def test_an_archive_of_other_arrays_is_no_basis(tmp_path):
    np.savez(tmp_path / "other.npz", a=np.ones(3))
    with pytest.raises(ValueError, match=r"other\.npz': cannot read a basis.*names"):
        read_basis(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty"),
        (b" \n\n", "the file is empty"),
        (b" $LCMODL\n filbas='3t.basis'\n $END\n", r"a control file of LCModel\. Give the file named by FILBAS"),
        (b" $SEQPAR\n $END\n $NMALL HZPPPM=123.2, NUNFIL=2048, DELTAT=2.5E-4 $END\n", "a control file of LCModel"),
    ],
)
def test_empty_and_control_files_are_named(tmp_path, content, words):
    path = tmp_path / "a.control"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=rf"a\.control': .*{words}"):
        read_basis(path)


def test_real_basis_files_are_not_taken_for_anything_else(tmp_path):
    text = jmrui_file([FID], ["NAA"])
    for number, content in enumerate((b"\xef\xbb\xbf" + text.encode(), b"\n \n" + text.encode(), JSON.encode())):
        path = tmp_path / f"{number}"
        path.write_bytes(content)
        np.testing.assert_allclose(read_basis(path).fids[:, 0], FID, atol=1e-6)
        assert read_basis(path).acquisition == ACQUISITION
