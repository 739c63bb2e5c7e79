"""Where NAA, Cr and Cho land, what a basis holds, and its figure."""

import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, default_basis, read_basis
from mrs_keras.basis import check_basis, describe_basis
from tests.basis.basis_files import ACQUISITION, NAMES, SHIFTS_PPM, known_fids, text_file

KNOWN = Basis(NAMES, known_fids(), ACQUISITION, "three lines")


def test_a_right_basis_looks_right_and_its_peaks_land_where_they_were_put():
    check = check_basis(KNOWN)
    assert [(landing.landmark, landing.metabolite) for landing in check.landings] == [
        ("NAA", "NAA"),
        ("Cr", "Cr"),
        ("Cho", "GPC"),
    ]
    found = [landing.found_ppm for landing in check.landings]
    np.testing.assert_allclose(found, SHIFTS_PPM, atol=0.01)
    assert check.verdict == "looks right"
    assert str(check).splitlines()[-1] == "The basis looks right."


def test_a_conjugated_basis_looks_conjugated():
    check = check_basis(dataclasses.replace(KNOWN, fids=KNOWN.fids.conj()))
    assert check.verdict == "looks conjugated"
    assert "looks conjugated. Take the complex conjugate of its signals." in str(check)
    assert [landing.place for landing in check.landings] == ["mirrored"] * 3


def test_reading_with_the_wrong_sign_is_noticed(tmp_path):
    for name, fid in zip(NAMES, KNOWN.fids.T, strict=True):
        (tmp_path / f"{name}.txt").write_text(text_file(fid))
    assert check_basis(read_basis(tmp_path, acquisition=ACQUISITION)).verdict == "looks right"
    wrong = read_basis(tmp_path, acquisition=ACQUISITION, conjugated=False)
    assert check_basis(wrong).verdict == "looks conjugated"


def test_a_basis_at_the_wrong_frequency_looks_shifted():
    wrong = dataclasses.replace(ACQUISITION, spectrometer_frequency_mhz=300.0, ppm_window=(1.0, 4.0))
    check = check_basis(dataclasses.replace(KNOWN, acquisition=wrong))
    assert check.verdict == "looks shifted or scaled"
    assert "Check the spectrometer frequency" in str(check)


def test_neither_reference_peak_nor_water_nor_phase_deceives_the_check():
    times_s = np.arange(ACQUISITION.points) / ACQUISITION.bandwidth_hz
    others = sum(5 * np.exp(2j * np.pi * (ppm - 4.65) * 127.74 * times_s - 9 * times_s) for ppm in (0.0, 4.65, 8.44))
    check = check_basis(dataclasses.replace(KNOWN, fids=1j * KNOWN.fids + others[:, None]))
    assert check.verdict == "looks right"


def test_a_basis_without_landmarks_has_nothing_to_check():
    check = check_basis(dataclasses.replace(KNOWN, names=("A", "B", "C")))
    assert check.landings == ()
    assert str(check).startswith("The basis has nothing to check. It contains none of NAA, Cr")


@pytest.mark.parametrize("form", ["basisset_text_noTMS", "basisset_LCModel", "basisset_JMRUI", "fsl_json_noTMS"])
def test_the_challenge_basis_looks_right_and_its_conjugate_conjugated(challenge_dir, form):
    given = None if form in ("basisset_JMRUI", "fsl_json_noTMS") else Acquisition()
    basis = read_basis(challenge_dir / form, acquisition=given)
    assert len(check_basis(basis).landings) == 5
    assert check_basis(basis).verdict == "looks right"
    assert check_basis(dataclasses.replace(basis, fids=basis.fids.conj())).verdict == "looks conjugated"


def test_the_default_basis_looks_right():
    assert check_basis(default_basis()).verdict == "looks right"


def test_the_description_tells_acquisition_and_metabolites():
    text = describe_basis(KNOWN)
    for words in ("three lines", "127.74 MHz", "2500 Hz (-5.14 to 14.44 ppm)", "256 (0.1024 s)", "GPC  first point 3"):
        assert words in text


def test_the_figure_runs_from_right_to_left_and_its_highest_points_are_the_peaks(tmp_path):
    figure = KNOWN.plot()
    (axes,) = figure.axes
    assert axes.get_xlim() == (4.2, 0.2)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(NAMES)
    for line, shift_ppm in zip(axes.get_lines(), SHIFTS_PPM, strict=True):
        assert line.get_xdata()[line.get_ydata().argmax()] == pytest.approx(shift_ppm, abs=0.05)
    figure.savefig(tmp_path / "basis.png")
    assert (tmp_path / "basis.png").read_bytes().startswith(b"\x89PNG")


def test_the_window_of_the_figure_can_be_chosen_but_not_empty():
    assert KNOWN.plot(ppm_window=(1.0, 2.0)).axes[0].get_xlim() == (2.0, 1.0)
    for window in ((2.0, 1.0), (100.0, 101.0)):
        with pytest.raises(ValueError, match="`ppm_window` must be"):
            KNOWN.plot(ppm_window=window)
