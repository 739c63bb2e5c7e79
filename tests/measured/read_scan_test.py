"""Reading scans of NIfTI-MRS: axes, values, sign, what the header says, and files that are something else."""

import gzip
import json
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.read_scan import read_scans
from tests.conftest import run_python
from tests.measured.scan_files import HEADER, fid_of_peak, peak_ppm, random_data, shared, write_scan

NAA = (1.8, 2.2)


# Real scans


def test_all_80_scans_of_big_gaba_are_read_with_their_references(measured):
    paths = sorted(shared("invivo_biggaba", "nifti").glob("*_svs.nii.gz"))
    peaks = []
    for path in paths:
        (scan,) = read_scans(path, reference=path.with_name(path.name.replace("svs", "mrsref")))
        check_scan(scan)
        assert scan.fids.shape == scan.reference.fids.shape == (1, 1, 2048)
        assert (scan.bandwidth_hz, scan.echo_time_ms, scan.repetition_time_ms) == (2000.0, 35.0, 2000.0)
        peaks.append(peak_ppm(scan, NAA))
    off = np.abs(np.subtract(peaks, 2.01))
    measured(f"Big GABA: {len(peaks)} scans read, NAA within 0.05 ppm before referencing: {np.mean(off < 0.05):.0%}")
    assert len(peaks) == 80
    assert np.median(off) < 0.02
    assert np.mean(off < 0.05) > 0.9


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("metab_raw", (4, 16, 4096)),
        ("wref_raw", (4, 2, 4096)),
        ("quant_raw", (4, 2, 4096)),
        ("ecc", (4, 1, 4096)),
        ("metab", (1, 1, 4095)),
    ],
)
def test_raw_data_have_their_coils_and_transients(name, shape):
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    path = shared("raw_7t_steam", f"{name}.nii.gz")
    (scan,) = read_scans(path)
    check_scan(scan)
    assert scan.fids.shape == shape
    assert (scan.sequence, scan.echo_time_ms, scan.voxel, scan.nucleus) == ("svs_st", 11.0, None, "1H")
    theirs = NIFTI_MRS(str(path))[:][0, 0, 0].reshape(shape[2], shape[0], shape[1])
    np.testing.assert_array_equal(scan.fids, np.moveaxis(theirs, 0, -1))


def test_naa_is_at_its_place_in_raw_and_in_processed_data():
    for name in ("metab_raw", "metab"):
        assert peak_ppm(read_scans(shared("raw_7t_steam", f"{name}.nii.gz"))[0], NAA) == pytest.approx(2.01, abs=0.05)


# Axes, sign and values


def test_the_file_holds_the_conjugate_of_the_fid_in_memory(tmp_path):
    fid = fid_of_peak(2.01)
    path = write_scan(tmp_path / "a_svs.nii.gz", fid.conj()[None, None, None])
    (scan,) = read_scans(path)
    np.testing.assert_array_equal(scan.fids[0, 0], fid)
    assert peak_ppm(scan, (1.5, 2.5)) == pytest.approx(2.01, abs=0.005)


@pytest.mark.parametrize("tags", [("DIM_COIL", "DIM_DYN"), ("DIM_DYN", "DIM_COIL")])
def test_coils_and_transients_are_told_by_their_tags(tmp_path, tags):
    sizes = {"DIM_COIL": 3, "DIM_DYN": 5}
    data = random_data(1, 1, 1, 32, *(sizes[tag] for tag in tags))
    (scan,) = read_scans(write_scan(tmp_path / "a.nii", data, dim_5=tags[0], dim_6=tags[1]))
    expected = data[0, 0, 0].transpose(1, 2, 0) if tags[0] == "DIM_COIL" else data[0, 0, 0].transpose(2, 1, 0)
    np.testing.assert_array_equal(scan.fids, expected.conj())


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("dtype", ["<c8", ">c8", "<c16"])
def test_every_kind_of_number_and_version_of_nifti_is_read_the_same(tmp_path, dtype, version):
    import nibabel

    data = random_data(1, 1, 1, 32)
    path = write_scan(tmp_path / "a.nii.gz", data.astype(np.dtype(dtype).newbyteorder("=")), version=version)
    if dtype[0] == ">":
        image = nibabel.load(path)
        swapped = type(image)(np.asarray(image.dataobj), None, image.header.as_byteswapped(">"))
        swapped.header.extensions.extend(image.header.extensions)
        swapped.to_filename(path)
    (scan,) = read_scans(path)
    assert scan.fids.dtype.isnative
    np.testing.assert_array_equal(scan.fids[0, 0], data[0, 0, 0].conj())


