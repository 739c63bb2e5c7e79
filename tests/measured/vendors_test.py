"""Scans in the formats of vendors, by spec2nii: values and axes equal those of its program; damage is detected."""

import json
import shutil

import numpy as np
import pytest

from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.read_scan import read_scans
from mrs_keras.measured.vendors import SUFFIXES, read_vendor
from tests.conftest import run_python
from tests.measured.scan_files import peak_ppm, phased_spectrum, shared

NAA = (1.8, 2.2)
PRESS = ("invivo_press_te35", "sub-01_PRESS_35_act.sdat")
MACROMOLECULES = ("invivo_mm_te30", "sub-01_ses-01_PRESS_raw-act_noID.SDAT")
SIEMENS = ("siemens_svs30", "SVS_30.rda")
JMRUI = ("challenge2016", "basisset_JMRUI", "NAA.txt")

# Header and data of a Philips scan, made up.
SPAR = """\
examination_name : Ada
scan_id : PRESS
scan_date : 2026.01.01 00:00:00
patient_name : Ada
patient_birth_date : 1815.12.10
patient_position : "head_first"
patient_orientation : "supine"
samples : 64
rows : 1
synthesizer_frequency : 127700000
offset_frequency : 0
sample_frequency : 2000
echo_time : 35
repetition_time : 2000
spectrum_inversion_time : 0
nucleus : 1H
volume_selection_enable : "no"
equipment_sw_verions : "5"
"""


def copied(folder, *parts):
    """Copies the files of a real scan that differ only in their suffix."""
    source = shared(*parts)
    for path in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(path, folder)
        (folder / path.name).chmod(0o644)
    return folder / source.name


@pytest.mark.parametrize(
    ("parts", "points", "frequency_mhz", "echo_time_ms", "sequence"),
    [
        (PRESS, 2048, 127.750896, 35.0, None),
        (MACROMOLECULES, 2048, 127.755264, 30.0, None),
        (SIEMENS, 1024, 123.234655, 30.0, "*svs_se"),
    ],
)
def test_a_scan_of_a_vendor_is_read_with_its_header(parts, points, frequency_mhz, echo_time_ms, sequence):
    (scan,) = read_scans(shared(*parts))
    check_scan(scan)
    assert scan.fids.shape == (1, 1, points)
    assert scan.spectrometer_frequency_mhz == pytest.approx(frequency_mhz, abs=1e-6)
    assert (scan.echo_time_ms, scan.repetition_time_ms, scan.sequence) == (echo_time_ms, 2000.0, sequence)
    assert json.loads(json.dumps(dict(scan.header))) == scan.header
    assert not {"PatientName", "PatientID", "PatientSex", "PatientWeight", "ConversionTime"} & scan.header.keys()


def test_every_philips_and_siemens_file_beside_this_checkout_goes_in(measured):
    folders = [shared(parts[0]) for parts in (PRESS, MACROMOLECULES, SIEMENS)]
    paths = [path for folder in folders for path in folder.iterdir() if path.suffix.lower() in (".sdat", ".rda")]
    for path in paths:
        check_scan(read_scans(path)[0])
    measured(f"scans of vendors read: {len(paths)} of {len(paths)}")
    assert len(paths) == 7


@pytest.mark.parametrize("parts", [PRESS, MACROMOLECULES])
def test_naa_is_at_its_place_in_philips_data(parts):
    (scan,) = read_scans(shared(*parts))
    assert peak_ppm(scan, NAA) == pytest.approx(2.01, abs=0.05)


def test_naa_is_at_its_place_in_siemens_data():
    # The water of this scan is not suppressed. Phased by it, the real part shows NAA on the tail of the water.
    ppm, spectrum = phased_spectrum(read_scans(shared(*SIEMENS))[0])
    inside = (ppm > 1.85) & (ppm < 2.15)
    line = np.polyval(np.polyfit(ppm[inside], spectrum.real[inside], 1), ppm[inside])
    assert ppm[inside][np.argmax(spectrum.real[inside] - line)] == pytest.approx(2.01, abs=0.05)
    mirrored = 2 * 4.65 - ppm
    there = (mirrored > 1.85) & (mirrored < 2.15)
    line = np.polyval(np.polyfit(ppm[there], spectrum.real[there], 1), ppm[there])
    assert np.ptp(spectrum.real[there] - line) < 0.5 * np.ptp(spectrum.real[inside])


@pytest.mark.parametrize(
    ("command", "parts"), [("philips", PRESS), ("philips", MACROMOLECULES), ("rda", SIEMENS), ("jmrui", JMRUI)]
)
def test_values_equal_those_of_the_program_spec2nii(tmp_path, command, parts):
    path = shared(*parts)
    (scan,) = read_scans(path)
    suffix = {".sdat": ".spar", ".SDAT": ".SPAR"}.get(path.suffix)
    inputs = [path] if suffix is None else [path, path.with_suffix(suffix)]
    run_python(
        "from spec2nii.spec2nii import main; main()", command, *inputs, "-o", tmp_path, "-f", "theirs", cwd=tmp_path
    )
    (theirs,) = read_scans(tmp_path / "theirs.nii.gz")
    np.testing.assert_array_equal(scan.fids, theirs.fids)
    assert scan.bandwidth_hz == theirs.bandwidth_hz
    # The program adds the bandwidth to the header.
    assert scan.header == {key: value for key, value in theirs.header.items() if key in scan.header}


def test_jmrui_text_has_naa_at_its_place():
    (scan,) = read_scans(shared(*JMRUI))
    assert (scan.points, scan.bandwidth_hz) == (2048, 4000.0)
    assert peak_ppm(scan, (1.5, 2.3)) == pytest.approx(2.008, abs=0.02)


