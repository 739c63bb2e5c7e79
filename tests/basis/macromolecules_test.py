"""Macromolecules and lipids against the analytic Gaussian, and against the challenge's measured baseline."""

import numpy as np
import pytest
import scipy.optimize

from mrs_keras import Acquisition
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals, simulate_broad_signals
from mrs_keras.basis.spins.simulation import simulate_press

SINGLE = sorted(name for name, signal in BROAD_SIGNALS.items() if len(signal.peaks) == 1)


def spectrum_of(fid: np.ndarray, acquisition: Acquisition) -> tuple[np.ndarray, np.ndarray]:
    """Returns ppm and real spectrum per ppm, with 16 times the points."""
    fid = fid.copy()
    fid[0] /= 2
    points = 16 * acquisition.points
    hz = np.fft.fftshift(np.fft.fftfreq(points, 1 / acquisition.bandwidth_hz))
    spectrum = 2 * np.fft.fftshift(np.fft.fft(fid, points)).real / acquisition.bandwidth_hz
    f0_mhz = acquisition.spectrometer_frequency_mhz
    return 4.65 + hz / f0_mhz, spectrum * f0_mhz


@pytest.mark.parametrize("acquisition", [Acquisition(points=4096), Acquisition(297.2, 8000.0, 4096)], ids=["3T", "7T"])
@pytest.mark.parametrize("name", SINGLE)
def test_single_line_is_the_gaussian_of_its_position_width_and_area(name, acquisition):
    peak = BROAD_SIGNALS[name].peaks[0]
    ppm, spectrum = spectrum_of(simulate_broad_signals([name], acquisition).fids[:, 0], acquisition)
    height = peak.protons / peak.fwhm_ppm * np.sqrt(4 * np.log(2) / np.pi)
    expected = height * 2.0 ** -((2 * (ppm - peak.shift_ppm) / peak.fwhm_ppm) ** 2)
    np.testing.assert_allclose(spectrum, expected, atol=0.002 * abs(height))

    step, size = ppm[1] - ppm[0], np.sign(height) * spectrum
    assert ppm[np.argmax(size)] == pytest.approx(peak.shift_ppm, abs=step)
    above = ppm[size > size.max() / 2]
    assert above[-1] - above[0] == pytest.approx(peak.fwhm_ppm, abs=2 * step)
    near = np.abs(ppm - peak.shift_ppm) < 3 * peak.fwhm_ppm
    assert spectrum[near].sum() * step == pytest.approx(peak.protons, rel=0.01)


@pytest.mark.parametrize("name", sorted(BROAD_SIGNALS))
def test_first_point_is_the_total_area(name):
    protons = sum(peak.protons for peak in BROAD_SIGNALS[name].peaks)
    assert simulate_broad_signals([name]).fids[0, 0] == pytest.approx(protons)


def test_broad_signals_are_columns_of_a_basis():
    metabolites = simulate_press(["NAA", "PCr"])
    basis = add_broad_signals(metabolites, ["MM09", "Lip13a"])
    assert basis.names == ("NAA", "PCr", "MM09", "Lip13a")
    np.testing.assert_array_equal(basis.fids[:, :2], metabolites.fids)
    np.testing.assert_array_equal(basis.fids[:, 2:], simulate_broad_signals(["MM09", "Lip13a"]).fids)
    assert basis.acquisition == metabolites.acquisition
    assert metabolites.description in basis.description


def test_unknown_and_repeated_signals_are_refused():
    with pytest.raises(ValueError, match=r"Unknown `signal`.*'MM09'.*'MM99'"):
        simulate_broad_signals(["MM99"])
    with pytest.raises(ValueError, match="must differ"):
        add_broad_signals(simulate_broad_signals(["MM09"]), ["MM09"])


def test_macromolecules_explain_most_of_the_measured_baseline(challenge_dir):
    """The challenge's baseline lies 0.06 ppm below the published positions, and is broader by some 16 Hz."""
    acquisition = Acquisition()
    real, imaginary = np.loadtxt(challenge_dir / "basisset_text_noTMS" / "Mac.txt", unpack=True)
    ppm, measured = spectrum_of(real - 1j * imaginary, acquisition)
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    move = np.exp(-2j * np.pi * 0.06 * acquisition.spectrometer_frequency_mhz * times_s - 16 * np.pi * times_s)
    fids = simulate_broad_signals(["MM09", "MM12", "MM14", "MM17", "MM20"]).fids * move[:, None]
    inside = (ppm > 0.5) & (ppm < 2.4)
    columns = np.stack([spectrum_of(fid, acquisition)[1][inside] for fid in fids.T], axis=1)
    areas, residual = scipy.optimize.nnls(columns, measured[inside])
    print(f"residual {residual / np.linalg.norm(measured[inside]):.3f}, areas {areas.round(2)}")
    assert residual / np.linalg.norm(measured[inside]) == pytest.approx(0.18, abs=0.02)
    assert (areas > 0).all()