def test_a_dimension_of_size_one_is_no_obstacle(tmp_path):
    data = random_data(1, 1, 1, 32, 1, 4)
    (scan,) = read_scans(write_scan(tmp_path / "a.nii.gz", data, dim_5="DIM_EDIT", dim_6="DIM_DYN"))
    assert scan.fids.shape == (1, 4, 32)


@pytest.mark.parametrize(("dwell_time_s", "bandwidth_hz"), [(5e-4, 2000.0), (2.5e-4, 4000.0), (1 / 1200, 1200.0)])
def test_the_bandwidth_is_free_of_the_rounding_of_float32(tmp_path, dwell_time_s, bandwidth_hz):
    (scan,) = read_scans(write_scan(tmp_path / "a.nii.gz", dwell_time_s=dwell_time_s))
    assert scan.bandwidth_hz == bandwidth_hz


# Spectroscopic images


def test_a_spectroscopic_image_is_read_voxel_by_voxel(tmp_path):
    data = random_data(3, 2, 2, 32, 2)
    data[0] = 0
    path = write_scan(tmp_path / "a_mrsi.nii.gz", data, dim_5="DIM_COIL")
    scans = read_scans(path)
    assert [scan.voxel for scan in scans] == [(x, y, z) for x in (1, 2) for y in (0, 1) for z in (0, 1)]
    np.testing.assert_array_equal(scans[3].fids[:, 0], data[1, 1, 1].T.conj())
    assert scans[3].name == "a_mrsi.nii.gz[1, 1, 1]"


def test_a_mask_chooses_voxels_and_the_reference_is_that_of_the_same_voxel(tmp_path):
    import nibabel

    data, water = random_data(2, 2, 1, 32), random_data(2, 2, 1, 32, seed=1)
    mask = np.zeros((2, 2, 1), np.float32)
    mask[0, 1], mask[1, 0], mask[1, 1] = 1, 0.5, np.nan
    nibabel.Nifti1Image(mask, np.eye(4)).to_filename(tmp_path / "mask.nii")
    scans = read_scans(
        write_scan(tmp_path / "a_mrsi.nii.gz", data),
        write_scan(tmp_path / "a_mrsref.nii.gz", water),
        tmp_path / "mask.nii",
    )
    assert [scan.voxel for scan in scans] == [(0, 1, 0), (1, 0, 0)]
    np.testing.assert_array_equal(scans[1].reference.fids[0, 0], water[1, 0, 0].conj())


def test_a_mask_of_another_grid_and_an_empty_one_are_refused(tmp_path):
    import nibabel

    path = write_scan(tmp_path / "a_mrsi.nii.gz", random_data(2, 2, 1, 32))
    for shape, message in (((2, 2, 2), "must have the voxels"), ((2, 2, 1), "zero everywhere")):
        nibabel.Nifti1Image(np.zeros(shape, np.uint8), np.eye(4)).to_filename(tmp_path / "mask.nii")
        with pytest.raises(ValueError, match=message):
            read_scans(path, mask=tmp_path / "mask.nii")
    with pytest.raises(FileNotFoundError, match="no mask"):
        read_scans(path, mask=tmp_path / "absent.nii")


# Generated spectra