def test_the_spar_file_stands_for_its_sdat_file_in_any_case(tmp_path):
    path = copied(tmp_path, *PRESS)
    (scan,) = read_scans(path)
    path.with_suffix(".spar").rename(path.with_suffix(".SPAR"))
    np.testing.assert_array_equal(read_scans(path)[0].fids, scan.fids)
    np.testing.assert_array_equal(read_scans(path.with_suffix(".SPAR"))[0].fids, scan.fids)


def test_a_water_reference_of_philips_is_attached():
    path = shared(*PRESS)
    (scan,) = read_scans(path, reference=path.with_name(path.name.replace("act", "ref")))
    check_scan(scan)
    assert np.abs(scan.reference.fids[0, 0, 0]) > 20 * np.abs(scan.fids[0, 0, 0])


@pytest.mark.parametrize("given", [".SDAT", ".SPAR"])
def test_a_missing_partner_is_named(tmp_path, given):
    (tmp_path / f"a{given}").write_text(SPAR)
    other = {".SDAT": ".SPAR", ".SPAR": ".SDAT"}[given]
    with pytest.raises(FileNotFoundError, match=rf"has no {other} file beside it.*a\{other}.*same folder"):
        read_vendor(tmp_path / f"a{given}")


def test_a_made_up_philips_scan_is_read_without_its_person(tmp_path):
    (tmp_path / "a.spar").write_text(SPAR)
    # VAX floats: 0x4080 is 1.0, so that every point is 1 + 1i on disk.
    (tmp_path / "a.sdat").write_bytes(bytes([0x80, 0x40, 0, 0]) * 128)
    (scan,) = read_scans(tmp_path / "a.sdat")
    np.testing.assert_allclose(np.abs(scan.fids), np.sqrt(2), rtol=1e-6)
    assert (scan.bandwidth_hz, scan.spectrometer_frequency_mhz) == (2000.0, 127.7)
    assert "Ada" not in str(scan.header)


def test_data_that_are_cut_off_are_told(tmp_path):
    (tmp_path / "a.spar").write_text(SPAR)
    (tmp_path / "a.sdat").write_bytes(bytes(400))
    with pytest.raises(ValueError, match=r"spec2nii cannot convert it.*export the scan again") as error:
        read_scans(tmp_path / "a.sdat")
    assert str(tmp_path / "a.sdat") in str(error.value)
    path = copied(tmp_path, *SIEMENS)
    for size in (500, 9000, path.stat().st_size - 16):
        path.write_bytes(shared(*SIEMENS).read_bytes()[:size])
        with pytest.raises(ValueError, match="cut off or damaged.*Export it from the scanner again"):
            read_scans(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.7", b"not a P-file" * 100, "spec2nii cannot convert it.*UnknownPfile"),
        ("a.rda", b"words\n", "not a Siemens .rda file, but looks like a text file"),
        ("a.rda", b"version https://git-lfs.github.com/spec/v1", "a Git LFS pointer.*git lfs pull"),
        ("a.txt", b"words\n", "not a text file of jMRUI, but looks like a text file"),
        ("a.dcm", b"", "empty"),
        ("a.dcm", b"words" * 50, "not a DICOM file that names its manufacturer"),
        ("a.xyz", b"words\n", "its suffix is not one of a scan"),
    ],
)
def test_a_file_that_is_not_what_its_suffix_says_is_told(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_vendor(path)
    assert str(path) in str(error.value)


def test_a_dicom_file_of_a_manufacturer_that_spec2nii_does_not_read_is_told(tmp_path):
    import pydicom

    data = pydicom.Dataset()
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    data.file_meta.MediaStorageSOPClassUID = data.SOPClassUID = pydicom.uid.MRSpectroscopyStorage
    data.file_meta.MediaStorageSOPInstanceUID = data.SOPInstanceUID = pydicom.uid.generate_uid(entropy_srcs=["a"])
    data.Manufacturer = "GE MEDICAL SYSTEMS"
    data.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(ValueError, match=r"DICOM file of 'GE MEDICAL SYSTEMS'.*Siemens, Philips or UIH.*\.7 file"):
        read_scans(tmp_path / "a.dcm")
    data.Manufacturer = "Siemens Healthineers"
    data.save_as(tmp_path / "a.ima", enforce_file_format=True)
    with pytest.raises(ValueError, match="spec2nii cannot convert it"):
        read_scans(tmp_path / "a.ima")


def test_without_spec2nii_the_error_names_the_extra(tmp_path, monkeypatch):
    (tmp_path / "a.rda").write_bytes(b">>> Begin of header <<<")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == "spec2nii" else name)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "\.\[vendors\]"'):
        read_scans(tmp_path / "a.rda")


def test_a_program_that_does_not_finish_is_stopped(tmp_path, monkeypatch):
    monkeypatch.setattr("mrs_keras.measured.vendors._TIMEOUT_S", 0.3)
    monkeypatch.setattr("mrs_keras.measured.vendors._PROGRAM", "import time; time.sleep(60)")
    (tmp_path / "a.7").write_bytes(b"x" * 10)
    with pytest.raises(ValueError, match="did not finish within"):
        read_scans(tmp_path / "a.7")


def test_suffixes_are_in_lower_case_and_known_to_the_reader():
    assert all(suffix == suffix.lower() for suffix in SUFFIXES)
    assert {".sdat", ".spar", ".rda", ".dat", ".7", ".dcm", ".ima"} <= set(SUFFIXES)
