import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis
from mrs_keras.basis import add_broad_signals, basis_for, default_basis, read_basis, simulate_basis
from mrs_keras.basis.macromolecules import creatine_per_proton
from tests.conftest import SHARED_DATA


@pytest.fixture(scope="module")
def philips() -> Basis:
    """Basis with the real pulses of a Philips scanner, PRESS TE 35 ms, written for 4.68 ppm; see `SHARED_DATA`."""
    path = SHARED_DATA / "basis_philips_press35" / "3T_PRESS_Philips_35ms_noMM.BASIS"
    if not path.exists():
        pytest.skip("the basis of Philips PRESS TE 35 ms is not beside this checkout")
    return read_basis(path, reference_ppm=4.68).resample(2000.0, 2048)


def test_embedded_metabolites_come_from_the_embedded_basis():
    np.testing.assert_array_equal(basis_for(["PCr", "NAA"]).fids, default_basis().fids[:, ::-1])


def test_others_are_simulated_in_the_order_of_the_names():
    basis = basis_for(["MM09", "NAA", "Lac"])
    expected = add_broad_signals(simulate_basis(["NAA", "Lac"]), ["MM09"])
    assert basis.names == ("MM09", "NAA", "Lac")
    np.testing.assert_array_equal(basis.fids, expected.fids[:, [2, 0, 1]])
    np.testing.assert_array_equal(basis_for(["Lac"]).fids, simulate_basis(["Lac"]).fids)


@pytest.mark.parametrize("names", [["NAA", "Xyz"], ["MM09"], []])
def test_names_without_a_metabolite_or_unknown_are_refused(names):
    with pytest.raises(ValueError, match="metabolite"):
        basis_for(names)


# === Any acquisition and sequence ===

PHILIPS = Acquisition(127.731, 2000.0, 2048)
SEVEN_TESLA = Acquisition(297.2, 6000.0, 4096)


def test_the_default_acquisition_given_explicitly_is_the_embedded_basis():
    basis = basis_for(["PCr", "NAA"], Acquisition(ppm_window=(0.0, 5.0)), sequence="press", te1_ms=11.0, te2_ms=19.0)
    np.testing.assert_array_equal(basis.fids, default_basis().fids[:, ::-1])
    assert basis.acquisition.ppm_window == (0.0, 5.0)
    assert basis.description == default_basis().description


def test_a_basis_is_simulated_once_per_process():
    times_ms = {"te1_ms": 12.5, "te2_ms": 22.5}
    assert basis_for(["NAA"], PHILIPS, **times_ms) is basis_for(["NAA"], PHILIPS, **times_ms)
    assert basis_for(["NAA"], PHILIPS, **times_ms) is not basis_for(["NAA"], PHILIPS)