def test_each_spectrum_that_this_package_generated_is_a_scan_with_its_own_values(tmp_path):
    data = random_data(1, 1, 1, 32, 3)
    values = {"NAA_mM": {"Value": [1.0, 2.0, 3.0], "Description": "Concentration"}}
    path = write_scan(
        tmp_path / "a.nii.gz",
        data,
        dim_5="DIM_USER_0",
        dim_5_header=values,
        ConversionMethod="mrs_keras 0.1.0",
    )
    scans = read_scans(path)
    assert [scan.header["dim_5_header"]["NAA_mM"]["Value"] for scan in scans] == [1.0, 2.0, 3.0]
    assert [scan.header["mrs_keras_entry"] for scan in scans] == [0, 1, 2]
    np.testing.assert_array_equal(scans[2].fids[0, 0], data[0, 0, 0, :, 2].conj())


def test_a_file_of_generated_spectra_is_read_back_with_its_labels(tmp_path):
    from mrs_keras.generation import generate_dataset
    from mrs_keras.simulation import fid_to_spectrum
    from tests.generation.conftest import stand_in

    source = stand_in()
    window = source.description.acquisition.window
    expected = np.load(generate_dataset(source, tmp_path / "generated.npz", number=3))
    scans = read_scans(generate_dataset(source, tmp_path / "generated.nii.gz", number=3))
    assert len(scans) == 3
    for scan, spectrum, row in zip(scans, expected["spectrum"], expected["concentrations"], strict=True):
        again = fid_to_spectrum(scan.fids[0, 0])[window]
        np.testing.assert_allclose(again, spectrum[:, 0] + 1j * spectrum[:, 1], atol=1e-6 * np.abs(spectrum).max())
        own = scan.header["dim_5_header"]
        assert np.float32([own[f"{name}_mM"]["Value"] for name in ("NAA", "PCr")]).tolist() == row.tolist()
        assert (scan.bandwidth_hz, scan.spectrometer_frequency_mhz) == (4000.0, 123.2)


# Dimensions that are no repetitions


@pytest.mark.parametrize(
    ("tag", "message"),
    [
        ("DIM_EDIT", "edited spectra.*Choose the condition: split the file with `mrs_tools split"),
        ("DIM_ISIS", "ISIS acquisitions.*Combine them first"),
        ("DIM_PHASE_CYCLE", "phase cycle.*Combine the cycle first"),
        ("DIM_METCYCLE", "metabolite-cycled"),
        ("DIM_MEAS", "several measurements"),
        ("DIM_INDIRECT_0", "two dimensions"),
        ("DIM_USER_0", "does not say.*DIM_DYN"),
    ],
)
def test_a_dimension_that_is_neither_coils_nor_transients_is_refused_with_what_to_do(tmp_path, tag, message):
    path = write_scan(tmp_path / "a_svs.nii.gz", random_data(1, 1, 1, 32, 2), dim_5=tag)
    with pytest.raises(ValueError, match=message) as error:
        read_scans(path)
    assert str(path) in str(error.value)


def test_the_command_that_an_error_gives_makes_the_file_readable(tmp_path):
    path = write_scan(tmp_path / "IN.nii.gz", random_data(1, 1, 1, 32, 2), dim_5="DIM_USER_0")
    with pytest.raises(ValueError, match="python -c") as error:
        read_scans(path)
    code = str(error.value).split("`python -c '")[1].split("'`")[0]
    run_python(code, cwd=tmp_path)
    assert read_scans(tmp_path / "OUT.nii.gz")[0].transients == 2


# The header


def test_the_sidecar_fills_what_the_header_leaves_out(tmp_path):
    path = write_scan(tmp_path / "sub-01_svs.nii.gz", without="EchoTime")
    assert (read_scans(path)[0].echo_time_ms, read_scans(path)[0].sequence) == (None, None)
    sidecar = {"EchoTime": 0.03, "RepetitionTime": 9.0, "PulseSequenceType": "PRESS", "MagneticFieldStrength": 3}
    (tmp_path / "sub-01_svs.json").write_text(json.dumps(sidecar))
    (scan,) = read_scans(path)
    assert (scan.echo_time_ms, scan.repetition_time_ms, scan.sequence) == (30.0, 2000.0, "PRESS")
    assert scan.header["MagneticFieldStrength"] == 3


