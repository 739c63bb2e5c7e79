"""The basis itself: selection, resampling, scaling, and its own file."""

import dataclasses
import io
import zipfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition, Basis, default_basis

WINDOW = (1.0, 8.0)  # inside every band of these tests
complex_signals = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).normal(size=(64, 3, 2)) @ np.array([1, 1j])
)


def basis_of(fids: np.ndarray, bandwidth_hz: float = 2000.0) -> Basis:
    names = "ABCDEFGH"[: fids.shape[1]]
    return Basis(tuple(names), fids, Acquisition(100.0, bandwidth_hz, len(fids), WINDOW), "made up")


def tone(cycles: int, points: int) -> np.ndarray:
    """A signal of whole cycles, whose spectrum is a single point: complex (points, 1)."""
    return np.exp(2j * np.pi * cycles * np.arange(points) / points)[:, None]


def strongest_ppm(basis: Basis, name: str, zero_filling: int = 16) -> float:
    points = zero_filling * basis.acquisition.points
    magnitude = np.abs(np.fft.fft(basis.fids[:, basis.names.index(name)], points))
    frequency_hz = np.fft.fftfreq(points, 1 / basis.acquisition.bandwidth_hz)[magnitude.argmax()]
    return 4.65 + frequency_hz / basis.acquisition.spectrometer_frequency_mhz


