import numpy as np
import pytest

from mrs_keras.basis import add_broad_signals, basis_for, default_basis, simulate_basis


def test_embedded_metabolites_come_from_the_embedded_basis():
    np.testing.assert_array_equal(basis_for(["PCr", "NAA"]).fids, default_basis().fids[:, ::-1])


def test_others_are_simulated_in_the_order_of_the_names():
    basis = basis_for(["MM09", "NAA", "Lac"])
    expected = add_broad_signals(simulate_basis(["NAA", "Lac"]), ["MM09"])
    assert basis.names == ("MM09", "NAA", "Lac")
    np.testing.assert_array_equal(basis.fids, expected.fids[:, [2, 0, 1]])
    np.testing.assert_array_equal(basis_for(["Lac"]).fids, simulate_basis(["Lac"]).fids)


@pytest.mark.parametrize("names", [["NAA", "Xyz"], ["MM09"], []])
def test_names_without_a_metabolite_or_unknown_are_refused(names):
    with pytest.raises(ValueError, match="metabolite"):
        basis_for(names)
