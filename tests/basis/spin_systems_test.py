"""The spin systems as data, and how bad input is refused."""

import re
from pathlib import Path

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.basis import basis as basis_module
from mrs_keras.basis.spins.challenge_constants import CHALLENGE_SPIN_SYSTEMS
from mrs_keras.basis.spins.groups import Partner, SpinGroup
from mrs_keras.basis.spins.literature_constants import LITERATURE_SPIN_SYSTEMS, REFERENCES
from mrs_keras.basis.spins.simulation import simulate_basis, simulate_fid, simulate_press
from mrs_keras.basis.spins.systems import CONSTANTS, SPIN_SYSTEMS, spin_system

# Protons bound to carbon, from the sum formulas.
CARBON_PROTONS = {
    "Ace": 3, "Ala": 4, "Asc": 4, "Asp": 3, "Cr": 5, "GABA": 6, "GPC": 18, "GSH": 10, "Glc": 7, "Gln": 5, "Glu": 5,
    "Gly": 2, "Ins": 6, "Lac": 4, "NAA": 6, "NAAG": 11, "PCho": 13, "PCr": 5, "PE": 4, "Tau": 4, "sIns": 6,
}  # fmt: skip


@pytest.mark.parametrize("constants", sorted(CONSTANTS))
def test_every_metabolite_has_all_protons_bound_to_carbon(constants):
    protons = {name: system.protons for name, system in CONSTANTS[constants].items()}
    assert protons == pytest.approx(CARBON_PROTONS)


def test_every_literature_metabolite_names_its_source():
    for system in LITERATURE_SPIN_SYSTEMS.values():
        assert set(system.source.split(", ")) <= set(REFERENCES)


@pytest.mark.parametrize("name", [name for name, system in CHALLENGE_SPIN_SYSTEMS.items() if not system.note])
def test_challenge_without_a_note_is_close_to_the_literature(name):
    groups = zip(CHALLENGE_SPIN_SYSTEMS[name].groups, LITERATURE_SPIN_SYSTEMS[name].groups, strict=True)
    for challenge, literature in groups:
        np.testing.assert_allclose(challenge.shifts_ppm, literature.shifts_ppm, atol=0.02)
        assert challenge.couplings_hz == pytest.approx(literature.couplings_hz, abs=0.5)
        assert (challenge.count, challenge.partners) == (literature.count, literature.partners)


def test_default_constants_lie_on_the_axis_of_the_challenge_readme():
    native, stated = CHALLENGE_SPIN_SYSTEMS["NAA"].groups[0], spin_system("NAA").groups[0]
    assert (stated.shifts_ppm[0] - 4.65) * 123.2 == pytest.approx((native.shifts_ppm[0] - 4.65) * 123.2617, abs=1e-9)


def test_default_basis_of_simulate_basis_is_all_metabolites():
    assert simulate_basis(acquisition=Acquisition(points=1024)).names == tuple(SPIN_SYSTEMS)


def test_simulate_press_is_simulate_basis_with_press():
    settings = {"te1_ms": 14.0, "te2_ms": 58.0, "linewidth_hz": 3.0, "constants": "literature"}
    press = simulate_press(["GABA"], **settings)
    basis = simulate_basis(["GABA"], sequence="press", **settings)
    np.testing.assert_array_equal(press.fids, basis.fids)
    assert press.description == basis.description
    assert "TE1 14 ms, TE2 58 ms, Lorentzian linewidth 3 Hz, literature" in press.description


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"metabolites": ["NAA", "Unobtainium"]}, "Unknown `metabolite`.*'NAA'.*'Unobtainium'"),
        ({"metabolites": []}, "at least one metabolite name"),
        ({"metabolites": "NAA"}, "must be a list"),
        ({"te1_ms": 0.0}, "`te1_ms` must be a finite number above 0"),
        ({"te2_ms": -19.0}, "`te2_ms` must be a finite number above 0"),
        ({"linewidth_hz": 0.0}, "`linewidth_hz` must be a finite number above 0"),
        ({"linewidth_hz": float("inf")}, "`linewidth_hz` must be a finite number above 0"),
        ({"constants": "textbook"}, "Unknown `constants`.*'challenge', 'literature'"),
    ],
)
def test_bad_input_of_simulate_press_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate_press(**arguments)


def test_molecule_without_protons_is_refused():
    with pytest.raises(ValueError, match="at least one `SpinGroup`"):
        simulate_fid([])


def test_bad_linewidth_of_simulate_fid_is_refused():
    with pytest.raises(ValueError, match="linewidth_hz"):
        simulate_fid([SpinGroup((2.0,))], linewidth_hz=-1.0)


def test_proton_outside_the_bandwidth_is_refused():
    acquisition = Acquisition(bandwidth_hz=500.0, ppm_window=(3.0, 4.0))
    with pytest.raises(ValueError, match=r"Expected at least 651 Hz.*2\.00\d* ppm.*bandwidth_hz=500"):
        simulate_press(["NAA"], acquisition)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: SpinGroup((2.0, 3.0), {(1, 0): 7.0}), "i < j"),
        (lambda: SpinGroup((2.0, 3.0), {(0, 2): 7.0}), r"Received: \(0, 2\)"),
        (lambda: SpinGroup(()), "at least one proton"),
        (lambda: SpinGroup((2.0,), count=0), "`count` must be a finite number above 0"),
        (lambda: SpinGroup((2.0, 3.0), partners=(Partner(0.5, (6.0,)),)), "one coupling per proton"),
        (lambda: Partner(1.5, (6.0,)), "`spin` must be 0.5"),
    ],
)
def test_bad_spin_group_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_example_of_the_readme_gives_what_it_says():
    readme = Path(basis_module.__file__).with_name("README.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.+?)```", readme, re.DOTALL)
    names = {}
    exec(code, names)
    expected = code.splitlines()[-1].split("# ")[1]
    assert repr((names["basis"].names, names["basis"].fids.shape)) == expected
