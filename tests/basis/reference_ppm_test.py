"""Basis sets that were written for another chemical shift of the spectrometer frequency than 4.65 ppm."""

import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, default_basis, read_basis, simulate_basis
from mrs_keras.basis import check_basis
from tests.basis.basis_files import ACQUISITION, NAMES, SHIFTS_PPM, basis_file, jmrui_file, known_fids, text_file
from tests.conftest import SHARED_DATA

PHILIPS = SHARED_DATA / "basis_philips_press35" / "3T_PRESS_Philips_35ms_noMM.BASIS"
TIMES_S = np.arange(ACQUISITION.points) / ACQUISITION.bandwidth_hz


def written_for(reference_ppm: float) -> np.ndarray:
    """The known signals as a program puts them whose axis has `reference_ppm` at the spectrometer frequency."""
    offsets_hz = (np.array(SHIFTS_PPM) - reference_ppm) * ACQUISITION.spectrometer_frequency_mhz
    return np.exp(np.outer(TIMES_S, 2j * np.pi * offsets_hz - np.pi * 2.0)) * np.arange(1, 4)


@pytest.fixture(params=["lcmodel_basis", "jmrui", "text", "npz"])
def written(tmp_path, request):
    """Returns a function that writes the signals for a reference, in one format, and reads them back."""

    def write_and_read(written_ppm: float, **arguments) -> Basis:
        fids, path = written_for(written_ppm), tmp_path / "basis"
        if request.param == "text":
            path.mkdir(exist_ok=True)
            for name, fid in zip(NAMES, fids.T, strict=True):
                (path / f"{name}.txt").write_text(text_file(fid))
            return read_basis(path, acquisition=ACQUISITION, **arguments).select(NAMES)
        if request.param == "npz":
            Basis(NAMES, fids, ACQUISITION).save(path, format="npz")
        else:
            path.write_text((basis_file if request.param == "lcmodel_basis" else jmrui_file)(fids.T, NAMES))
        return read_basis(path, **arguments)

    return write_and_read


@pytest.mark.parametrize("reference_ppm", [4.68, 4.7, 4.8, 4.6])
def test_a_common_shift_is_told_with_its_size_and_what_to_do(written, reference_ppm):
    check = check_basis(written(reference_ppm))
    assert check.verdict == "looks shifted"
    assert check.shift_ppm == pytest.approx(4.65 - reference_ppm, abs=0.003)
    side = "low" if reference_ppm > 4.65 else "high"
    assert f"All peaks are {abs(check.shift_ppm):.3f} ppm too {side}" in check.advice
    assert check.advice.endswith(f"Read it with reference_ppm={reference_ppm}.")
    assert all(line.endswith(f"ppm {side}") for line in str(check).splitlines()[:3])


def test_the_reference_moves_the_signals_onto_our_axis(written):
    basis = written(4.68, reference_ppm=4.68)
    np.testing.assert_allclose(basis.fids, known_fids(), atol=3e-6)
    assert check_basis(basis).verdict == "looks right"
    assert basis.description.endswith("moved from 4.68 to 4.65 ppm")


def test_advice_counts_from_the_reference_that_was_given(written):
    assert check_basis(written(4.68, reference_ppm=4.6)).advice.endswith("Read it with reference_ppm=4.68.")


def test_the_reference_of_this_package_changes_nothing(written):
    ours, same = written(4.65), written(4.65, reference_ppm=4.65)
    np.testing.assert_array_equal(same.fids, ours.fids)
    assert same.description == ours.description


@pytest.mark.parametrize("reference_ppm", [-1.0, 11.0, float("nan"), "4.68", None])
def test_a_reference_that_is_no_chemical_shift_is_refused(tmp_path, reference_ppm):
    default_basis().save(tmp_path / "a.npz")
    with pytest.raises(ValueError, match=r"`reference_ppm` must be a chemical shift from 0 to 10 ppm. Received"):
        read_basis(tmp_path / "a.npz", reference_ppm=reference_ppm)


@pytest.mark.parametrize(
    "acquisition", [Acquisition(), Acquisition(63.8, 1000.0, 512), Acquisition(297.2, 12000.0, 512)]
)
@pytest.mark.parametrize("constants", ["challenge", "literature"])
def test_right_sets_stay_right_on_coarse_grids_too(acquisition, constants):
    basis = simulate_basis(["NAA", "Cr", "PCr", "GPC", "PCho"], acquisition, constants=constants)
    assert check_basis(basis).verdict == "looks right"


def test_a_wrong_bandwidth_is_not_taken_for_a_shift():
    basis = simulate_basis(["NAA", "Cr", "GPC"])
    wrong = dataclasses.replace(basis, acquisition=dataclasses.replace(basis.acquisition, bandwidth_hz=4060.0))
    assert check_basis(wrong).verdict == "looks shifted or scaled"


def test_a_single_metabolite_can_look_shifted():
    moved = dataclasses.replace(default_basis().select(["NAA"]), reading=None)
    times_s = np.arange(2048) / 4000
    moved = dataclasses.replace(moved, fids=moved.fids * np.exp(-2j * np.pi * 0.03 * 123.2 * times_s)[:, None])
    assert "reference_ppm=4.68" in check_basis(moved).advice


def test_the_philips_set_of_osprey_is_shifted_and_right_once_told():
    if not PHILIPS.exists():
        pytest.skip("the basis of Osprey is not beside this checkout")
    check = check_basis(read_basis(PHILIPS))
    assert check.shift_ppm == pytest.approx(-0.030, abs=0.002)
    assert check.advice.endswith("Read it with reference_ppm=4.68.")
    right = check_basis(read_basis(PHILIPS, reference_ppm=4.68))
    assert right.verdict == "looks right"
    assert max(abs(landing.shift_ppm) for landing in right.landings) < 0.005
