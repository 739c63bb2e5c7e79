import numpy as np
import pytest

from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.averaging import average, outliers
from mrs_keras.measured.coils import coil_weights, combine_coils, noise_covariance
from mrs_keras.measured.scan import ppm_axis, time_axis_s
from mrs_keras.simulation import fid_to_spectrum, receive_with_coils
from tests.conftest import SHARED_DATA
from tests.measured.simulated_transients import brain, white_noise


def coils_of(number):
    """Sensitivities, complex (coils,), and the covariance of the noise: real, strongly correlated, unequal."""
    random = white_noise((number,), "coils", number)
    levels = 1 + 0.8 * np.cos(np.arange(number))
    distance = np.abs(np.subtract.outer(np.arange(number), np.arange(number)))
    return random, 0.6**distance * np.outer(levels, levels)


def received(fids, sensitivity, covariance, seed):
    """Receives transients (transients, points) with the package's own simulation: (coils, transients, points)."""
    scan = receive_with_coils(fids, np.abs(sensitivity), np.angle(sensitivity), noise_covariance=covariance, seed=seed)
    return np.moveaxis(scan, -1, 0)


def snr_of(weights, sensitivity, covariance):
    """SNR per signal amplitude of a weighted sum: |w s| / sqrt(w C w^H)."""
    return np.abs(weights @ sensitivity) / np.sqrt((weights @ covariance @ weights.conj()).real)


@pytest.mark.parametrize(("coils", "transients"), [(4, 16), (4, 1), (8, 64), (32, 16)])
def test_the_combined_snr_is_that_of_the_optimum(coils, transients, measured):
    signal = brain()
    sensitivity, covariance = coils_of(coils)
    # Optimum of known sensitivities and covariance: sqrt(s^H C^-1 s) (Roemer et al. 1990).
    optimum = np.sqrt(np.vdot(sensitivity, np.linalg.solve(covariance, sensitivity)).real)
    covariance = covariance * (signal.naa_height() / 10 * optimum) ** 2
    optimum = 10 / signal.naa_height()
    water = 2e3 * np.exp((30j - 25) * signal.time_s)[None] * np.ones((2, 1)) * abs(signal.fid[0])
    scan = received(np.tile(signal.fid, (transients, 1)), sensitivity, covariance, seed=1)
    reference = received(water, sensitivity, covariance, seed=2)
    weights = coil_weights(reference, noise_covariance(scan))
    by_water = snr_of(weights, sensitivity, covariance) / optimum
    measured(f"{coils} coils, {transients} transients: {by_water:.2%} of the optimal SNR")
    assert 0.98 < by_water <= 1 + 1e-9
    # The SNR of the spectra themselves, against that of the noise added.
    noise = combine_coils(scan, weights) - combine_coils(received(signal.fid[None], sensitivity, None, 0), weights)
    assert abs(weights @ sensitivity) / noise.real.std() == pytest.approx(by_water * optimum, rel=0.02)


def test_without_a_reference_the_scan_itself_gives_the_weights():
    signal = brain()
    sensitivity, covariance = coils_of(8)
    optimum = np.sqrt(np.vdot(sensitivity, np.linalg.solve(covariance, sensitivity)).real)
    covariance = covariance * (signal.naa_height() / 10 * optimum) ** 2
    scan = received(signal.transients(np.linspace(-4, 4, 32), np.zeros(32)), sensitivity, covariance, seed=1)
    weights = coil_weights(scan, noise_covariance(scan))
    assert snr_of(weights, sensitivity, covariance) * signal.naa_height() / 10 > 0.98


def test_scale_and_phase_are_those_of_the_documentation():
    sensitivity = np.array([3.0, 4.0j, 0.0])
    water = np.exp((60j - 25) * np.arange(512) / 2000.0 + 0.7j)[None]
    reference = received(water, sensitivity, None, 0)
    combined = combine_coils(reference, coil_weights(reference, np.diag([1.0, 2.0, 3.0])))
    root_sum_of_squares = np.sqrt((np.abs(reference) ** 2).sum(axis=0))
    np.testing.assert_allclose(np.abs(combined), root_sum_of_squares, rtol=1e-9)
    assert np.angle(combined[0, 0]) == pytest.approx(0, abs=1e-9)
    alone = coil_weights(reference[:1])
    assert abs(alone[0]) == pytest.approx(1)


