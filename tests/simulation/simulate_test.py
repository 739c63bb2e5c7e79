import numpy as np
import pytest

from mrs_keras import Prior, default_basis, simulate
from mrs_keras.simulation import blocks, channels_to_complex, complex_to_channels, forward_model

BASIS, PRIOR = default_basis(), Prior.from_preset("naa_pcr")
PARAMETERS = PRIOR.draw(BASIS, 0, 70, seed=0)


def test_spectra_are_those_of_the_forward_model_in_the_window():
    expected = forward_model(PARAMETERS, BASIS.scaled())[:, BASIS.acquisition.window]
    np.testing.assert_array_equal(simulate(PARAMETERS, BASIS, dtype=np.complex128), expected)
    single = simulate(PARAMETERS, BASIS)
    assert single.dtype == np.complex64
    assert np.linalg.norm(single - expected) / np.linalg.norm(expected) < 1e-6


@pytest.mark.parametrize("noise", [{}, {"snr": 30.0, "seed": 5}, {"noise_sigma": 2.0}])
def test_a_spectrum_has_the_same_bytes_in_any_batch(noise):
    together = simulate(PARAMETERS, BASIS, **noise)
    for size in (1, 7, 64):
        apart = [simulate(PARAMETERS[i : i + size], BASIS, start=i, **noise) for i in range(0, 70, size)]
        assert np.concatenate(apart).tobytes() == together.tobytes()


@pytest.mark.parametrize(("cores", "block_bytes"), [(1, 2**14), (3, 2**17), (2, 2**30)])
def test_a_spectrum_has_the_same_bytes_on_any_number_of_cores(monkeypatch, cores, block_bytes):
    parameters = PRIOR.draw(BASIS, 0, 150, seed=1)
    expected = simulate(parameters, BASIS, snr=30.0)
    monkeypatch.setattr(blocks, "cores", lambda: cores)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", block_bytes)
    assert simulate(parameters, BASIS, snr=30.0).tobytes() == expected.tobytes()


def test_blocks_are_all_rows_once():
    for rows in (0, 1, 31, 64, 1000):
        counts = np.zeros(rows, int)
        blocks.for_each_block(lambda block, counts=counts: counts.__setitem__(block, counts[block] + 1), rows, 2**15)
        np.testing.assert_array_equal(counts, 1)


def test_an_error_in_a_thread_reaches_the_caller():
    def work(block):
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        blocks.for_each_block(work, 1000, 2**15)


def test_noise_has_the_sigma_asked_for_in_each_part():
    noise = simulate(PARAMETERS, BASIS, noise_sigma=3.0, dtype=np.complex128) - simulate(
        PARAMETERS, BASIS, dtype=np.complex128
    )
    # 17,640 numbers each: a relative standard error of 0.5 %.
    assert noise.real.std() == pytest.approx(3.0, rel=0.025)
    assert noise.imag.std() == pytest.approx(3.0, rel=0.025)
    assert abs(np.mean(noise.real * noise.imag)) < 9 * 5 / np.sqrt(noise.size)


def test_snr_is_the_tallest_point_over_the_noise_of_the_real_part():
    clean = simulate(PARAMETERS, BASIS, dtype=np.complex128)
    noisy = simulate(PARAMETERS, BASIS, snr=20.0, dtype=np.complex128)
    without_baseline = type(PARAMETERS)(**{**vars(PARAMETERS), "baseline": None})
    heights = np.abs(simulate(without_baseline, BASIS, dtype=np.complex128)).max(axis=1)
    ratios = heights / (noisy - clean).real.std(axis=1)
    assert np.mean(ratios) == pytest.approx(20.0, rel=0.03)


def test_noise_can_differ_from_spectrum_to_spectrum():
    sigma = np.linspace(0, 5, len(PARAMETERS))
    noisy = simulate(PARAMETERS, BASIS, noise_sigma=sigma)
    np.testing.assert_array_equal(noisy[0], simulate(PARAMETERS, BASIS)[0])


def test_channels_hold_real_and_imaginary_part():
    spectra = simulate(PARAMETERS, BASIS)
    channels = complex_to_channels(spectra)
    assert channels.shape == (70, 252, 2)
    assert channels.dtype == np.float32
    np.testing.assert_array_equal(channels[..., 1], spectra.imag)
    np.testing.assert_array_equal(channels_to_complex(channels), spectra)


@pytest.mark.parametrize(
    "noise",
    [
        {"noise_sigma": -1.0},
        {"snr": 0.0},
        {"snr": np.nan},
        {"noise_sigma": [1.0, 2.0]},
        {"snr": 1.0, "noise_sigma": 1.0},
    ],
)
def test_noise_out_of_range_is_refused(noise):
    with pytest.raises(ValueError, match="`(noise_sigma|snr)`"):
        simulate(PARAMETERS, BASIS, **noise)