def test_personal_fields_do_not_come_in(tmp_path):
    personal = {
        "PatientName": "Ada",
        "PatientID": "1815",
        "PatientDoB": "18151210",
        "PatientWeight": 60.0,
        "PatientSex": "F",
        "OriginalFile": ["ada.dat"],
        "private_note": {"Value": "Ada", "Description": "x"},
        "Scanner": {"Value": {"PatientBirthDate": "18151210", "Room": "3"}, "Description": "nested"},
    }
    (scan,) = read_scans(write_scan(tmp_path / "a.nii.gz", PatientPosition="HFS", **personal))
    text = json.dumps(dict(scan.header))
    assert not any(word in text for word in ("Ada", "ada", "1815", "60.0", '"F"'))
    assert scan.header["PatientPosition"] == "HFS"
    assert scan.header["Scanner"]["Value"] == {"Room": "3"}


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"EchoTime": 35.0}, "`EchoTime` must be in seconds.*35.0.*milliseconds.*spec2nii insert"),
        ({"RepetitionTime": 2000.0}, "`RepetitionTime` must be in seconds.*2000.0.*milliseconds"),
        ({"EchoTime": -0.03}, "number of seconds"),
        ({"EchoTime": "35 ms"}, "EchoTime"),
        ({"SpectrometerFrequency": 127.7}, "`SpectrometerFrequency` must be an array.*the number 127.7.*insert"),
        ({"SpectrometerFrequency": [127.7e6]}, "can only be Hz"),
        ({"SpectrometerFrequency": []}, "must be an array"),
        ({"SpectrometerFrequency": [0.0]}, "must be an array"),
        ({"ResonantNucleus": [1]}, "NIfTI-MRS standard"),
        ({"SpectralWidth": 4000.0}, "NIfTI-MRS standard.*SpectralWidth"),
        ({"dim_5": "DIM_COIL", "dim_6": "DIM_WRONG"}, "NIfTI-MRS standard"),
    ],
)
def test_wrong_values_of_the_header_are_refused_with_the_name_of_the_file(tmp_path, fields, message):
    data = random_data(1, 1, 1, 32, 2, 2) if "dim_5" in fields else None
    path = write_scan(tmp_path / "a_svs.nii.gz", data, **fields)
    with pytest.raises(ValueError, match=message) as error:
        read_scans(path)
    assert str(path) in str(error.value)


def test_a_dwell_time_in_ms_without_its_unit_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"dwell time.*0\.5 s"):
        read_scans(write_scan(tmp_path / "a.nii.gz", dwell_time_s=0.5))


# Files that are something else


def test_an_image_and_an_image_of_spm_are_told_from_a_scan(tmp_path):
    import nibabel

    for description, who in (("", "an ordinary NIfTI image, not"), ("SPM - realigned", "written by SPM")):
        image = nibabel.Nifti1Image(np.zeros((4, 4, 4), np.float32), np.eye(4))
        image.header["descrip"] = description.encode()
        image.to_filename(tmp_path / "T1.nii")
        with pytest.raises(ValueError, match=f"{who}.*Give the spectra"):
            read_scans(tmp_path / "T1.nii")


def test_a_scan_without_header_extension_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no NIfTI-MRS header extension.*spec2nii insert"):
        read_scans(write_scan(tmp_path / "a.nii.gz", header={}))


def test_a_header_extension_that_is_not_json_is_refused(tmp_path):
    with pytest.raises(ValueError, match="not valid JSON"):
        read_scans(write_scan(tmp_path / "a.nii.gz", header=b"{'SpectrometerFrequency': [127.7]}"))