def test_the_weights_do_not_depend_on_a_broken_first_point():
    signal = brain()
    sensitivity, covariance = coils_of(6)
    reference = received(1e6 * np.exp((0j - 25) * signal.time_s)[None], sensitivity, covariance, seed=3)
    broken = reference.copy()
    broken[:, :, 0] = 0
    good, other = coil_weights(reference, covariance), coil_weights(broken, covariance)
    np.testing.assert_allclose(other, good, atol=1e-3 * np.abs(good).max())


def test_the_covariance_is_that_of_the_noise_in_spite_of_signal_in_the_tail():
    sensitivity, covariance = coils_of(4)
    time = time_axis_s(2048, 2000.0)
    slow = 5 * np.exp((2j * np.pi * 20 - 2) * time) + 0.5  # water that has not decayed, and an offset
    scan = received(np.tile(slow, (32, 1)), sensitivity, covariance, seed=4)
    found = noise_covariance(scan)
    np.testing.assert_allclose(found, found.conj().T)
    deviations = np.sqrt(np.diag(covariance))
    # 16,384 samples, half of them independent: 1.1 %; the largest of 10 elements within 4 deviations.
    np.testing.assert_allclose(
        found / np.outer(deviations, deviations), covariance / np.outer(deviations, deviations), atol=0.045
    )


def test_the_covariance_is_complex_and_its_weights_use_that():
    factor = np.linalg.cholesky(np.array([[1, 0.6j, 0.2], [-0.6j, 1.5, 0.3j], [0.2, -0.3j, 2.0]]))
    noise = np.einsum("cd,dtp->ctp", factor, white_noise((3, 32, 1024), "complex"))
    np.testing.assert_allclose(noise_covariance(noise), factor @ factor.conj().T, atol=0.1)
    sensitivity = np.array([1.0, 1j, -0.5])
    weights = coil_weights(sensitivity[:, None, None] * np.ones((1, 1, 64)), factor @ factor.conj().T)
    expected = np.linalg.solve(factor @ factor.conj().T, sensitivity).conj()
    np.testing.assert_allclose(weights / weights[0], expected / expected[0], rtol=1e-9)


def test_too_few_samples_are_told_and_still_give_weights():
    noise = white_noise((16, 1, 64), "few")
    with pytest.warns(UserWarning, match="16 coils is estimated from"):
        covariance = noise_covariance(noise)
    assert np.linalg.eigvalsh(covariance).min() > 0


def test_a_dead_coil_gets_no_weight():
    noise = white_noise((3, 8, 1024), "dead")
    noise[1] = 0
    covariance = noise_covariance(noise)
    reference = np.array([1.0, 0.0, 1.0])[:, None, None] * 100 * np.exp(-np.arange(1024) / 50)
    weights = coil_weights(reference.astype(complex), covariance)
    assert abs(weights[1]) < 1e-12
    assert np.isfinite(weights).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: combine_coils(np.ones((4, 2, 8), complex), np.ones(3)), "Expected: 4 coils. Received: weights of 3"),
        (lambda: coil_weights(np.ones((4, 2, 8), complex), np.eye(3)), r"for 4 coils. Received: shape \(3, 3\)"),
        (lambda: coil_weights(np.ones((2, 2, 8), complex), np.array([[1, 2], [2, 1]])), "positive definite"),
        (lambda: coil_weights(np.zeros((2, 2, 8), complex)), "must contain a signal"),
        (lambda: coil_weights(np.ones((2, 8), complex)), r"\(coils, transients, points\)"),
        (lambda: coil_weights(np.ones((2, 1, 8))), "must be complex"),
        (lambda: noise_covariance(np.zeros((2, 2, 64), complex)), "must contain noise"),
        (lambda: noise_covariance(np.full((2, 2, 64), np.nan + 0j)), "must be finite"),
        (lambda: noise_covariance(np.ones((2, 2, 1), complex)), "at least 8 points"),
        (lambda: noise_covariance(np.ones((2, 2, 64), complex), tail=0.8), "tail"),
    ],
)
def test_wrong_input_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.fixture(scope="module")
def raw_7t():
    folder = SHARED_DATA / "raw_7t_steam"
    if not folder.exists():
        pytest.skip("the raw data of a 7 T scan are not beside this checkout")
    nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")

    def load(name):
        data = np.squeeze(nifti_mrs.NIFTI_MRS(folder / f"{name}.nii.gz")[:])
        return data.astype(complex) if data.ndim == 1 else np.moveaxis(data, 0, -1)

    return load


