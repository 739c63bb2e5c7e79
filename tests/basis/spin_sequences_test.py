"""Pulse sequences against product-operator results that are known in closed form."""

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.basis.spins.groups import Partner, SpinGroup
from mrs_keras.basis.spins.sequences import SEQUENCES, make_sequence
from mrs_keras.basis.spins.simulation import simulate_fid

LINEWIDTH_HZ = 2.0
J_HZ = 7.0
# So high a field that a difference of 3 ppm is 3e6 times the coupling: the weak-coupling limit, exact to 1e-6.
WEAK = Acquisition(spectrometer_frequency_mhz=7e6, bandwidth_hz=4.2e8, points=256, ppm_window=(2.0, 4.0))
CLINICAL = Acquisition()


def damped(acquisition: Acquisition, signal_of_time) -> np.ndarray:
    times_s = np.arange(acquisition.points) / acquisition.bandwidth_hz
    return np.exp(-np.pi * LINEWIDTH_HZ * times_s) * signal_of_time(times_s)


def rotation(acquisition: Acquisition, shift_ppm: float, times_s: np.ndarray) -> np.ndarray:
    return np.exp(2j * np.pi * (shift_ppm - 4.65) * acquisition.spectrometer_frequency_mhz * times_s)


@pytest.mark.parametrize(
    ("sequence", "share"), [("pulse_acquire", 1.0), ("spin_echo", 1.0), ("press", 1.0), ("steam", 0.5)]
)
def test_singlet_keeps_its_signal_and_steam_half_of_it(sequence, share):
    fid = simulate_fid([SpinGroup((2.008,), count=3)], sequence=sequence)
    expected = damped(CLINICAL, lambda t: 3 * share * rotation(CLINICAL, 2.008, t))
    np.testing.assert_allclose(fid, expected, atol=1e-12)


@pytest.mark.parametrize("te_ms", [10.0, 72.0, 144.0, 288.0])
@pytest.mark.parametrize("sequence", ["spin_echo", "press"])
def test_weakly_coupled_doublets_are_modulated_by_cos_pi_j_te(sequence, te_ms):
    times = {"te_ms": te_ms} if sequence == "spin_echo" else {"te1_ms": 0.3 * te_ms, "te2_ms": 0.7 * te_ms}
    fid = simulate_fid([SpinGroup((4.1, 1.3), {(0, 1): J_HZ})], WEAK, sequence=sequence, **times)
    expected = damped(
        WEAK,
        lambda t: np.cos(np.pi * J_HZ * (te_ms / 1e3 + t)) * (rotation(WEAK, 4.1, t) + rotation(WEAK, 1.3, t)),
    )
    np.testing.assert_allclose(fid, expected, atol=1e-5)


def test_methyl_and_methine_of_lactate_are_inverted_at_one_over_j():
    group = SpinGroup((4.1, 1.3, 1.3, 1.3), {(0, 1): J_HZ, (0, 2): J_HZ, (0, 3): J_HZ})
    fid = simulate_fid([group], WEAK, sequence="spin_echo", te_ms=1e3 / J_HZ)
    expected = damped(
        WEAK,
        lambda t: (
            np.cos(np.pi * J_HZ * (1 / J_HZ + t)) ** 3 * rotation(WEAK, 4.1, t)
            + 3 * np.cos(np.pi * J_HZ * (1 / J_HZ + t)) * rotation(WEAK, 1.3, t)
        ),
    )
    np.testing.assert_allclose(fid, expected, atol=1e-5)


def test_strongly_coupled_pair_is_the_ab_quartet():
    shifts_ppm = (2.50, 2.60)
    fid = simulate_fid([SpinGroup(shifts_ppm, {(0, 1): J_HZ})], CLINICAL, sequence="pulse_acquire")
    f0_mhz = CLINICAL.spectrometer_frequency_mhz
    centre_hz, difference_hz = (np.mean(shifts_ppm) - 4.65) * f0_mhz, np.diff(shifts_ppm)[0] * f0_mhz
    root_hz = np.hypot(difference_hz, J_HZ)
    lines = [
        (centre_hz + outer * (root_hz + inner * J_HZ) / 2, (1 - inner * J_HZ / root_hz) / 2)
        for outer in (-1, 1)
        for inner in (-1, 1)
    ]
    expected = damped(CLINICAL, lambda t: sum(share * np.exp(2j * np.pi * hz * t) for hz, share in lines))
    np.testing.assert_allclose(fid, expected, atol=1e-12)


def test_equivalent_protons_are_a_singlet_whatever_their_coupling():
    coupled = simulate_fid([SpinGroup((3.0, 3.0), {(0, 1): -14.0})])
    np.testing.assert_allclose(coupled, simulate_fid([SpinGroup((3.0,), count=2)]), atol=1e-12)


@pytest.mark.parametrize("sequence", sorted(SEQUENCES))
def test_phosphorus_splits_lines_and_echoes_refocus_it(sequence):
    group = SpinGroup((3.98,), count=2, partners=(Partner(0.5, (7.25,)),))
    share = 0.5 if sequence == "steam" else 1.0
    expected = damped(CLINICAL, lambda t: 2 * share * np.cos(np.pi * 7.25 * t) * rotation(CLINICAL, 3.98, t))
    np.testing.assert_allclose(simulate_fid([group], sequence=sequence), expected, atol=1e-12)


def test_nitrogen_splits_a_line_into_three_equal_ones():
    fid = simulate_fid([SpinGroup((3.64,), partners=(Partner(1.0, (2.7,)),))])
    expected = damped(CLINICAL, lambda t: (1 + 2 * np.cos(2 * np.pi * 2.7 * t)) / 3 * rotation(CLINICAL, 3.64, t))
    np.testing.assert_allclose(fid, expected, atol=1e-12)


def test_sigma_of_a_group_is_a_gaussian_decay():
    fid = simulate_fid([SpinGroup((3.77,), sigma=10.0)])
    expected = damped(CLINICAL, lambda t: np.exp(-100 * t**2) * rotation(CLINICAL, 3.77, t))
    np.testing.assert_allclose(fid, expected, atol=1e-12)


def test_times_left_out_are_the_defaults():
    sequence, times_ms = make_sequence("press", {"te2_ms": 109.0})
    assert times_ms == {"te1_ms": 11.0, "te2_ms": 109.0}
    assert [interval.delay_s for interval in sequence] == pytest.approx([0.0055, 0.060, 0.0545])


@pytest.mark.parametrize(
    ("sequence", "times_ms", "message"),
    [
        ("slaser", {}, "Unknown `sequence`.*'press', 'steam'.*'slaser'"),
        ("steam", {"te1_ms": 10.0}, "no such time.*te_ms, tm_ms.*te1_ms"),
        ("pulse_acquire", {"te_ms": 10.0}, "Expected: none"),
        ("press", {"te1_ms": 0.0}, "`te1_ms` must be a finite number above 0"),
        ("spin_echo", {"te_ms": -30.0}, "`te_ms` must be a finite number above 0"),
        ("steam", {"tm_ms": float("nan")}, "`tm_ms` must be a finite number above 0"),
        ("press", {"te2_ms": "19"}, "`te2_ms` must be a finite number above 0"),
    ],
)
def test_bad_sequence_is_refused(sequence, times_ms, message):
    with pytest.raises(ValueError, match=message):
        make_sequence(sequence, times_ms)
