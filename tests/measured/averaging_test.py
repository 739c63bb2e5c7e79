import numpy as np
import pytest

from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.averaging import average, outliers
from tests.measured.simulated_transients import brain, white_noise


@pytest.mark.parametrize("transients", [4, 8, 32])
@pytest.mark.parametrize("arguments", [(), (2000.0, 123.2)])
def test_white_noise_is_not_rejected(transients, arguments, measured):
    noise = white_noise((640 // transients, transients, 1024), "noise", transients)
    rejected = np.mean([~outliers(scan, *arguments) for scan in noise])
    measured(f"outliers in white noise, {transients} transients: {rejected:.2%} rejected")
    assert rejected <= 0.01


@pytest.mark.parametrize("snr", [10, 50])
def test_corrupted_transients_are_found_and_no_others(snr):
    signal = brain()
    fids = signal.transients(np.linspace(-2, 2, 32), np.linspace(-0.5, 0.5, 32))
    fids[2] *= 0.4
    fids[7] *= np.exp(-60 * signal.time_s)
    lipid_hz = (1.3 - 4.65) * signal.frequency_mhz
    fids[11] += 3 * abs(signal.fid[0]) * np.exp((2j * np.pi * lipid_hz - 60) * signal.time_s)
    fids[20] = 0.0
    fids += signal.naa_height() / snr * white_noise(fids.shape, "corrupted")
    kept = outliers(align_transients(fids, *signal.arguments).fids, *signal.arguments)
    assert np.flatnonzero(~kept).tolist() == [2, 7, 11, 20]


def test_a_harmless_difference_is_kept():
    signal = brain()
    fids = signal.transients(np.zeros(16), np.zeros(16)) + 1e-3 * signal.naa_height() * white_noise((16, 2048), "small")
    fids[5] *= 1.05
    assert outliers(fids, *signal.arguments).all()
    assert np.flatnonzero(~outliers(fids, *signal.arguments, least_change=0.01)).tolist() == [5]


def test_never_more_than_the_stated_fraction_is_rejected():
    signal = brain()
    fids = signal.transients(np.zeros(16), np.zeros(16)) + 0.02 * signal.naa_height() * white_noise((16, 2048), "many")
    fids[:7] *= np.linspace(0.0, 0.4, 7)[:, None]
    assert np.flatnonzero(~outliers(fids, *signal.arguments)).tolist() == [0, 1, 2, 3]
    assert np.count_nonzero(~outliers(fids, *signal.arguments, most=0.5)) == 7
    assert outliers(fids, *signal.arguments, most=0.0).all()


def test_few_transients_and_zeros_are_kept():
    assert outliers(white_noise((3, 256), "three")).tolist() == [True] * 3
    assert outliers(np.zeros((8, 256), complex)).all()


def test_the_average_is_the_mean_of_the_kept_transients():
    fids = white_noise((5, 64), "mean")
    kept = np.array([True, False, True, True, False])
    np.testing.assert_allclose(average(fids), fids.sum(axis=0) / 5)
    np.testing.assert_allclose(average(fids, kept), (fids[0] + fids[2] + fids[3]) / 3)


@pytest.mark.parametrize("kept", [np.zeros(5, bool), np.ones(4, bool), np.ones(5)])
def test_kept_must_be_one_bool_per_transient(kept):
    with pytest.raises(ValueError, match="one bool per transient"):
        average(np.ones((5, 8), complex), kept)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threshold": 0.0}, "threshold"),
        ({"most": 1.0}, "fractions"),
        ({"least_change": -0.1}, "fractions"),
        ({"bandwidth_hz": 2000.0}, "together"),
    ],
)
def test_wrong_settings_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        outliers(np.ones((5, 64), complex), **options)
