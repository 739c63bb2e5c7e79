"""Quantum mechanics of coupled spins 1/2: the lines after a pulse sequence, and the sum of their signals.

The density matrix of one coupled group evolves under the strong-coupling Hamiltonian, in Hz,

    H = sum_i nu_i Iz_i + sum_(i<j) J_ij I_i . I_j

(Ernst, Bodenhausen and Wokaun, Principles of Nuclear Magnetic Resonance in One and Two Dimensions, 1987). In the
product basis `I_i . I_j` is `P_ij / 2` up to a constant, where `P_ij` exchanges the states of two spins; in the
eigenbasis of H a delay multiplies each element of the density matrix by a phase, and each element is a line.
"""

import functools
import itertools

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.basis.spins.groups import SpinGroup
from mrs_keras.basis.spins.sequences import PulseSequence

_SMALLEST_AMPLITUDE = 1e-12
"""Lines below this amplitude (1 for one proton) are rounding errors."""

_BLOCK_POINTS = 64


def group_lines(
    group: SpinGroup, spectrometer_frequency_mhz: float, sequence: PulseSequence
) -> tuple[np.ndarray, np.ndarray]:
    """Computes the lines of one coupled group.

    Args:
      group: the protons.
      spectrometer_frequency_mhz: f0, MHz.
      sequence: pulses, crushers and delays before the acquisition.

    Returns:
      float64 (lines,), frequency of each line above f0 in Hz, and complex128 (lines,), its amplitude at the start of
      the acquisition. One proton after a 90 degree pulse has the amplitude 1.
    """
    offsets_hz = (np.asarray(group.shifts_ppm) - PPM_REFERENCE) * spectrometer_frequency_mhz
    states = [np.arange(-partner.spin, partner.spin + 1) for partner in group.partners]
    frequencies, amplitudes = [], []
    for state in itertools.product(*states):  # of the partner nuclei, each equally likely
        split_hz = sum(
            (m * np.asarray(partner.couplings_hz) for m, partner in zip(state, group.partners, strict=True)),
            np.zeros(len(offsets_hz)),
        )
        lines = _lines(offsets_hz + split_hz, group.couplings_hz, sequence)
        frequencies.append(lines[0])
        amplitudes.append(lines[1] * group.count / np.prod([len(values) for values in states]))
    return np.concatenate(frequencies), np.concatenate(amplitudes)


def lines_to_signal(frequencies_hz: np.ndarray, amplitudes: np.ndarray, bandwidth_hz: float, points: int) -> np.ndarray:
    """Adds up undamped lines: `sum_k amplitudes_k exp(2 pi i frequencies_k n / bandwidth)`, n = 0, 1, ...

    Args:
      frequencies_hz: float (lines,), Hz.
      amplitudes: complex (lines,).
      bandwidth_hz: sampling rate, Hz.
      points: number of samples.

    Returns:
      complex128 (points,).
    """
    # n = start of the block + position in the block: a matrix product instead of an exponential per line and point.
    phases = 2j * np.pi * frequencies_hz / bandwidth_hz
    starts = np.arange(0, points, _BLOCK_POINTS)
    blocks = np.exp(np.outer(starts, phases)) * amplitudes
    return (blocks @ np.exp(np.outer(phases, np.arange(_BLOCK_POINTS)))).ravel()[:points]


def _lines(offsets_hz: np.ndarray, couplings_hz: dict, sequence: PulseSequence) -> tuple[np.ndarray, np.ndarray]:
    """Returns frequencies and amplitudes of the lines of protons at given offsets."""
    spins = len(offsets_hz)
    up = _product_states(spins)
    total_z = up.sum(axis=1) - spins / 2
    energies_hz, states = np.linalg.eigh(_hamiltonian(offsets_hz, couplings_hz, up))
    transitions_hz = energies_hz[:, None] - energies_hz[None, :]
    order = np.rint(total_z[:, None] - total_z[None, :])

    density = np.diag(total_z).astype(np.complex128)  # equilibrium, up to a factor
    for interval in sequence:
        pulse = _pulse(spins, interval.flip_deg, interval.axis)
        density = pulse @ density @ pulse.conj().T
        density = states.T @ np.where(order == interval.order, density, 0) @ states
        density = density * np.exp(-2j * np.pi * transitions_hz * interval.delay_s)
        density = states @ density @ states.T

    # The receiver sees tr(density (Ix + i Iy)).
    detector = states.T @ _raising(up, order) @ states
    amplitudes = (states.T @ density @ states) * detector.T * 2.0 ** (2 - spins)
    seen = np.abs(amplitudes) > _SMALLEST_AMPLITUDE
    return -transitions_hz[seen], amplitudes[seen]


def _product_states(spins: int) -> np.ndarray:
    """Returns for each product state which spins are up: int (2**spins, spins), in the order of `numpy.kron`."""
    numbers = np.arange(2**spins)
    return 1 - (numbers[:, None] >> np.arange(spins - 1, -1, -1) & 1)


def _hamiltonian(offsets_hz: np.ndarray, couplings_hz: dict, up: np.ndarray) -> np.ndarray:
    """Returns H in Hz, up to a constant: float64, real and symmetric, (2**spins, 2**spins)."""
    dimension, spins = up.shape
    hamiltonian = np.diag((up - 0.5) @ offsets_hz)
    numbers = np.arange(dimension)
    for (i, j), coupling_hz in couplings_hz.items():
        differ = (up[:, i] ^ up[:, j]) * (1 << (spins - 1 - i) | 1 << (spins - 1 - j))
        hamiltonian[numbers, numbers ^ differ] += coupling_hz / 2
    return hamiltonian


def _raising(up: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Returns the sum over spins of `Ix + i Iy`: 1 where one spin goes up and the others stay."""
    flips = (up[:, None, :] != up[None, :, :]).sum(axis=-1)
    return ((flips == 1) & (order == 1)).astype(np.float64)


@functools.lru_cache(maxsize=64)
def _pulse(spins: int, flip_deg: float, axis: str) -> np.ndarray:
    """Returns the rotation of all spins: complex128 (2**spins, 2**spins)."""
    half = np.deg2rad(flip_deg) / 2
    generator = {"x": np.array([[0, 1], [1, 0]]), "y": np.array([[0, -1j], [1j, 0]])}[axis]
    one = np.cos(half) * np.eye(2) - 1j * np.sin(half) * generator
    return functools.reduce(np.kron, [one] * spins)