def test_real_raw_data_give_the_spectrum_that_was_processed_by_others(raw_7t, measured):
    """The result of FSL-MRS was made from more transients than are here; its first point is cut off."""
    bandwidth_hz, frequency_mhz = 1 / 8.33e-5, 297.219948
    scan, result = raw_7t("metab_raw"), raw_7t("metab")
    covariance = noise_covariance(scan)
    combined = combine_coils(scan, coil_weights(raw_7t("wref_raw"), covariance))
    alignment = align_transients(combined, bandwidth_hz, frequency_mhz)
    fid = average(alignment.fids, outliers(alignment.fids, bandwidth_hz, frequency_mhz))
    eddy = raw_7t("ecc")[:, None]
    phase = np.angle(combine_coils(eddy, coil_weights(eddy, covariance))[0])
    fid = (fid * np.exp(-1j * phase))[1:]
    time = time_axis_s(len(fid), bandwidth_hz)
    ppm = ppm_axis(len(fid), bandwidth_hz, frequency_mhz)
    inside = (ppm > 0.5) & (ppm < 4.2)
    expected = fid_to_spectrum(result)[inside]
    best = 0.0
    for shift_hz in np.arange(-10, 10, 0.1):
        spectrum = fid_to_spectrum(fid * np.exp(2j * np.pi * shift_hz * time))[inside]
        spectrum *= np.exp(1j * np.angle(np.vdot(spectrum, expected)))
        best = max(best, np.corrcoef(spectrum.real, expected.real)[0, 1])
    measured(f"raw 7 T data: correlation {best:.4f} with the result of FSL-MRS from more transients")
    assert best >= 0.99


@pytest.mark.parametrize(
    ("weights_from", "others"),
    # The same measure of their outputs for the same files, aligned and averaged. Weights by water: FSL-MRS, and
    # augmentrum, which calls it. NAA comes from another place than water at 7 T, so augmentrum's "adaptive" weights,
    # not whitened, happen to be better here; those that the scan itself gives are better still.
    [("water", 61.1), ("scan", 71.0)],
)
def test_the_snr_of_real_raw_data_is_no_lower_than_that_of_other_programs(raw_7t, weights_from, others, measured):
    bandwidth_hz, frequency_mhz = 1 / 8.33e-5, 297.219948
    scan = raw_7t("metab_raw")
    reference = raw_7t("wref_raw") if weights_from == "water" else scan
    combined = combine_coils(scan, coil_weights(reference, noise_covariance(scan)))
    alignment = align_transients(combined, bandwidth_hz, frequency_mhz)
    spectrum = fid_to_spectrum(average(alignment.fids, outliers(alignment.fids, bandwidth_hz, frequency_mhz)))
    ppm = ppm_axis(len(spectrum), bandwidth_hz, frequency_mhz)
    height = np.abs(spectrum)[(ppm > 1.85) & (ppm < 2.15)].max()
    noise = spectrum.real[((ppm > -8) & (ppm < -1)) | ((ppm > 8) & (ppm < 15))]
    snr = height / (np.diff(noise, 2).std() / np.sqrt(6))  # second differences: without the tail of the water
    measured(f"raw 7 T data, coils weighted by the {weights_from}: SNR of NAA {snr:.1f}; other programs {others}")
    assert snr >= 0.97 * others
