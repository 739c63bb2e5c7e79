"""Removal of residual water of known truth, and of that of real scans."""

import time

import numpy as np
import pytest

from mrs_keras.measured.eddy_currents import correct_eddy_currents
from mrs_keras.measured.residual_water import remove_residual_water
from mrs_keras.simulation import fid_to_spectrum
from tests.measured.averaged_fids import BANDWIDTH_HZ, F0_MHZ, PPM, biggaba, change_percent, simulated, water_of


def removed(fids: np.ndarray) -> np.ndarray:
    return np.array([remove_residual_water(fid, BANDWIDTH_HZ, F0_MHZ).water for fid in fids])


def test_exponentials_near_water_are_removed_exactly():
    # Without noise five exponentials have an exact HSVD (rank 5): the two within 60 Hz go, the others stay.
    n = np.arange(2048)
    lines = {3.0: 12.0, -40.0: 20.0, -130.0: 9.0, -200.0: 15.0, -325.0: 9.0}
    fids = [np.exp((2j * np.pi * f - decay) * n / BANDWIDTH_HZ + 0.3j * f) for f, decay in lines.items()]
    result = remove_residual_water(100 * fids[0] + sum(fids[1:]), BANDWIDTH_HZ, F0_MHZ)
    np.testing.assert_allclose(result.water, 100 * fids[0] + fids[1], atol=1e-3)
    np.testing.assert_allclose(result.fid, sum(fids[2:]), atol=1e-3)


@pytest.mark.parametrize(("only_methyl", "percent"), [(False, 0.9), (True, 0.65)])
def test_metabolites_change_little_where_residual_water_of_known_truth_is_removed(only_methyl, percent, measured):
    fids, _, effects, noise = simulated(100, 140, only_methyl)
    water = water_of(effects)
    start = time.process_time()
    left = change_percent(removed(fids + noise + water) - water, fids)
    spent = 1e3 * (time.process_time() - start) / len(fids)
    before = change_percent(water, fids)
    kind = ", no NAA at 4.38 ppm" if only_methyl else ""
    measured(
        f"metabolites changed by the removal of residual water{kind}: {np.median(left):.2f} %, 95th percentile "
        f"{np.percentile(left, 95):.2f} % (before: {np.median(before):.2f}, {np.percentile(before, 95):.2f} %); "
        f"{spent:.0f} ms"
    )
    # NAA at 4.38 ppm is within the band: to lose it entirely would change 0.9 % of the rest by its tail alone.
    assert np.median(left) < percent
    assert np.percentile(left, 95) < 2.0


def test_the_whole_is_the_sum_of_both_parts_and_the_input_stays():
    fids, _, effects, noise = simulated(100, 140)
    fid = (fids + noise + water_of(effects))[0]
    before = fid.copy()
    result = remove_residual_water(fid, BANDWIDTH_HZ, F0_MHZ)
    np.testing.assert_allclose(result.fid + result.water, before, atol=1e-12 * np.abs(before).max())
    np.testing.assert_array_equal(fid, before)


def test_the_same_fid_gives_the_same_result_whatever_its_scale_and_phase():
    fids, _, effects, _ = simulated(100, 140)
    fid = (fids + water_of(effects))[1]
    first, again, scaled = (remove_residual_water(f, BANDWIDTH_HZ, F0_MHZ).fid for f in (fid, fid, 1e-7j * fid))
    np.testing.assert_array_equal(first, again)
    assert change_percent((scaled / 1e-7j - first)[None], fid[None])[0] < 0.01


def test_a_halved_first_point_does_not_leave_an_offset():
    # Far from all peaks, the spectrum of a FID that lacks half of its first point only sees that point.
    fids, _, effects, _ = simulated(100, 140)
    fid = (fids + 20 * water_of(effects))[0]
    whole = remove_residual_water(fid, BANDWIDTH_HZ, F0_MHZ).fid
    fid[0] /= 2
    halved = remove_residual_water(fid, BANDWIDTH_HZ, F0_MHZ).fid
    np.testing.assert_allclose(halved[1:], whole[1:], atol=1e-9 * np.abs(whole).max())
    assert abs(halved[0]) == pytest.approx(abs(whole[0]) / 2, rel=0.15)


def test_water_of_real_scans_goes_below_half_of_naa(measured):
    ratios = []
    for fid, reference, bandwidth_hz, f0 in biggaba(5):
        corrected = correct_eddy_currents(fid, reference)
        result = remove_residual_water(corrected, bandwidth_hz, f0)
        ppm = 4.65 + np.fft.fftshift(np.fft.fftfreq(len(fid), 1 / bandwidth_hz)) / f0
        spectra = np.abs(fid_to_spectrum(np.stack([corrected, result.fid])))
        ratios.append(spectra[:, np.abs(ppm - 4.65) < 0.47].max(axis=1) / spectra[1, np.abs(ppm - 2.0) < 0.1].max())
    before, after = np.transpose(ratios)
    measured(f"water over NAA, real scans: {np.median(before):.1f} before, {np.median(after):.2f} after")
    assert np.median(before) > 15
    assert after.max() < 0.5


def test_noise_alone_stays_noise():
    random = np.random.default_rng(0)
    noise = random.normal(size=2048) + 1j * random.normal(size=2048)
    result = remove_residual_water(noise, BANDWIDTH_HZ, F0_MHZ)
    far = np.abs(PPM - 4.65) > 1.0
    assert np.std(fid_to_spectrum(result.fid)[far]) == pytest.approx(np.std(fid_to_spectrum(noise)[far]), rel=0.02)


def test_zeros_stay_zeros():
    assert not remove_residual_water(np.zeros(256, complex), BANDWIDTH_HZ, F0_MHZ).fid.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(64, complex), 2000.0, 127.7), "at least 100 points. Received: shape \\(64,\\)"),
        ((np.ones((2, 2048), complex), 2000.0, 127.7), "must be one FID.*\\(2, 2048\\)"),
        ((np.full(2048, np.nan), 2000.0, 127.7), "`fid` must be finite"),
        ((np.ones(2048), 2000.0, 127.7, -5.0), "`half_width_hz` must be a finite number above 0"),
    ],
)
def test_bad_input_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        remove_residual_water(*arguments)