@pytest.mark.parametrize("keep", [5, 300, -20, -1])
def test_a_file_that_is_cut_off_is_told(tmp_path, keep):
    whole = write_scan(tmp_path / "whole.nii.gz").read_bytes()
    path = tmp_path / "a_svs.nii.gz"
    path.write_bytes(whole[:keep])
    with pytest.raises(ValueError, match="damaged or cut off.*Copy, download") as error:
        read_scans(path)
    assert str(path) in str(error.value)
    path.write_bytes(gzip.compress(gzip.decompress(whole)[:-8]))
    with pytest.raises(ValueError, match="it is cut off: its header announces"):
        read_scans(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.nii.gz", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS pointer.*git lfs pull"),
        ("a.nii.gz", b"/annex/objects/MD5E-s1", "git-annex pointer"),
        ("a.nii.gz", b"<!DOCTYPE html><html>", "a web page"),
        ("a.nii.gz", gzip.compress(b"PK\x03\x04 ...", mtime=0), "ZIP archive, compressed by gzip"),
        ("a.nii.gz", b"", "the file is empty"),
        ("a.nii", bytes(128) + b"DICM" + bytes(50), "a DICOM file"),
        ("a.nii", b"some words\n", "a text file"),
        ("a.nii", b"\0\x01\x02", "binary data of an unknown kind"),
        ("a.nii", b"\x5c\x01\0\0" + bytes(400), "an ANALYZE image"),
        ("a.nii", b"\0\0\0\0\x02\0\0\0" + b"\x01" * 2000, "Siemens raw data"),
        ("a.nii", b" $SEQPAR\n hzpppm=127\n", "an LCModel .RAW file.*ends in `.RAW`"),
        ("a.mat", b"MATLAB 5.0 MAT-file, x", "a MATLAB file"),
        ("a.h5", b"\x89HDF\r\n\x1a\n", "an HDF5 file"),
        ("notes", b"x", r"ends in none of \.nii\.gz"),
    ],
)
def test_a_file_of_another_kind_is_named_with_what_to_do(tmp_path, name, content, message):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        read_scans(path)
    assert str(path) in str(error.value)


def test_a_missing_file_a_dangling_link_and_a_folder_are_told(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_scans(tmp_path / "a.nii.gz")
    (tmp_path / "b.nii.gz").symlink_to("../.git/annex/objects/xx")
    with pytest.raises(FileNotFoundError, match="a link to a file that does not exist.*datalad get"):
        read_scans(tmp_path / "b.nii.gz")
    (tmp_path / "c.nii.gz").mkdir()
    with pytest.raises(ValueError, match="it is a folder.*find_scans"):
        read_scans(tmp_path / "c.nii.gz")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_bytes_never_give_anything_but_a_scan_or_a_clear_error(tmp_path, data):
    path = tmp_path / "whole.nii"
    whole = path.read_bytes() if path.exists() else write_scan(path, dim_5="DIM_COIL").read_bytes()
    contents = bytearray(whole[: data.draw(st.integers(1, len(whole)))] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 5))):
        contents[data.draw(st.integers(0, len(contents) - 1))] = data.draw(st.integers(0, 255))
    damaged = tmp_path / "damaged.nii.gz"
    damaged.write_bytes(gzip.compress(contents, 1) if data.draw(st.booleans()) else contents)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            for scan in read_scans(damaged):
                assert scan.fids.ndim == 3
                check_scan(scan)
        except (ValueError, OSError) as error:
            assert str(tmp_path) in str(error)  # noqa: PT017


# Scans that cannot be used


def scan_of(tmp_path, fid=None, name="a_svs.nii.gz", **fields):
    fid = fid_of_peak(2.01) if fid is None else fid
    return read_scans(write_scan(tmp_path / name, np.reshape(fid, (1, 1, 1, -1)), **fields))[0]


