"""Shifts of simulated spectra of known truth, and peak positions of real ones."""

import numpy as np
import pytest

from mrs_keras.measured.eddy_currents import correct_eddy_currents
from mrs_keras.measured.referencing import (
    SINGLETS_PPM,
    find_shift,
    looks_conjugated,
    peak_positions_ppm,
    shift_frequency,
)
from mrs_keras.measured.residual_water import remove_residual_water
from tests.measured.averaged_fids import BANDWIDTH_HZ, F0_MHZ, biggaba, simulated, water_of

SCANNER = (BANDWIDTH_HZ, F0_MHZ)


def singlets(*heights: float, shift_hz: float = 0.0, noise: float = 0.0) -> np.ndarray:
    time = np.arange(2048) / BANDWIDTH_HZ
    places = (np.array(list(SINGLETS_PPM.values())) - 4.65) * F0_MHZ + shift_hz
    random = np.random.default_rng(4)
    lines = [h * np.exp((2j * np.pi * f - 15) * time) for h, f in zip(heights, places, strict=True)]
    return sum(lines) + noise * (random.normal(size=2048) + 1j * random.normal(size=2048))


@pytest.mark.parametrize("shift_hz", [-45.0, -20.0, 0.0, 7.3, 45.0])
@pytest.mark.parametrize(
    ("heights", "tolerance_hz"),
    [((1, 0.7, 0.5), 0.2), ((0.2, 0.7, 0.5), 0.3), ((1, 0.1, 0.5), 0.3), ((1, 0.7, 0.05), 1.0)],
)
def test_the_shift_of_three_lines_is_found_though_one_is_weak(heights, tolerance_hz, shift_hz):
    shift = find_shift(singlets(*heights, shift_hz=shift_hz), *SCANNER)
    # The tails of the other lines move a peak, a weak one by more.
    assert shift.shift_hz == pytest.approx(shift_hz, abs=tolerance_hz)
    assert shift.found


def test_the_shift_of_simulated_brain_is_found_to_half_a_hertz(measured):
    fids, shift_hz, _, noise = simulated(200, 300)
    found = [find_shift(fid, *SCANNER) for fid in fids + noise]
    error = np.array([shift.shift_hz for shift in found]) - shift_hz
    measured(f"shift of simulated brain: mean error {error.mean():.2f} Hz, standard deviation {error.std():.2f} Hz")
    # The mean: the basis has its singlets 1 to 2 mppm below 2.008 and 3.027, and NAAG and others overlap them.
    assert abs(error.mean()) < 0.6
    assert error.std() < 0.5
    assert min(shift.match for shift in found) > 0.9


def test_phase_and_water_do_not_change_the_shift_by_more_than_a_quarter_of_a_hertz():
    fids, _, effects, noise = simulated(200, 300)
    for fid, water in zip((fids + noise)[:10], water_of(effects)[:10], strict=True):
        plain = find_shift(fid, *SCANNER).shift_hz
        assert find_shift(1j * fid, *SCANNER).shift_hz == pytest.approx(plain, abs=1e-9)
        assert find_shift(fid + 5 * water, *SCANNER).shift_hz == pytest.approx(plain, abs=0.25)


def test_correcting_the_shift_that_was_found_leaves_none():
    fid = simulated(200, 300)[0][0]
    once = shift_frequency(fid, BANDWIDTH_HZ, -find_shift(fid, *SCANNER).shift_hz)
    assert find_shift(once, *SCANNER).shift_hz == pytest.approx(0.0, abs=0.02)


def test_noise_and_water_alone_are_not_found():
    random = np.random.default_rng(0)
    noise = random.normal(size=(50, 2048)) + 1j * random.normal(size=(50, 2048))
    assert np.mean([find_shift(fid, *SCANNER).found for fid in noise]) <= 0.1
    water = water_of(simulated(200, 300)[2])[:20]
    assert not any(find_shift(fid, *SCANNER).found for fid in water)


def test_a_positive_shift_is_to_higher_ppm():
    fid = singlets(1, 0.7, 0.5)
    before, after = (peak_positions_ppm(f, *SCANNER)["NAA"] for f in (fid, shift_frequency(fid, BANDWIDTH_HZ, 5.0)))
    assert after - before == pytest.approx(5.0 / F0_MHZ, abs=1e-4)


def test_peak_positions_of_lines_are_those_of_the_lines():
    positions = peak_positions_ppm(singlets(1, 0.7, 0.5, noise=0.005), *SCANNER)
    assert positions == pytest.approx(dict(SINGLETS_PPM), abs=0.006)
    assert np.isnan(peak_positions_ppm(singlets(1, 0.7, 0.5, shift_hz=40), *SCANNER)["NAA"])


def test_peaks_of_real_scans_are_where_they_belong(measured):
    off = []
    for fid, reference, bandwidth_hz, f0 in biggaba(4):
        fid = remove_residual_water(correct_eddy_currents(fid, reference), bandwidth_hz, f0).fid
        shift = find_shift(fid, bandwidth_hz, f0)
        assert shift.match > 0.95
        positions = peak_positions_ppm(shift_frequency(fid, bandwidth_hz, -shift.shift_hz), bandwidth_hz, f0)
        off.append([abs(positions[name] - ppm) for name, ppm in SINGLETS_PPM.items()])
    right = (np.array(off) <= 0.02).all(axis=1).mean()
    measured(f"real scans with NAA, Cr and Cho within 0.02 ppm: {100 * right:.0f} %, largest {np.max(off):.3f} ppm")
    assert right >= 0.96


def test_conjugated_scans_are_told():
    for fid, reference, bandwidth_hz, f0 in biggaba(8):
        clean = remove_residual_water(correct_eddy_currents(fid, reference), bandwidth_hz, f0).fid
        for signal in (fid, clean):
            assert not looks_conjugated(signal, bandwidth_hz, f0)
            assert looks_conjugated(signal.conj(), bandwidth_hz, f0)
    fids, _, _, noise = simulated(200, 300)
    assert not any(looks_conjugated(fid, *SCANNER) for fid in (fids + noise)[:20])
    assert all(looks_conjugated(fid.conj(), *SCANNER) for fid in (fids + noise)[:20])


def test_nothing_is_found_in_zeros():
    assert find_shift(np.zeros(2048, complex), *SCANNER).match == 0.0
    assert not looks_conjugated(np.zeros(2048, complex), *SCANNER)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(2048), 500.0, 127.7), "band must contain 1.41 to 3.81 ppm.*which is 2.69 to 6.61 ppm"),
        ((np.ones((2, 2048)), 2000.0, 127.7), "must be one FID"),
        ((np.full(2048, np.inf), 2000.0, 127.7), "`fid` must be finite"),
        ((np.ones(2048), 2000.0, 0.0), "`spectrometer_frequency_mhz` must be"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        find_shift(*arguments)