def test_naa_methyl_peak_of_the_default_basis_lies_at_2_01_ppm():
    assert strongest_ppm(default_basis(), "NAA") == pytest.approx(2.01, abs=0.02)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"names": ("A", "B")}, r"shape \(points, metabolites\).*Expected: \(64, 2\).*\(64, 3\)"),
        ({"names": ("A", "B", "A")}, "differ from each other"),
        ({"names": ()}, "at least one metabolite"),
        ({"fids": np.full((64, 3), np.nan)}, "finite.*first at index"),
        ({"fids": np.zeros((63, 3))}, r"Expected: \(64, 3\)"),
    ],
)
def test_a_basis_that_contradicts_itself_is_refused(change, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(basis_of(np.ones((64, 3))), **change)


def test_the_signals_of_a_basis_cannot_be_written_to():
    with pytest.raises(ValueError, match="read-only"):
        basis_of(np.ones((64, 3))).fids[0, 0] = 2


def test_select_keeps_the_order_that_was_asked_for():
    fids = np.arange(64 * 3).reshape(64, 3)
    selected = basis_of(fids).select(["C", "A"])
    assert selected.names == ("C", "A")
    np.testing.assert_array_equal(selected.fids, fids[:, [2, 0]])


def test_an_unknown_metabolite_is_refused_with_the_known_ones():
    with pytest.raises(ValueError, match=r"Expected one of: 'A', 'B', 'C'. Received: metabolite='NAA'"):
        basis_of(np.ones((64, 3))).select(["NAA"])


@settings(deadline=None)
@given(points=st.integers(8, 200), added=st.integers(-60, 60), cycles=st.integers(-100, 100), data=st.data())
def test_a_resampled_tone_is_the_same_tone_on_the_new_time_axis(points, added, cycles, data):
    kept = points + 2 * added
    if kept < max(8, points / 2) or not -kept // 2 < cycles < kept // 2 or not -points // 2 < cycles < points // 2:
        return
    fewest = 2 + 20 * kept // (7 * points)  # points less than 7 ppm apart: one lies in the window
    wanted = data.draw(st.integers(max(8, fewest), kept))
    resampled = basis_of(tone(cycles, points)).resample(2000.0 * kept / points, wanted)
    np.testing.assert_allclose(resampled.fids, tone(cycles, kept)[:wanted], atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(complex_signals, complex_signals, st.floats(-5, 5), st.sampled_from([(1000.0, 32), (2000.0, 20), (3000.0, 96)]))
def test_resampling_is_linear(a, b, factor, target):
    together = basis_of(a + factor * b).resample(*target).fids
    apart = basis_of(a).resample(*target).fids + factor * basis_of(b).resample(*target).fids
    np.testing.assert_allclose(together, apart, atol=1e-12)


@settings(deadline=None, max_examples=30)
@given(complex_signals)
def test_resampling_to_the_same_grid_changes_nothing(fids):
    np.testing.assert_allclose(basis_of(fids).resample(2000.0, 64).fids, fids, atol=1e-13)


def test_resampling_crops_as_many_points_of_the_spectrum_from_either_end():
    # FSL-MRS's rule where the crop is no whole number: 64 -> 43.2 points loses round(10.4) = 10 from either end.
    fids = np.random.default_rng(0).normal(size=(64, 3))
    resampled = basis_of(fids).resample(1350.0, 43)
    spectrum = np.fft.fftshift(np.fft.fft(fids, axis=0), axes=0)[10:-10]
    expected = np.fft.ifft(np.fft.ifftshift(spectrum, axes=0), axis=0)[:43] * 44 / 64
    np.testing.assert_allclose(resampled.fids, expected, atol=1e-13)
    assert resampled.acquisition.bandwidth_hz == 1350.0
    assert resampled.acquisition.points == 43


@pytest.mark.parametrize(
    ("bandwidth_hz", "points", "words"),
    [
        (2000.0, 65, r"too short.*Expected the last point before 0.032 s.*points=65.*at 0.032 s"),
        (1000.0, 33, "too short"),
        (0.0, 10, "`bandwidth_hz` must be a finite number above 0"),
        (2000.0, 1.5, "`points` must be a whole number"),
    ],
)
def test_a_basis_is_not_resampled_to_more_than_it_holds(bandwidth_hz, points, words):
    with pytest.raises(ValueError, match=words):
        basis_of(np.ones((64, 3))).resample(bandwidth_hz, points)


@settings(deadline=None, max_examples=30)
@given(complex_signals, st.floats(1e-6, 1e6))
def test_scaling_forgets_the_unit_and_gives_the_mean_signal_a_norm_of_100(fids, factor):
    scaled = basis_of(fids).scaled()
    assert np.linalg.norm(scaled.fids.mean(axis=1)) == pytest.approx(100.0, rel=1e-12)
    np.testing.assert_allclose(basis_of(factor * fids).scaled().fids, scaled.fids, rtol=1e-9, atol=1e-9)


def test_signals_that_cancel_cannot_be_scaled():
    with pytest.raises(ValueError, match="must not be 0"):
        basis_of(np.ones((64, 2)) * [1, -1]).scaled()


@settings(deadline=None, max_examples=20)
@given(complex_signals, st.floats(1.0, 500.0), st.text(max_size=30))
def test_a_saved_basis_comes_back_to_the_last_bit(tmp_path_factory, fids, frequency_mhz, description):
    path = tmp_path_factory.mktemp("saved") / "basis.npz"
    description = description.rstrip("\0")  # numpy's strings end there
    saved = Basis(("NAA", "PCr", "é β"), fids, Acquisition(frequency_mhz, 2000.0, 64, (4.6, 4.7 + 30 / frequency_mhz)))
    saved = dataclasses.replace(saved, description=description)
    saved.save(path)
    loaded = Basis.load(path)
    assert (loaded.names, loaded.acquisition, loaded.description) == (saved.names, saved.acquisition, description)
    np.testing.assert_array_equal(loaded.fids, fids)


def test_the_same_basis_gives_the_same_bytes(tmp_path):
    basis = basis_of(np.ones((64, 3)))
    basis.save(tmp_path / "a.npz")
    basis.save(tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_half_written_basis_is_refused_wherever_it_ends(tmp_path):
    basis_of(np.ones((64, 1))).save(tmp_path / "whole.npz")
    whole = (tmp_path / "whole.npz").read_bytes()
    half = tmp_path / "half.npz"
    for end in range(0, len(whole), 37):
        half.write_bytes(whole[:end])
        with pytest.raises(ValueError, match=r"half.npz': cannot read a basis.*written by `Basis.save`.*save it again"):
            Basis.load(half)


def test_a_missing_basis_is_an_error_of_its_own(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No such file or folder: .*none.npz"):
        Basis.load(tmp_path / "none.npz")


def npz_bytes(**changes) -> bytes:
    content = {
        "names": np.array(["A"]),
        "fids": np.ones((4, 1), complex),
        "description": np.array(""),
        "spectrometer_frequency_mhz": np.array(100.0),
        "bandwidth_hz": np.array(2000.0),
        "points": np.array(4),
        "ppm_window": np.array([-3.0, 10.0]),
    }
    stream = io.BytesIO()
    np.savez(stream, **{key: value for key, value in (content | changes).items() if value is not None})
    return stream.getvalue()


@pytest.mark.parametrize(
    "changes",
    [
        {"fids": None},
        {"fids": np.array([["x"]])},
        {"fids": np.ones((3, 1))},
        {"fids": np.array([[None]])},
        {"names": np.array([1.0])},
        {"names": np.array(["A", "B"])},
        {"points": np.array(10**15)},
        {"points": np.array("many")},
        {"bandwidth_hz": np.array(-1.0)},
        {"spectrometer_frequency_mhz": np.array(1e-300)},
        {"ppm_window": np.array(3.0)},
    ],
    ids=str,
)
def test_an_npz_file_of_something_else_is_refused(tmp_path, changes):
    path = tmp_path / "other.npz"
    path.write_bytes(npz_bytes())
    assert Basis.load(path).names == ("A",)  # without the change it is one
    path.write_bytes(npz_bytes(**changes))
    with pytest.raises(ValueError, match=r"other\.npz': cannot read a basis"):
        Basis.load(path)


def test_an_npz_file_that_claims_to_hold_a_terabyte_is_refused_before_memory_is_asked_for(tmp_path):
    header = b"{'descr': '<c16', 'fortran_order': False, 'shape': (68719476736, 1), }"
    header += b" " * (117 - len(header)) + b"\n"
    path = tmp_path / "huge.npz"
    with zipfile.ZipFile(io.BytesIO(npz_bytes())) as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "fids.npy":
                data = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
            target.writestr(name, data)
    with pytest.raises(ValueError, match="'fids' has 0 bytes instead of 1099511627776"):
        Basis.load(path)


def test_an_npz_file_that_unpacks_to_more_than_a_basis_is_refused(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, target.open("names.npy", "w") as member:
        for _ in range(64):
            member.write(bytes(2**20))
    assert path.stat().st_size < 2**20
    with pytest.raises(ValueError, match="'names' is larger than"):
        Basis.load(path)


def test_a_failed_save_leaves_the_file_as_it_was(tmp_path, monkeypatch):
    path = tmp_path / "basis.npz"
    basis = basis_of(np.ones((64, 3)))
    basis.save(path)
    before = path.read_bytes()

    def out_of_space(*_, **__):
        raise OSError("no space left on device")

    monkeypatch.setattr(np, "savez", out_of_space)
    with pytest.raises(OSError, match="no space"):
        basis.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_the_format_of_a_saved_basis_must_be_told(tmp_path):
    basis = basis_of(np.ones((64, 3)))
    with pytest.raises(ValueError, match=r"Cannot tell the format.*\.npz or \.BASIS.*format='fsl_json'"):
        basis.save(tmp_path / "basis")
    with pytest.raises(ValueError, match=r"Unknown `format`. Expected one of: 'npz', 'lcmodel_basis'"):
        basis.save(tmp_path / "basis", format="jmrui")


@pytest.mark.parametrize("format", ["fsl_json", "lcmodel_raw"])
def test_a_folder_with_something_in_it_is_not_written_over(tmp_path, format):
    (tmp_path / "mine.json").write_text("precious")
    with pytest.raises(FileExistsError, match="Will not write a basis over"):
        basis_of(np.ones((64, 3))).save(tmp_path, format=format)
    assert (tmp_path / "mine.json").read_text() == "precious"


@pytest.mark.parametrize("name", ["../escape", "a/b", "", ".hidden", "new\nline", "C:"])
def test_a_name_that_no_file_can_have_is_refused(tmp_path, name):
    basis = dataclasses.replace(basis_of(np.ones((64, 1))), names=(name,))
    with pytest.raises(ValueError, match="must be a valid file name"):
        basis.save(tmp_path / "folder", format="fsl_json")
    assert not list(tmp_path.iterdir())


def test_names_that_differ_only_in_case_are_not_written_to_files(tmp_path):
    basis = dataclasses.replace(basis_of(np.ones((64, 2))), names=("Ins", "ins"))
    with pytest.raises(ValueError, match="differ only in case"):
        basis.save(tmp_path / "folder", format="lcmodel_raw")