@pytest.mark.parametrize(
    ("fid", "fields", "message"),
    [
        (np.zeros(64, complex), {}, "zero everywhere.*leave it out"),
        (np.full(64, np.nan + 0j), {}, "64 NaN or infinite"),
        (np.full(64, complex(np.inf, 0)), {}, "64 NaN or infinite"),
        (np.ones(1, complex), {}, "at least 16 points"),
        (None, {"ResonantNucleus": ["31P"]}, "a spectrum of 31P. Expected: 1H"),
        (
            None,
            {"SpectrometerFrequency": [51.7], "MagneticFieldStrength": {"Value": 3.0, "Description": "T"}},
            "not that of protons.*about 127.7 MHz at 3.0 T. Received: 51.7",
        ),
        (None, {"SpecFreqChemShift": 3.0}, "received at 3.00 ppm"),
    ],
)
def test_a_scan_that_cannot_be_used_is_refused_with_its_file(tmp_path, fid, fields, message):
    scan = scan_of(tmp_path, fid, **fields)
    with pytest.raises(ValueError, match=message) as error:
        check_scan(scan)
    assert str(scan.path) in str(error.value)


@pytest.mark.parametrize(("frequency_mhz", "field_t"), [(123.2, 3.0), (123.25, 2.89), (63.68, 1.5), (297.2, 7.0)])
def test_protons_are_accepted_at_nominal_and_at_real_field_strengths(tmp_path, frequency_mhz, field_t):
    field = {"Value": field_t, "Description": "T"}
    check_scan(scan_of(tmp_path, SpectrometerFrequency=[frequency_mhz], MagneticFieldStrength=field))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fid": fid_of_peak(4.65, points=500)}, "Expected: points=512.*Received: points=500. Cut both"),
        ({"dwell_time_s": 1 / 2500}, "Expected: bandwidth_hz=2000.0"),
        ({"SpectrometerFrequency": [127.73]}, "Expected: spectrometer_frequency_mhz=127.7.*another scanner"),
        ({"fid": np.zeros(512, complex)}, "a_mrsref.*zero everywhere"),
    ],
)
def test_a_reference_that_does_not_fit_is_refused(tmp_path, fields, message):
    import dataclasses

    reference = scan_of(tmp_path, name="a_mrsref.nii.gz", **fields)
    with pytest.raises(ValueError, match=message):
        check_scan(dataclasses.replace(scan_of(tmp_path), reference=reference))


def test_a_scan_without_an_imaginary_part_is_refused(tmp_path):
    with pytest.raises(ValueError, match="without an imaginary part"):
        check_scan(scan_of(tmp_path, fid=fid_of_peak(2.01).real.astype(complex)))


def test_a_reference_with_other_coils_is_refused(tmp_path):
    scan = write_scan(tmp_path / "a.nii.gz", random_data(1, 1, 1, 64, 4), dim_5="DIM_COIL")
    reference = write_scan(tmp_path / "b.nii.gz", random_data(1, 1, 1, 64, 3), dim_5="DIM_COIL")
    with pytest.raises(ValueError, match=r"b\.nii\.gz' does not fit.*Expected: coils=4.*Received: coils=3"):
        check_scan(read_scans(scan, reference)[0])


def test_a_scan_in_order_is_returned_as_it_is(tmp_path):
    scan = scan_of(tmp_path, MagneticFieldStrength={"Value": 3.0, "Description": "T"})
    assert check_scan(scan) is scan
    assert {key: scan.header[key] for key in HEADER} == HEADER


def test_reading_a_scan_loads_no_tensorflow(tmp_path):
    code = "import sys; from mrs_keras.measured.read_scan import read_scans; read_scans(sys.argv[1]); "
    path = write_scan(tmp_path / "a.nii.gz")
    done = run_python(code + "print({'tensorflow', 'keras', 'spec2nii'} & set(sys.modules))", path)
    assert done.stdout.strip() == "set()"


def test_without_nifti_mrs_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "\.\[nifti\]"'):
        read_scans(write_scan(tmp_path / "a.nii.gz"))