def lines_of(fid: np.ndarray, acquisition: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """Returns ppm and magnitude spectrum of a signal with 5 Hz more of linewidth, with 8 times the points."""
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    fid = fid * np.exp(-5 * np.pi * times_s)
    fid[0] /= 2
    points = 8 * acquisition.points
    hz = np.fft.fftshift(np.fft.fftfreq(points, 1 / acquisition.bandwidth_hz))
    spectrum = np.fft.fftshift(np.fft.fft(fid, points))
    return 4.65 + hz / acquisition.spectrometer_frequency_mhz, np.abs(spectrum)


@pytest.mark.parametrize(
    ("name", "theirs", "ppm"),
    [("NAA", "NAA", 2.008), ("Cr", "Cr", 3.027), ("PCr", "PCr", 3.029), ("GPC", "GPC", 3.212), ("PCho", "PCh", 3.208)],
)
def test_singlets_at_te_35_are_where_real_pulses_have_them_and_as_high(name, theirs, ppm, philips, measured):
    ours = basis_for([name, "Cr"] if name != "Cr" else ["Cr"], PHILIPS, te1_ms=11.0, te2_ms=24.0)
    axis, spectrum = lines_of(ours.fids[:, 0], PHILIPS)
    peak_ppm = axis[spectrum.argmax()]
    assert peak_ppm == pytest.approx(ppm, abs=0.01)
    real = lines_of(philips.select([theirs]).fids[:, 0], PHILIPS)[1]
    assert axis[real.argmax()] == pytest.approx(peak_ppm, abs=0.01)
    creatine = [
        lines_of(basis.select(["Cr"]).fids[:, 0], PHILIPS)[1].max() / 3 for basis in (ours, philips)
    ]  # one proton of each basis
    ratio = (spectrum.max() / creatine[0]) / (real.max() / creatine[1])
    measured(f"{name} at TE 35: height over creatine's, ideal over real pulses {ratio:.3f}")
    assert ratio == pytest.approx(1.0, abs=0.1)


@pytest.mark.parametrize("name", ["NAA", "Cr", "GPC", "Ins", "Glu"])
def test_spectra_at_te_35_correlate_with_those_of_real_pulses(name, philips, measured):
    ours = lines_of(basis_for([name], PHILIPS, te1_ms=11.0, te2_ms=24.0).fids[:, 0], PHILIPS)
    real = lines_of(philips.select([name]).fids[:, 0], PHILIPS)[1]
    inside = (ours[0] > 0.5) & (ours[0] < 4.2)
    correlation = np.corrcoef(ours[1][inside], real[inside])[0, 1]
    measured(f"{name} at TE 35: correlation with real pulses {correlation:.4f}")
    assert correlation > 0.95


def test_steam_at_7_tesla_has_its_peaks_in_ppm_and_half_of_the_signal():
    basis = basis_for(["NAA", "Cr", "MM09"], SEVEN_TESLA, sequence="steam", te_ms=11.0, tm_ms=10.0)
    for column, ppm in enumerate((2.007, 3.023, 0.91)):
        axis, spectrum = lines_of(basis.fids[:, column], SEVEN_TESLA)
        assert axis[spectrum.argmax()] == pytest.approx(ppm, abs=0.005)
    assert abs(basis.fids[0, 1]) == pytest.approx(2.5, rel=0.01)  # five protons of creatine
    assert abs(basis.fids[0, 2]) == pytest.approx(1.5, rel=1e-9)  # three of MM09, as a singlet


def test_macromolecules_keep_their_width_in_ppm_at_any_field():
    widths_ppm = []
    for acquisition in (PHILIPS, SEVEN_TESLA):
        fid = basis_for(["NAA", "MM09"], acquisition).fids[:, 1]
        points = 16 * acquisition.points
        spectrum = np.fft.fftshift(np.fft.fft(fid, points)).real
        step_ppm = acquisition.bandwidth_hz / points / acquisition.spectrometer_frequency_mhz
        widths_ppm.append(np.count_nonzero(spectrum > spectrum.max() / 2) * step_ppm)
    np.testing.assert_allclose(widths_ppm, 0.14, rtol=0.02)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sequence": "laser"}, "Unknown `sequence`"),
        ({"te_ms": 30.0}, "no such time.*te1_ms, te2_ms"),
        ({"te1_ms": -1.0}, "`te1_ms` must be"),
        ({"acquisition": Acquisition(297.2, 1000.0, 512, (4.0, 5.0))}, "must span all protons"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        basis_for(["NAA"], **settings)


@pytest.mark.parametrize(("sequence", "expected"), [("press", 1.0), ("steam", 0.5)])
@pytest.mark.parametrize("acquisition", [PHILIPS, SEVEN_TESLA], ids=["3T", "7T"])
def test_creatine_tells_the_signal_of_a_proton(sequence, expected, acquisition):
    basis = basis_for(["NAA", "Cr"], acquisition, sequence=sequence)
    turned = dataclasses.replace(basis, fids=7.0 * np.exp(0.8j) * basis.fids)
    assert creatine_per_proton(basis) == pytest.approx(expected, rel=0.07)  # the tails of the line are outside
    assert creatine_per_proton(turned) == pytest.approx(7.0 * creatine_per_proton(basis), rel=1e-9)
    with pytest.raises(ValueError, match="scaled by creatine.*Received: one with NAA"):
        creatine_per_proton(basis.select(["NAA"]))
