"""NIfTI-MRS, read back by nifti-mrs and, without it, by nibabel."""

import json

import numpy as np
import pytest

from mrs_keras.generation import generate_dataset
from tests.conftest import SHARED_DATA, run_python

nib = pytest.importorskip("nibabel")
nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")


def spectra_of(fids):
    """How FSL-MRS makes spectra of FIDs, (points, spectra) -> (spectra, points), with numpy alone."""
    fids = np.array(fids, np.complex128).T
    fids[:, 0] /= 2
    return np.fft.fftshift(np.fft.fft(fids, axis=1), axes=1) / np.sqrt(fids.shape[1])


def complex_of(channels):
    return channels[..., 0].astype(np.float64) + 1j * channels[..., 1]


@pytest.fixture
def path(source, tmp_path):
    return generate_dataset(source, tmp_path / "spectra.nii.gz", number=12, seed=5)


@pytest.fixture
def expected(source, tmp_path):
    return np.load(generate_dataset(source, tmp_path / "spectra.npz", number=12, seed=5))


def test_the_transform_of_these_tests_is_that_of_fsl_mrs():
    golden = SHARED_DATA / "fsl_mrs_golden" / "golden.npz"
    if not golden.exists():
        pytest.skip("the golden data of FSL-MRS are not beside this checkout")
    with np.load(golden) as data:
        fids = [name for name in data if name.endswith("_fid")]
        assert fids
        for name in fids:
            spectra = data[name.replace("_fid", "_spec")]
            error = np.abs(spectra_of(data[name].T) - spectra).max() / np.abs(spectra).max()
            assert error < 1e-12, name


def test_nifti_mrs_and_numpy_give_the_generated_spectra_back(path, expected, source, measured):
    file = nifti_mrs.NIFTI_MRS(path)
    assert file.shape == (1, 1, 1, 2048, 12)
    assert file.dim_tags == ["DIM_USER_0", None, None]
    assert file.nucleus == ["1H"]
    assert file.spectrometer_frequency == [123.2]
    assert file.dwelltime == 1 / 4000
    spectra = spectra_of(file[0, 0, 0])
    window = source.description.acquisition.window
    wanted = complex_of(expected["spectrum"])
    error = np.abs(spectra[:, window] - wanted).max() / np.abs(wanted).max()
    outside = np.abs(np.delete(spectra, np.r_[window], axis=1)).max() / np.abs(wanted).max()
    measured(f"NIfTI-MRS: off by {error:.1e} of the tallest peak in the window, at most {outside:.2f} outside")
    assert error < 1e-6
    assert outside < 0.5


def test_naa_lies_where_the_axis_of_nifti_mrs_has_it(path):
    file = nifti_mrs.NIFTI_MRS(path)
    # Its axis is that of the FFT, ours that of FSL-MRS: half a point, 0.008 ppm, apart at most.
    ppm = 4.65 + np.fft.fftshift(np.fft.fftfreq(2048, file.dwelltime)) / file.spectrometer_frequency[0]
    if hasattr(file, "axes"):
        np.testing.assert_allclose(file.axes.ppmAxisShift, ppm, atol=1e-9)
    near_naa = (ppm > 1.8) & (ppm < 2.2)
    peaks = ppm[near_naa][np.abs(spectra_of(file[0, 0, 0]))[:, near_naa].argmax(axis=1)]
    assert np.abs(peaks - 2.008).max() < 0.016


def test_nibabel_alone_reads_the_conjugate_and_the_labels(path, expected, source):
    """What is on disk, by the standard: a plain NIfTI file of conjugated FIDs, with JSON in extension 44."""
    image = nib.load(path)
    assert image.header.get_intent()[2] == "mrs_v0_11" or image.header.get_intent()[2].startswith("mrs_v")
    spectra = spectra_of(np.conj(np.asarray(image.dataobj)[0, 0, 0]))
    wanted = complex_of(expected["spectrum"])
    assert np.abs(spectra[:, source.description.acquisition.window] - wanted).max() < 1e-6 * np.abs(wanted).max()
    (extension,) = image.header.extensions
    assert extension.get_code() == 44
    header = json.loads(extension.text)
    assert header["SpectrometerFrequency"] == [123.2]
    assert header["ResonantNucleus"] == ["1H"]
    assert header["dim_5"] == "DIM_USER_0"
    for name, column in zip(("NAA", "PCr"), expected["concentrations"].T, strict=True):
        label = header["dim_5_header"][f"{name}_mM"]
        np.testing.assert_array_equal(np.array(label["Value"], np.float32), column)
        assert name in label["Description"]
    assert (header["GeneratedWindow"]["first_point"], header["GeneratedWindow"]["stop_point"]) == (743, 995)
    assert "falls to zero" in header["GeneratedWindow"]["Description"]
    assert header["Generated"]["seed"] == 5
    assert header["Generated"]["origin"]["generator"]["run"] == "runs/stand_in"
    assert header["Generated"]["Description"]


def test_nifti_mrs_pairs_each_spectrum_with_its_concentrations(path, expected):
    labels = nifti_mrs.NIFTI_MRS(path).dynamic_hdr_vals()[0]
    received = [(label["NAA_mM"], label["PCr_mM"]) for label in np.ravel(labels)]
    np.testing.assert_array_equal(np.array(received, np.float32), expected["concentrations"])


@pytest.mark.parametrize("ending", [".nii.gz", ".nii"])
def test_the_same_seed_gives_the_same_bytes_and_a_file_that_others_may_read(source, tmp_path, ending):
    first, again = (
        generate_dataset(source, tmp_path / f"{name}{ending}", number=3, concentrations={"NAA": 12.0, "PCr": 4.5})
        for name in ("first", "again")
    )
    assert first.read_bytes() == again.read_bytes()
    (tmp_path / "plain").touch()
    assert first.stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_one_spectrum_is_a_file_too(source, tmp_path):
    file = nifti_mrs.NIFTI_MRS(generate_dataset(source, tmp_path / "one.nii.gz", number=1))
    assert file.shape == (1, 1, 1, 2048, 1)
    assert len(file.hdr_ext["dim_5_header"]["NAA_mM"]["Value"]) == 1


def test_without_the_package_the_message_names_the_extra(tmp_path):
    code = """
import sys
sys.modules["nifti_mrs"] = None  # as if it were not installed
from mrs_keras.generation import generate_dataset
try:
    generate_dataset("nowhere", sys.argv[1] + "/spectra.nii.gz")
except ModuleNotFoundError as error:
    print(error)
"""
    assert '`pip install ".[nifti]"`' in run_python(code, tmp_path).stdout
    assert list(tmp_path.iterdir()) == []
