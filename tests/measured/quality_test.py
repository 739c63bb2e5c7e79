"""Signal-to-noise ratio, linewidths and residual water of measured spectra, against known truth and Osprey."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.measured.lines import fit_line
from mrs_keras.measured.noise import Noise, measure_noise
from mrs_keras.measured.quality import measure_quality, residual_water_ratio
from mrs_keras.simulation import fid_to_spectrum, voigt_fwhm_hz
from tests.conftest import SHARED_DATA
from tests.measured.noise_test import white

F0, BANDWIDTH, POINTS = 127.7, 2000.0, 2048
TIME = np.arange(POINTS) / BANDWIDTH


def line(ppm, gamma, sigma, phase=0.0, f0=F0, time=TIME):
    return np.exp(2j * np.pi * (ppm - 4.65) * f0 * time + 1j * phase - gamma * time - (sigma * time) ** 2)


def tallest_point(fid, zero_filling=16):
    """Height of the tallest point of an interpolated magnitude spectrum, in orthonormal units."""
    halved = np.r_[fid[0] / 2, fid[1:]]
    return np.abs(np.fft.fft(halved, zero_filling * len(fid))).max() / np.sqrt(len(fid))


@pytest.mark.parametrize(("gamma", "sigma"), [(12.0, 0.0), (0.0, 12.0), (8.0, 8.0), (30.0, 10.0)])
@pytest.mark.parametrize("phase", [0.0, 2.5])
def test_a_line_without_noise_is_found_to_1e_3(gamma, sigma, phase):
    fid = 3 * line(2.0137, gamma, sigma, phase)
    found = fit_line(fid, BANDWIDTH, F0, 2.0)
    assert found.position_ppm == pytest.approx(2.0137, abs=1e-4)
    assert found.fwhm_hz == pytest.approx(voigt_fwhm_hz(gamma, sigma), rel=1e-3)
    assert found.height == pytest.approx(tallest_point(fid), rel=1e-3)
    assert found.phase_rad == pytest.approx(phase, abs=1e-3)


def test_the_width_does_not_depend_on_where_the_fid_ends():
    fid = line(2.01, 12.0, 6.0)
    widths = [fit_line(fid[:points], BANDWIDTH, F0, 2.01).fwhm_hz for points in (512, 1024, 2048)]
    np.testing.assert_allclose(widths, voigt_fwhm_hz(12.0, 6.0), rtol=1e-3)


@pytest.mark.parametrize("snr", [20, 60, 200])
def test_snr_and_fwhm_are_those_of_known_lines_on_a_broad_background_with_residual_water(snr, measured):
    rng = np.random.default_rng(snr)
    gamma, sigma = 6.0 + 2 * np.pi, 8.0  # of which 2 Hz are those of the basis
    naa, cr = 3.0 * line(2.01, gamma, sigma), 2.0 * line(3.03, gamma, sigma)
    fid = naa + cr + 10 * line(4.6, 40.0, 0.0, 1.0) + 4 * line(2.3, 300.0, 0.0)
    reference = 1e3 * line(4.65, 14.0, 6.0, -1.0)
    noise = Noise(tallest_point(naa) / snr, 0.0, True)
    results = []
    for _ in range(40):
        noisy = (fid + noise.sigma * white(rng, POINTS)) * np.exp(2j * np.pi * rng.random())
        results.append(dataclasses.astuple(measure_quality(noisy, BANDWIDTH, F0, noise, reference)))
    width = voigt_fwhm_hz(gamma, sigma)
    truth = np.array([snr, snr * tallest_point(cr) / tallest_point(naa), width, width, voigt_fwhm_hz(14.0, 6.0)])
    bias = np.mean(results, axis=0) / truth - 1
    measured(f"snr, snr_cr, fwhm of NAA, Cr, water at SNR {snr}: mean bias {np.array2string(bias, precision=3)}")
    np.testing.assert_allclose(bias, 0, atol=0.04)
    deviation = np.std(results, axis=0) / truth
    assert deviation[2] < 2.5 / snr + 0.001


def test_quality_does_not_depend_on_phase_or_units():
    rng = np.random.default_rng(0)
    fid = 3 * line(2.01, 10, 8) + 2 * line(3.03, 10, 8) + 0.02 * white(rng, POINTS)
    one = measure_quality(fid, BANDWIDTH, F0, measure_noise(fid, BANDWIDTH, F0), fid + line(4.65, 10, 5))
    other = fid * 1e-5 * np.exp(2j)
    two = measure_quality(other, BANDWIDTH, F0, measure_noise(other, BANDWIDTH, F0), fid + line(4.65, 10, 5))
    np.testing.assert_allclose(dataclasses.astuple(one), dataclasses.astuple(two), rtol=1e-5)


def test_what_cannot_be_measured_is_nan():
    rng = np.random.default_rng(1)
    fid = 3 * line(2.01, 10, 8) + 0.1 * white(rng, POINTS)
    quality = measure_quality(fid, BANDWIDTH, F0, measure_noise(fid, BANDWIDTH, F0))
    assert quality.snr == pytest.approx(tallest_point(3 * line(2.01, 10, 8)) / 0.1, rel=0.1)
    assert np.isnan([quality.fwhm_cr_hz, quality.snr_cr, quality.fwhm_water_hz]).all()


def test_residual_water_is_the_ratio_of_heights():
    naa, water = 3 * line(2.01, 10, 8), 20 * line(4.7, 15, 5, 2.0)
    expected = np.abs(fid_to_spectrum(naa + water)).max() / tallest_point(naa)
    assert residual_water_ratio(naa + water, BANDWIDTH, F0) == pytest.approx(expected, rel=0.01)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((np.ones(2048), BANDWIDTH, F0, 2.0), "complex of shape"),
        ((line(2.01, 10, 8), BANDWIDTH, F0, 20.0), "inside the band"),
        ((line(2.01, 10, 8), -1.0, F0, 2.0), "bandwidth_hz"),
        ((line(2.01, 10, 8), BANDWIDTH, F0, 2.0, 0.0), "half_width_ppm"),
        ((line(2.01, 10, 8)[:4], BANDWIDTH, F0, 2.0), "inside the band"),
    ],
)
def test_bad_input_is_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit_line(*arguments)


def test_a_bad_reference_is_named():
    with pytest.raises(ValueError, match="`reference` must be one averaged FID"):
        measure_quality(line(2.01, 10, 8), BANDWIDTH, F0, Noise(1e-3, 0.0, True), np.ones((2, 8), complex))


def test_widths_and_snr_in_vivo_agree_with_osprey(measured):
    folder = SHARED_DATA / "invivo_biggaba"
    if not folder.exists():
        pytest.skip("the in-vivo scans (shared/data/invivo_biggaba) are not beside this checkout")
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    table = np.genfromtxt(folder / "osprey_quality.tsv", delimiter="\t", names=True, dtype=None, encoding="utf-8")
    ours = []
    for participant in table["participant_id"]:
        scan, reference = (
            NIFTI_MRS(str(folder / "nifti" / f"{participant}_{kind}.nii.gz")) for kind in ("svs", "mrsref")
        )
        fid, water = scan[:].squeeze(), reference[:].squeeze()
        axis = float(scan.bandwidth), float(scan.spectrometer_frequency[0])
        corrected = fid * np.exp(-1j * np.angle(water))  # Klose 1990
        ours.append(measure_quality(corrected, *axis, measure_noise(fid, *axis), water))
    pairs = (("fwhm_cr_hz", "Cr_FWHM", 0.90), ("fwhm_water_hz", "water_FWHM", 0.95), ("snr_cr", "Cr_SNR", 0.85))
    for name, column, least in pairs:
        numbers = np.array([getattr(quality, name) for quality in ours])
        r = np.corrcoef(numbers, table[column])[0, 1]
        ratio = np.median(numbers / table[column])
        measured(f"{name} against Osprey, {len(ours)} scans: r = {r:.3f} (>= {least}), median ratio {ratio:.3f}")
        assert r >= least
        assert 0.85 < ratio < 1.1
