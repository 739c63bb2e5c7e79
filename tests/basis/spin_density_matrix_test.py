"""The density matrix against brute force: matrix exponentials, and crushers as averages over dephasing angles."""

import functools
import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st

from mrs_keras import Acquisition
from mrs_keras.basis.spins.density_matrix import lines_to_signal
from mrs_keras.basis.spins.groups import SpinGroup
from mrs_keras.basis.spins.simulation import simulate_basis, simulate_fid
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS

SHORT = Acquisition(points=48, bandwidth_hz=1250.0, ppm_window=(3.0, 4.0))
TIMES_MS = {
    "pulse_acquire": {},
    "spin_echo": {"te_ms": 33.0},
    "press": {"te1_ms": 11.0, "te2_ms": 19.0},
    "steam": {"te_ms": 21.0, "tm_ms": 13.0},
}
PAULI = {
    "x": np.array([[0, 0.5], [0.5, 0]]),
    "y": np.array([[0, -0.5j], [0.5j, 0]]),
    "z": np.array([[0.5, 0], [0, -0.5]]),
}

shifts = st.lists(st.floats(0.5, 5.0), min_size=1, max_size=4)
couplings = st.floats(-16.0, 16.0)


@st.composite
def spin_groups(draw) -> SpinGroup:
    shifts_ppm = tuple(draw(shifts))
    pairs = itertools.combinations(range(len(shifts_ppm)), 2)
    return SpinGroup(shifts_ppm, {pair: draw(couplings) for pair in pairs})


def spin_operator(axis: str, spin: int, spins: int) -> np.ndarray:
    return functools.reduce(np.kron, [PAULI[axis] if i == spin else np.eye(2) for i in range(spins)])


def brute_force_fid(group: SpinGroup, sequence: str) -> np.ndarray:
    """Plays a sequence with explicit gradients, averaged over their strength, and samples it point by point."""
    spins = len(group.shifts_ppm)
    each = {axis: [spin_operator(axis, i, spins) for i in range(spins)] for axis in "xyz"}
    total = {axis: sum(operators) for axis, operators in each.items()}
    hamiltonian = sum(
        (ppm - 4.65) * SHORT.spectrometer_frequency_mhz * iz
        for ppm, iz in zip(group.shifts_ppm, each["z"], strict=True)
    )
    for (i, j), coupling_hz in group.couplings_hz.items():
        hamiltonian = hamiltonian + coupling_hz * sum(each[axis][i] @ each[axis][j] for axis in "xyz")

    def turned(density, operator, angle):
        propagator = scipy.linalg.expm(-1j * angle * operator)
        return propagator @ density @ propagator.conj().T

    def evolved(density, delay_ms):
        return turned(density, hamiltonian, 2 * np.pi * delay_ms / 1e3)

    density = turned(total["z"].astype(complex), total["y"], np.pi / 2)
    # More angles than twice the highest order: the average over them is that over a full turn.
    angles = 2 * np.pi * np.arange(2 * spins + 2) / (2 * spins + 2)
    match sequence, TIMES_MS[sequence]:
        case "spin_echo", {"te_ms": te}:
            density = evolved(turned(evolved(density, te / 2), total["x"], np.pi), te / 2)
        case "press", {"te1_ms": te1, "te2_ms": te2}:
            density = turned(evolved(density, te1 / 2), total["x"], np.pi)
            density = evolved(turned(evolved(density, (te1 + te2) / 2), total["x"], np.pi), te2 / 2)
        case "steam", {"te_ms": te, "tm_ms": tm}:
            runs = []
            for echo_gradient, mixing_gradient in itertools.product(angles, angles):
                run = turned(evolved(density, te / 2), total["z"], echo_gradient)
                run = turned(evolved(turned(run, total["x"], np.pi / 2), tm), total["z"], mixing_gradient)
                runs.append(turned(evolved(turned(run, total["x"], np.pi / 2), te / 2), total["z"], echo_gradient))
            density = np.mean(runs, axis=0)
    dwell = scipy.linalg.expm(-2j * np.pi * hamiltonian / SHORT.bandwidth_hz)
    fid = []
    for point in range(SHORT.points):
        decay = np.exp(-np.pi * 2.0 * point / SHORT.bandwidth_hz)
        fid.append(decay * np.trace(density @ (total["x"] + 1j * total["y"])) * 2.0 ** (2 - spins))
        density = dwell @ density @ dwell.conj().T
    return np.array(fid)


