"""Other laboratories' names of metabolites."""

from pathlib import Path

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis, simulate_basis
from mrs_keras.basis import METABOLITE_ALIASES, SPIN_SYSTEMS, aliases, check_basis


def basis_of(*names: str) -> Basis:
    fids = np.arange(4 * len(names)).reshape(4, len(names)) + 1.0
    return Basis(names, fids, Acquisition(100.0, 2000.0, 4, (-3.0, 10.0)))


@pytest.mark.parametrize(
    ("canonical", "alias"),
    [
        *(("Ins", alias) for alias in ("mI", "mIns", "myo-Ins", "Myo", "INS", "myo-inositol")),
        *(("sIns", alias) for alias in ("sI", "Scyllo", "scyllo-Ins")),
        *(("PCho", alias) for alias in ("PCh", "pcho", "Phosphocholine")),
        ("Glc", "bGlc"),
        ("Cr", "Cre"),
        ("GABA", "Gaba"),
        ("PE", "PEth"),
        ("Ace", "Act"),
    ],
)
def test_a_metabolite_is_found_under_its_aliases_and_called_as_asked(canonical, alias):
    for held, asked in ((alias, canonical), (canonical, alias)):
        selected = basis_of("Lac", held, "NAA").select([asked, "Lac"])
        assert selected.names == (asked, "Lac")
        np.testing.assert_array_equal(selected.fids, basis_of("Lac", held, "NAA").fids[:, [1, 0]])


def test_the_very_name_wins_over_aliases():
    basis = basis_of("mI", "Ins", "mIns")
    np.testing.assert_array_equal(basis.select(["Ins"]).fids, basis.fids[:, 1:2])
    np.testing.assert_array_equal(basis.select(["mIns"]).fids, basis.fids[:, 2:])


def test_two_aliases_of_one_name_are_ambiguous():
    with pytest.raises(
        ValueError, match=r"'Ins' is ambiguous.*Received: 'mI' and 'mIns'\. Use the exact name of one of them"
    ):
        basis_of("mI", "NAA", "mIns").select(["Ins"])


def test_one_signal_under_two_names_is_refused():
    with pytest.raises(ValueError, match=r"Received: 'Ins' and 'mI', both of which are 'myo-Ins' in the basis"):
        basis_of("myo-Ins", "NAA").select(["Ins", "mI"])
    with pytest.raises(ValueError, match="must differ from each other"):
        basis_of("NAA", "Cr").select(["NAA", "NAA"])


@pytest.mark.parametrize("name", ["Cho", "tCr", "MM", "aGlc", "NAAG", "XYZ", ""])
def test_what_is_no_alias_is_not_found(name):
    with pytest.raises(ValueError, match="Unknown `metabolite`"):
        basis_of("NAA", "GPC", "PCho", "Cr", "PCr", "Glc", "MM09").select([name])


def test_every_metabolite_of_the_challenge_has_its_place_and_no_name_has_two():
    assert set(METABOLITE_ALIASES) == set(SPIN_SYSTEMS)
    names = [name.lower() for canonical, aliases in METABOLITE_ALIASES.items() for name in (canonical, *aliases)]
    assert len(set(names)) == len(names)


def test_the_readme_shows_the_table_of_aliases():
    readme = Path(aliases.__file__).with_name("README.md").read_text(encoding="utf-8")
    for name, others in METABOLITE_ALIASES.items():
        assert not others or f"\n| {', '.join(others)} | {name} |\n" in readme


def test_the_check_knows_landmarks_by_their_aliases():
    basis = simulate_basis(["NAA", "Cr", "PCho"])
    renamed = Basis(("naa", "Cre", "PCh"), basis.fids, basis.acquisition)
    assert [landing.metabolite for landing in check_basis(renamed).landings] == ["naa", "Cre", "PCh"]
    assert check_basis(renamed).verdict == "looks right"


def test_a_dataset_is_built_from_another_laboratorys_basis(tmp_path):
    from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

    basis = simulate_basis(["PCr", "Lac", "NAA"])
    Basis(("Phosphocreatine", "Lac", "naa"), basis.fids, basis.acquisition).save(tmp_path / "theirs.npz")
    config = SimulatedMrsConfig(name="theirs", basis=str(tmp_path / "theirs.npz"), train=2, validation=1)
    builder = Builder(data_dir=tmp_path, config=config)
    assert builder.info.metadata["labels"]["names"] == ["NAA", "PCr"]
