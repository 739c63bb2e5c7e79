"""The simulated basis against the basis spectra of the 2016 ISMRM fitting challenge.

`python -m pytest tests/basis/spin_challenge_test.py -rP` prints the table that `mrs_keras/basis/README.md` shows.
"""

import functools
from pathlib import Path

import numpy as np
import pytest
import scipy.optimize

from mrs_keras import Acquisition
from mrs_keras.basis import basis as basis_module
from mrs_keras.basis.default import default_basis
from mrs_keras.basis.spins.challenge_constants import CHALLENGE_FREQUENCY_MHZ, CHALLENGE_SPIN_SYSTEMS
from mrs_keras.basis.spins.literature_constants import LITERATURE_SPIN_SYSTEMS
from mrs_keras.basis.spins.simulation import simulate_basis, simulate_fid, simulate_press
from mrs_keras.basis.spins.systems import SPIN_SYSTEMS

README = Path(basis_module.__file__).with_name("README.md")
CHALLENGE_AXIS = Acquisition(spectrometer_frequency_mhz=CHALLENGE_FREQUENCY_MHZ)


def relative_error(fid: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(fid - reference) / np.linalg.norm(reference))


def relative_error_but_for_a_shift(fid: np.ndarray, reference: np.ndarray) -> float:
    times_s = np.arange(len(fid)) / CHALLENGE_AXIS.bandwidth_hz

    def error(shift_hz: float) -> float:
        return relative_error(fid * np.exp(2j * np.pi * shift_hz * times_s), reference)

    return scipy.optimize.minimize_scalar(error, bounds=(-1.5, 1.5), method="bounded").fun


@pytest.fixture(scope="module")
def challenge_fid(challenge_dir):
    """Reads a metabolite of the challenge without reference peak; the files hold the conjugate of our convention."""

    @functools.cache
    def read(name: str) -> np.ndarray:
        real, imaginary = np.loadtxt(challenge_dir / "basisset_text_noTMS" / f"{name}.txt", unpack=True)
        return real - 1j * imaginary

    return read


def test_challenge_set_is_all_metabolites_of_the_challenge(challenge_dir):
    files = {path.stem for path in (challenge_dir / "basisset_text_noTMS").glob("*.txt")}
    assert set(SPIN_SYSTEMS) == set(LITERATURE_SPIN_SYSTEMS) == files - {"Mac"}
    assert len(SPIN_SYSTEMS) == 21


@pytest.mark.parametrize("name", sorted(SPIN_SYSTEMS))
def test_simulated_metabolite_agrees_with_the_challenge(name, challenge_fid, measured):
    error = relative_error(simulate_basis([name]).fids[:, 0], challenge_fid(name))
    measured(f"{name} simulated, beside the fitting challenge: {error:.1e}")
    assert error < 2e-6


@pytest.mark.parametrize("name", ["NAA", "PCr"])
def test_embedded_basis_agrees_with_the_challenge(name, challenge_fid, measured):
    error = relative_error(default_basis().select([name]).fids[:, 0], challenge_fid(name))
    measured(f"{name} of the embedded basis, beside the fitting challenge: {error:.1e}")
    assert error < 1e-5


def test_embedded_basis_is_what_simulate_press_gives():
    embedded = default_basis()
    simulated = simulate_press(embedded.names, embedded.acquisition)
    assert relative_error(simulated.fids, embedded.fids) < 1e-12


@pytest.mark.parametrize("name", sorted(CHALLENGE_SPIN_SYSTEMS))
def test_challenge_was_simulated_at_the_frequency_of_its_basis_file(name, challenge_fid):
    """Shifts of four decimals at the frequency of the .BASIS file leave only the rounding of the text files."""
    system = CHALLENGE_SPIN_SYSTEMS[name]
    assert all(shift == round(shift, 4) for group in system.groups for shift in group.shifts_ppm)
    assert relative_error(simulate_fid(system.groups, CHALLENGE_AXIS), challenge_fid(name)) < 2e-6


def test_readme_table_is_true(challenge_fid):
    lines = README.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]
    table = {row[0]: row[1:] for row in rows if row and row[0] in SPIN_SYSTEMS}
    assert set(table) == set(SPIN_SYSTEMS)
    for name, cells in table.items():
        system, reference = SPIN_SYSTEMS[name], challenge_fid(name)
        literature = simulate_basis([name], CHALLENGE_AXIS, constants="literature").fids[:, 0]
        errors = (
            relative_error(simulate_basis([name]).fids[:, 0], reference),
            relative_error(literature, reference),
            relative_error_but_for_a_shift(literature, reference),
        )
        words = (f"{system.protons:g}", f"{system.largest_group}")
        texts = (LITERATURE_SPIN_SYSTEMS[name].source, system.note)
        print("|", " | ".join([name, *words, *(f"{error:.2g}" for error in errors), *texts]), "|")
        assert [*cells[:2], *cells[5:]] == [*words, *texts]
        np.testing.assert_allclose([float(cell) for cell in cells[2:5]], errors, rtol=0.1, atol=2e-7)