@pytest.mark.parametrize("sequence", sorted(TIMES_MS))
@settings(max_examples=15, deadline=None)
@given(group=spin_groups())
def test_signal_is_that_of_brute_force(sequence, group):
    fid = simulate_fid([group], SHORT, sequence=sequence, **TIMES_MS[sequence])
    np.testing.assert_allclose(fid, brute_force_fid(group, sequence), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(group=spin_groups(), order=st.randoms(use_true_random=False))
def test_order_of_the_spins_does_not_matter(group, order):
    places = list(range(len(group.shifts_ppm)))
    order.shuffle(places)
    shuffled = SpinGroup(
        tuple(group.shifts_ppm[place] for place in places),
        {
            (i, j): group.couplings_hz[tuple(sorted((places[i], places[j])))]
            for i, j in itertools.combinations(range(len(places)), 2)
        },
    )
    np.testing.assert_allclose(simulate_fid([shuffled], SHORT), simulate_fid([group], SHORT), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(group=spin_groups())
def test_spectrum_mirrored_about_the_carrier_is_the_conjugate_signal(group):
    mirrored = SpinGroup(tuple(2 * 4.65 - ppm for ppm in group.shifts_ppm), group.couplings_hz)
    np.testing.assert_allclose(simulate_fid([mirrored], SHORT), simulate_fid([group], SHORT).conj(), atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(first=spin_groups(), second=spin_groups())
def test_signals_of_groups_add_up(first, second):
    separate = simulate_fid([first], SHORT) + simulate_fid([second], SHORT)
    np.testing.assert_allclose(simulate_fid([first, second], SHORT), separate, atol=1e-9)


@settings(max_examples=25, deadline=None)
@given(group=spin_groups())
def test_protons_without_couplings_are_singlets(group):
    uncoupled = SpinGroup(group.shifts_ppm)
    singlets = [SpinGroup((ppm,)) for ppm in group.shifts_ppm]
    np.testing.assert_allclose(simulate_fid([uncoupled], SHORT), simulate_fid(singlets, SHORT), atol=1e-9)


@pytest.mark.parametrize("constants", ["challenge", "literature"])
def test_first_point_after_a_pulse_is_the_number_of_protons(constants):
    basis = simulate_basis(sequence="pulse_acquire", constants=constants)
    protons = [SPIN_SYSTEMS[name].protons for name in basis.names]
    np.testing.assert_allclose(basis.fids[0], protons, atol=1e-9)


@pytest.mark.parametrize("frequency_mhz", [63.9, 127.7, 297.2, 400.0])
def test_peaks_keep_their_ppm_at_any_field(frequency_mhz):
    acquisition = Acquisition(frequency_mhz, bandwidth_hz=20 * frequency_mhz, points=16384)
    fid = simulate_basis(["NAA"], acquisition, linewidth_hz=0.5).fids[:, 0]
    spectrum = np.fft.fftshift(np.fft.fft(fid)).real
    ppm = 4.65 + np.fft.fftshift(np.fft.fftfreq(acquisition.points, 1 / acquisition.bandwidth_hz)) / frequency_mhz
    assert ppm[np.argmax(spectrum)] == pytest.approx(SPIN_SYSTEMS["NAA"].groups[0].shifts_ppm[0], abs=0.002)


def test_half_the_bandwidth_samples_every_second_point():
    wide = simulate_basis(["Glu"]).fids[:, 0]
    narrow = simulate_basis(["Glu"], Acquisition(bandwidth_hz=2000.0, points=700)).fids[:, 0]
    np.testing.assert_allclose(narrow, wide[: 2 * 700 : 2], atol=1e-10)


@given(
    lines=st.lists(st.tuples(st.floats(-2000, 2000), st.floats(-1, 1)), min_size=1, max_size=5),
    points=st.integers(1, 300),
)
def test_lines_add_up_to_a_sum_of_exponentials(lines, points):
    frequencies_hz, amplitudes = np.array(lines).T
    expected = np.exp(2j * np.pi * np.outer(np.arange(points) / 4000.0, frequencies_hz)) @ amplitudes
    np.testing.assert_allclose(lines_to_signal(frequencies_hz, amplitudes, 4000.0, points), expected, atol=1e-9)
