import numpy as np
import pytest

from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.bands import band_bins, in_band, turn_back
from mrs_keras.simulation import fid_to_spectrum, residual_water
from tests.measured.simulated_transients import brain, white_noise


def drifting(signal, transients, drift_hz, key):
    """Shifts and phases: a linear drift with jitter, random phases. Relative to their mean, as they are found."""
    jitter = white_noise((transients,), "jitter", key)
    shift = np.linspace(-drift_hz / 2, drift_hz / 2, transients) + jitter.real
    return shift - shift.mean(), 0.5 * jitter.imag


def errors(alignment, shift, phase):
    """Errors of shifts (Hz) and phases (rad); a phase common to all transients cannot be seen."""
    off = np.angle(np.exp(1j * (alignment.phase_rad - phase)))
    return np.stack([alignment.shift_hz - shift, np.angle(np.exp(1j * (off - np.angle(np.exp(1j * off).sum()))))])


@pytest.mark.parametrize(("snr", "allowed"), [(5, 1.45), (10, 1.3), (50, 1.3)])
@pytest.mark.parametrize("transients", [16, 64])
def test_shift_and_phase_are_near_the_cramer_rao_bound(snr, allowed, transients, measured):
    ratios = []
    for number in range(3):
        signal = brain(number)
        sigma = signal.naa_height() / snr
        found = []
        for repetition in range(192 // transients):
            shift, phase = drifting(signal, transients, 12.0, repetition)
            noise = sigma * white_noise((transients, len(signal.fid)), number, repetition, "noise")
            alignment = align_transients(signal.transients(shift, phase) + noise, *signal.arguments)
            found.append(errors(alignment, shift, phase))
        ratios.append(np.sqrt(np.mean(np.square(found), axis=(0, 2))) / signal.bound(sigma))
    measured(f"alignment, SNR {snr}, {transients} transients: rms / bound of shift and phase {np.round(ratios, 2)}")
    assert np.max(ratios) < allowed


def test_the_signs_are_those_of_the_documentation():
    signal = brain()
    shift, phase = np.array([3.0, -1.0, -2.0]), np.array([0.3, -0.2, -0.1])
    alignment = align_transients(signal.transients(shift, phase), *signal.arguments)
    np.testing.assert_allclose(alignment.shift_hz, shift, atol=1e-3)
    np.testing.assert_allclose(alignment.phase_rad, phase, atol=2e-3)  # relative to the circular mean
    np.testing.assert_allclose(alignment.fids, np.tile(signal.fid, (3, 1)), atol=2e-3 * abs(signal.fid[0]))
    # Positive is to higher ppm: the peak of the first transient lies at a higher frequency than that of the last.
    peaks = np.argmax(np.abs(fid_to_spectrum(signal.transients(shift * 5, phase))), axis=1)
    assert peaks[0] > peaks[2]


@pytest.mark.parametrize("transients", [2, 3, 5])
def test_few_transients_are_aligned(transients):
    signal = brain(2)
    sigma = signal.naa_height() / 20
    shift, phase = drifting(signal, transients, 8.0, "few")
    noise = sigma * white_noise((transients, len(signal.fid)), "few")
    found = errors(align_transients(signal.transients(shift, phase) + noise, *signal.arguments), shift, phase)
    assert np.all(np.abs(found) < 5 * signal.bound(sigma)[:, None])


def test_a_large_drift_under_unstable_residual_water_is_found():
    signal = brain(2)
    sigma = signal.naa_height() / 20
    shift, phase = drifting(signal, 32, 30.0, "large")
    random = white_noise((32, 1), "water")
    water = residual_water(
        signal.time_s,
        height=10 * signal.naa_height() * (1 + 0.3 * random.real),
        shift_hz=np.zeros((32, 1)),
        gamma=np.full((32, 1), 20.0),
        sigma=np.full((32, 1), 10.0),
        phase=random.imag,
    )
    clean = signal.transients(shift, phase)
    fids = clean + water * clean / signal.fid + sigma * white_noise(clean.shape, "large")
    found = errors(align_transients(fids, *signal.arguments), shift, phase)
    bound = signal.bound(sigma)
    # The tail of the water reaches into the band: several times the bound, and far below the line width of 5 Hz.
    assert np.sqrt(np.mean(found[0] ** 2)) < 6 * bound[0] < 0.5


def test_corrupted_transients_do_not_disturb_the_others():
    signal = brain(2)
    sigma = signal.naa_height() / 20
    shift, phase = drifting(signal, 16, 6.0, "corrupted")
    fids = signal.transients(shift, phase)
    fids[3] = 5 * fids[3] * np.exp(-60 * signal.time_s) * np.exp(40j * signal.time_s)
    fids[9] *= 0.0
    fids += sigma * white_noise(fids.shape, "corrupted")
    good = ~np.isin(np.arange(16), [3, 9])
    alignment = align_transients(fids, *signal.arguments)
    off = errors(alignment, shift, phase)[:, good]
    off -= off.mean(axis=1, keepdims=True)
    assert np.all(np.sqrt(np.mean(off**2, axis=1)) < 1.5 * signal.bound(sigma))


def test_the_input_is_not_changed_and_one_transient_stays_as_it_is():
    signal = brain()
    fids = signal.transients([1.0, -1.0], [0.1, 0.2])
    before = fids.copy()
    align_transients(fids, *signal.arguments)
    np.testing.assert_array_equal(fids, before)
    alone = align_transients(fids[:1], *signal.arguments)
    np.testing.assert_array_equal(alone.fids, fids[:1])
    assert alone.shift_hz == [0.0]
    assert alone.phase_rad == [0.0]
    silent = align_transients(np.zeros((3, 256), complex), *signal.arguments)
    assert not silent.fids.any()
    assert not silent.shift_hz.any()


def test_transients_without_any_signal_give_finite_results():
    alignment = align_transients(white_noise((16, 1024), "no signal"), 2000.0, 123.2)
    assert np.isfinite(alignment.fids).all()
    assert np.isfinite(alignment.shift_hz).all()
    assert np.abs(alignment.phase_rad).max() <= np.pi


def test_turning_back_is_multiplication_by_the_phase():
    fids = white_noise((3, 101), "turn")
    shift, phase = np.array([3.0, -20.0, 0.0]), np.array([0.5, -3.0, 1.0])
    expected = fids * np.exp(-1j * (phase[:, None] + 2 * np.pi * shift[:, None] * np.arange(101) / 2000.0))
    np.testing.assert_allclose(turn_back(fids, shift, phase, 2000.0), expected, rtol=1e-12)


def test_a_band_keeps_its_signal_and_white_noise_white():
    time = np.arange(2000) / 2000.0
    inside, outside = np.exp((-2j * np.pi * 200 - 20) * time), np.exp((2j * np.pi * 300 - 20) * time)
    bins = band_bins(2000, 2000.0, 123.2, (1.8, 4.2))
    (kept, removed), rate_hz = in_band(np.stack([inside, outside]), bins, 2000.0)
    assert rate_hz == pytest.approx(2.4 * 123.2, rel=0.01)
    assert np.linalg.norm(removed) < 0.05 * np.linalg.norm(kept)
    noise, _ = in_band(white_noise((200, 2000), "white"), bins, 2000.0)
    lag = np.vdot(noise[:, :-1], noise[:, 1:]).real / np.vdot(noise, noise).real
    assert abs(lag) < 0.02


@pytest.mark.parametrize(
    ("fids", "options", "message"),
    [
        (np.ones((4, 3, 64), complex), {}, "Combine the coils first"),
        (np.ones((3, 64)), {}, "must be complex"),
        (np.full((3, 64), np.nan + 0j), {}, "must be finite"),
        (np.ones((3, 64), complex), {"band_ppm": (4.2, 1.8)}, "band_ppm"),
        (np.ones((3, 1024), complex), {"band_ppm": (1.8, 40.0)}, "inside the spectrum"),
        (np.ones((3, 1024), complex), {"largest_shift_ppm": 0.0}, "largest_shift_ppm"),
    ],
)
def test_wrong_input_is_refused(fids, options, message):
    with pytest.raises(ValueError, match=message):
        align_transients(fids, 2000.0, 123.2, **options)
