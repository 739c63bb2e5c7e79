"""Fits to a folder: what is written, and that an interrupted fit goes on."""

import dataclasses

import numpy as np
import pytest

from mrs_keras.fitting import InVivoFits, InVivoModel, fit_folder, folder_fits
from tests.fitting.in_vivo_spectra import metabolite_basis, simulate_in_vivo

SMALL = ("NAA", "Cr", "PCr", "GPC", "Ins", "Glu")
MODEL = InVivoModel(metabolites=SMALL, broad=("MM09", "MM20"), baseline_freedom=3.0)
NAMES = {"ids": [f"scan{k}" for k in range(6)], "participants": [f"sub-{k}" for k in range(6)]}


@pytest.fixture(scope="module")
def spectra():
    return simulate_in_vivo(6)


@pytest.fixture
def fitted(monkeypatch):
    """Counts the spectra that are fitted; `stop_at` of them, an interruption comes."""
    calls = []
    fit, calls_before_stop = folder_fits.fit_in_vivo, []

    def counting(spectra, *arguments, **options):
        if calls_before_stop and len(calls) == calls_before_stop[0]:
            raise KeyboardInterrupt
        calls.append(len(spectra))
        return fit(spectra, *arguments, **options)

    monkeypatch.setattr(folder_fits, "fit_in_vivo", counting)
    monkeypatch.setattr(folder_fits, "CHUNK", 1)
    return calls, calls_before_stop


def run(spectra, folder, rows=slice(None), model=MODEL, figures=0):
    names = {name: values[rows] for name, values in NAMES.items()}
    arrays = spectra[0][rows], spectra[1][rows]
    return fit_folder(arrays[0], metabolite_basis(), model, arrays[1], folder, names=names, figures=figures, jobs=1)


def test_a_fit_goes_on_where_it_was_interrupted_with_the_same_result(spectra, tmp_path, fitted):
    calls, stop = fitted
    whole = run(spectra, tmp_path / "whole")
    assert calls == [4, 2]
    calls.clear()
    stop.append(1)
    with pytest.raises(KeyboardInterrupt):
        run(spectra, tmp_path / "fits")
    assert not (tmp_path / "fits" / "fits.npz").exists()
    stop.clear()
    resumed = run(spectra, tmp_path / "fits")
    assert calls == [4, 2]
    np.testing.assert_array_equal(resumed.concentrations, whole.concentrations)
    assert (tmp_path / "fits" / "fits.tsv").read_bytes() == (tmp_path / "whole" / "fits.tsv").read_bytes()
    assert sorted(path.name for path in (tmp_path / "fits").iterdir()) == ["figures", "fits.npz", "fits.tsv"]


@pytest.mark.slow
def test_only_what_is_new_is_fitted(spectra, tmp_path, fitted):
    calls, _ = fitted
    run(spectra, tmp_path, slice(0, 4))
    calls.clear()
    fits = run(spectra, tmp_path, slice(1, 6))
    assert calls == [2]
    assert fits.ids == tuple(NAMES["ids"][1:6])
    calls.clear()
    run(spectra, tmp_path, slice(1, 6), model=dataclasses.replace(MODEL, shift_ppm=0.003))
    assert sum(calls) == 5
    calls.clear()
    louder = spectra[0], 1.1 * spectra[1]
    run(louder, tmp_path, slice(1, 3))
    assert sum(calls) == 2


def test_the_worst_and_typical_fits_are_drawn(spectra, tmp_path):
    fits = run(spectra, tmp_path, slice(0, 3), figures=2)
    order = np.argsort(fits.misfit)
    drawn = {path.stem for path in (tmp_path / "figures").iterdir()}
    assert len(drawn) == 2
    assert fits.ids[order[-1]] in drawn
    assert fits.ids[order[0]] not in drawn
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in (tmp_path / "figures").iterdir())
    assert folder_fits.rows_to_draw(fits, None) == [0, 1, 2]
    unfinished = dataclasses.replace(fits, converged=np.array([True, True, False]))
    assert folder_fits.rows_to_draw(unfinished, 1) == [2]


def test_the_figure_shows_data_fit_parts_and_residual_over_ppm(spectra, tmp_path):
    fits = run(spectra, tmp_path, slice(0, 1))
    above, below = InVivoFits.load(tmp_path / "fits.npz").plot(0).axes
    left, right = below.get_xlim()
    assert left > right
    assert "ppm" in below.get_xlabel()
    lines = {line.get_label(): line.get_ydata() for line in above.get_lines()}
    np.testing.assert_allclose(lines["data"], spectra[0][0].real)
    np.testing.assert_allclose(lines["fit"], fits.fitted[0].real)
    assert {"residual", "baseline"} <= set(lines)
    shown = " ".join(text.get_text() for text in below.texts) + below.get_title(loc="left")
    assert all(name in shown for name in fits.columns)


def test_fits_of_another_version_are_not_taken_over(spectra, tmp_path, fitted, monkeypatch):
    run(spectra, tmp_path, slice(0, 2))
    run(spectra, tmp_path, slice(0, 2))
    assert fitted[0] == [2]
    monkeypatch.setattr("mrs_keras.__version__", "0.0.0")
    run(spectra, tmp_path, slice(0, 2))
    assert fitted[0] == [2, 2]
