"""Files of the noisy spectra, read with regular expressions, numpy and nibabel alone."""

import re

import numpy as np
import pytest

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import BROAD_SIGNALS, read_basis, simulate_press
from mrs_keras.basis.macromolecules import add_broad_signals
from mrs_keras.study.enrichment.noisy_scans import outside_predictions, write_noisy

ACQUISITION = Acquisition(127.74, 2000.0, 2048, (-1.0, 4.3))
SUBJECTS = ("sub-P1S02", "sub-P1S01", "P3_S07")
LABELS = ("tNAA_over_tCr", "GSH_over_tCr")


@pytest.fixture(scope="module")
def basis():
    return add_broad_signals(simulate_press(["NAA", "Cr", "GPC"], acquisition=ACQUISITION), ["MM09"])


@pytest.fixture(scope="module")
def signal(basis):
    time = ACQUISITION.time_axis_s
    fids = np.array([basis.fids[:, :3] @ [10.0 + row, 7.0, 1.5] * np.exp(-12 * time) for row in range(3)])
    fids[:, 0] /= 2
    return np.fft.fftshift(np.fft.fft(fids, norm="ortho"), axes=1)


@pytest.fixture(scope="module")
def noisy(signal):
    noise = np.random.default_rng(0).normal(size=(2, *signal.shape))
    return (signal + 0.02 * (noise[0] + 1j * noise[1]))[:, ACQUISITION.window]


def raw(path) -> np.ndarray:
    columns = np.array(path.read_text().rsplit("$END", 1)[1].split(), float)
    return columns[0::2] - 1j * columns[1::2]  # LCModel has the conjugate


def spectrum(fid: np.ndarray) -> np.ndarray:
    fid = fid * np.where(np.arange(len(fid)) == 0, 0.5, 1)
    return np.fft.fftshift(np.fft.fft(fid, norm="ortho"))


def test_lcmodel_gets_the_very_spectra_under_the_names_of_the_subjects(noisy, signal, basis, tmp_path):
    inside = signal[:, ACQUISITION.window]
    folder = write_noisy(tmp_path / "noisy", noisy, np.full(3, 0.02), ACQUISITION, SUBJECTS, basis=basis, signal=inside)
    names = ["sub-P1S01", "sub-P1S02", "sub-P3S07"]
    files = [f"{name}_svs.{ending}" for name in names for ending in ("CONTROL", "RAW")]
    assert sorted(path.name for path in folder.iterdir()) == ["basis.BASIS", *files]
    for row, name in enumerate(("sub-P1S02", "sub-P1S01", "sub-P3S07")):
        control = dict(re.findall(r"^ (\w+) = '?(.*?)'?,?$", (folder / f"{name}_svs.CONTROL").read_text(), re.M))
        assert (control["FILRAW"], control["FILTAB"]) == (f"{name}_svs.RAW", f"{name}_svs.table")
        assert (float(control["HZPPPM"]), float(control["DELTAT"]), control["NAMREL"]) == (127.74, 5e-4, "Cr")
        band = spectrum(raw(folder / control["FILRAW"]))
        np.testing.assert_allclose(band[ACQUISITION.window], noisy[row], atol=1e-5 * np.abs(noisy).max())
    assert not set(read_basis(folder / "basis.BASIS").names) & set(BROAD_SIGNALS)


def test_outside_of_the_window_the_signal_goes_on_causally_with_noise_of_the_same_level(noisy, signal, basis, tmp_path):
    inside = signal[:, ACQUISITION.window]
    bands = []
    for sigma in (0.0, 0.02):
        folder = tmp_path / f"noisy-{sigma}"
        write_noisy(folder, noisy, np.full(3, sigma), ACQUISITION, SUBJECTS, basis=basis, signal=inside)
        bands.append(spectrum(raw(folder / "sub-P3S07_svs.RAW")))
    noise = np.delete(bands[1] - bands[0], np.r_[ACQUISITION.window])
    np.testing.assert_allclose([noise.real.std(), noise.imag.std()], 0.02, rtol=0.1)
    # Cut off or tapered, the end of the FID has 0.2 of its norm.
    fid = raw(tmp_path / "noisy-0.0" / "sub-P3S07_svs.RAW")
    assert np.linalg.norm(fid[-len(fid) // 8 :]) < 0.01 * np.linalg.norm(fid)


def test_nifti_mrs_files_hold_the_very_spectra(noisy, tmp_path):
    nibabel = pytest.importorskip("nibabel")
    folder = write_noisy(
        tmp_path / "noisy", noisy, np.full(3, 0.02), ACQUISITION, SUBJECTS, "nifti_mrs", echo_time_ms=35.0
    )
    image = nibabel.load(folder / "sub-P1S01_svs.nii.gz")
    band = spectrum(np.asarray(image.dataobj).squeeze().conj())
    np.testing.assert_allclose(band[ACQUISITION.window], noisy[1], atol=1e-5 * np.abs(noisy).max())
    assert image.header["pixdim"][4] == pytest.approx(5e-4)
    assert b"not measured there" in image.header.extensions[0].get_content()


def test_a_folder_with_answers_is_not_replaced(noisy, basis, tmp_path):
    (tmp_path / "sub-P1S01_svs.table").write_text("answers")
    with pytest.raises(FileExistsError, match="perhaps answers"):
        write_noisy(tmp_path, noisy, np.full(3, 0.02), ACQUISITION, SUBJECTS, basis=basis)


def test_what_cannot_be_written_is_refused(noisy, basis, tmp_path):
    arguments = (noisy, np.full(3, 0.02), ACQUISITION)
    with pytest.raises(ValueError, match="twice: sub-1"):
        write_noisy(tmp_path / "a", *arguments, ["1", "2", "sub-1"], basis=basis)
    with pytest.raises(ValueError, match="needs a basis.*Received: none"):
        write_noisy(tmp_path / "a", *arguments, SUBJECTS)
    assert not (tmp_path / "a").exists()


def test_answers_are_in_the_order_of_the_subjects(tmp_path):
    table = tmp_path / "fits.tsv"
    table.write_text(
        "participant_id\ttNAA_over_tCr\tGSH_over_tCr\nsub-P1S01\t1.4\t0.2\nsub-P3S07\t1.6\tn/a\nsub-P1S02\t1.5\t0.3\n"
    )
    expected = [[1.5, 0.3], [1.4, 0.2], [1.6, np.nan]]
    np.testing.assert_array_equal(outside_predictions(table, SUBJECTS, LABELS), expected)


def test_a_table_of_other_participants_is_refused(tmp_path):
    table = tmp_path / "fits.tsv"
    rows = "".join(f"sub-{row}\t1.4\t0.2\n" for row in range(5))
    table.write_text(f"participant_id\ttNAA_over_tCr\tGSH_over_tCr\n{rows}")
    with pytest.raises(ValueError, match="No scan has a row"):
        outside_predictions(table, SUBJECTS, LABELS)
    table.write_text(f"participant_id\ttNAA_over_tCr\tGSH_over_tCr\n{rows}sub-P1S01\t1.4\t0.2\n")
    with (
        pytest.warns(UserWarning, match="have no row"),
        pytest.warns(UserWarning, match="have no scan"),
        pytest.raises(ValueError, match=r"of other participants.*Received: 1, and 5 rows"),
    ):
        outside_predictions(table, SUBJECTS, LABELS)
