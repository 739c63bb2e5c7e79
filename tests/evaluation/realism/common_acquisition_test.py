import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.basis import basis_for
from mrs_keras.evaluation.realism import at_acquisition, canonical, common_acquisition
from mrs_keras.simulation import Prior, simulate

LONG = Acquisition(127.737, 2000.0, 2048, (-1.0, 4.3))


def spectra_in(acquisition):
    """The same five spectra without noise, as another receiver samples them."""
    prior = Prior.from_preset("naa_pcr")
    basis = basis_for(["NAA", "Cr", "GPC", "Ins"], acquisition)
    drawn = dataclasses.replace(
        prior.draw(basis_for(["NAA", "PCr"], LONG), 0, 5, seed=0),
        concentrations=np.tile([12.0, 8.0, 2.0, 6.0], (5, 1)),
        baseline=None,
        gamma=np.full((5, 1), 12.0),
    )
    return simulate(drawn, basis, dtype=np.complex128)


@pytest.mark.parametrize(
    "changes", [{"points": 1024}, {"bandwidth_hz": 4000.0}, {"bandwidth_hz": 2500.0, "points": 2000}]
)
def test_spectra_of_a_longer_fid_become_those_of_the_shorter_one(changes):
    shorter = dataclasses.replace(LONG, **changes)
    target = common_acquisition(shorter, LONG)
    assert target == shorter
    spectra = [spectra_in(acquisition) for acquisition in (LONG, shorter)]
    tiny = [1e-7 * np.abs(each).max(axis=1) for each in spectra]
    resampled = at_acquisition(spectra[0], tiny[0], LONG, target)
    forms = [canonical(each, target, level).spectra for each, level in zip((resampled, spectra[1]), tiny, strict=True)]
    # The same but for the axis, whose points are at other places by less than the quarter that NAA is found to.
    error = np.linalg.norm(forms[0] - forms[1], axis=1) / np.linalg.norm(forms[1], axis=1)
    assert error.max() < 0.05


def test_white_noise_stays_white_and_of_its_level():
    target = dataclasses.replace(LONG, points=1024, bandwidth_hz=4000.0)
    noise = np.random.default_rng(0).normal(size=(200, LONG.window_points, 2)) @ [1, 1j]
    found = at_acquisition(noise, np.ones(200), LONG, target)
    inside = found[:, 10:-10]
    assert inside.real.std() == pytest.approx(1, abs=0.02)
    correlation = (inside[:, 1:].conj() * inside[:, :-1]).real.mean() / (np.abs(inside) ** 2).mean()
    assert correlation == pytest.approx(0, abs=0.02)


def test_a_wider_window_is_cut():
    narrow = dataclasses.replace(LONG, ppm_window=(0.2, 4.2))
    target = common_acquisition(narrow, LONG)
    assert target == narrow
    spectra = spectra_in(LONG)
    np.testing.assert_allclose(at_acquisition(spectra, np.ones(5), LONG, target), spectra_in(narrow), rtol=1e-9)


def test_another_field_or_a_narrower_window_is_refused():
    with pytest.raises(ValueError, match=r"Expected: 127.737 MHz.*Received: 123.200 MHz.*train --like"):
        common_acquisition(Acquisition(), LONG)
    with pytest.raises(ValueError, match=r"0.2 to 4.2 ppm, which both windows.*\(0.5, 4.2\)"):
        common_acquisition(dataclasses.replace(LONG, ppm_window=(0.5, 4.2)), LONG)
