"""Tables of fits: propagation of uncertainty against draws, and the way back as labels."""

import csv
import dataclasses

import numpy as np
import pytest

from mrs_keras.fitting import InVivoFits, InVivoModel, fit_spectra, write_table
from mrs_keras.fitting.fit_tables import values_of
from mrs_keras.measured import labels_of, read_label_table
from tests.fitting.in_vivo_spectra import metabolite_basis, simulate_in_vivo


@pytest.fixture(scope="module")
def fits() -> InVivoFits:
    spectra, sigma, _ = simulate_in_vivo(3, seed=1)
    names = {"participants": ["sub-01", "sub-02", "sub-03"], "sites": ["a", "b", "b"], "ids": ["x", "y", "z"]}
    fits = fit_spectra(spectra, metabolite_basis(), model=InVivoModel(), noise_sigma=sigma, jobs=1, **names)
    return dataclasses.replace(fits, misfit=np.array([2.0, 1.0, 1.0]))


def test_uncertainties_of_sums_and_ratios_are_those_of_draws_from_the_covariance(fits):
    columns = len(fits.columns)
    spread = fits.deviations[0, :columns] * fits.misfit[0]
    covariance = fits.correlations[0, :columns, :columns] * spread * spread[:, None]
    draws = np.random.default_rng(0).multivariate_normal(fits.concentrations[0], covariance, 200_000)
    drawn = dict(zip(fits.columns, draws.T, strict=True))
    sums = {
        "tNAA": drawn["NAA"] + drawn["NAAG"],
        "tCr": drawn["Cr"] + drawn["PCr"],
        "Glx": drawn["Glu"] + drawn["Gln"],
        "Ins": drawn["Ins"],
    }
    values = values_of(fits)
    for name, expected in sums.items():
        assert values[name][1][0] == pytest.approx(expected.std(), rel=0.02)
    for name in ("tNAA", "Glx", "Ins"):
        assert values[f"{name}_over_tCr"][1][0] == pytest.approx((sums[name] / sums["tCr"]).std(), rel=0.02)


def test_the_table_is_read_as_labels_with_the_same_values_and_deviations(fits, tmp_path):
    write_table(fits, tmp_path / "fits.tsv")
    table = read_label_table(tmp_path / "fits.tsv")
    assert table.program == "mrs_keras"
    labels = labels_of(table)
    assert labels.participants == ("sub-01", "sub-02", "sub-03")
    values = values_of(fits)
    for column, name in enumerate(["tNAA", "tCho", "Ins", "Glx", "GSH"]):
        expected, deviation = values[f"{name}_over_tCr"]
        np.testing.assert_allclose(labels.values[:, column], expected, rtol=1e-5)
        np.testing.assert_allclose(labels.deviations[:, column], deviation, rtol=1e-5)


def test_fits_that_did_not_converge_are_flagged_and_are_no_labels(fits, tmp_path):
    write_table(dataclasses.replace(fits, converged=np.array([True, False, True])), tmp_path / "fits.tsv")
    with (tmp_path / "fits.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    assert [row["converged"] for row in rows] == ["yes", "no", "yes"]
    assert rows[1]["tNAA_over_tCr"] == rows[1]["NAA_sd"] == "n/a"
    assert float(rows[1]["linewidth_hz"]) > 0
    labels = labels_of(read_label_table(tmp_path / "fits.tsv"))
    assert np.isnan(labels.values[1]).all()
    assert np.isfinite(labels.values[[0, 2]]).all()


def test_sessions_tell_the_scans_of_a_person_apart(fits, tmp_path):
    sessions = dataclasses.replace(fits, participants=("sub-01",) * 3, sessions=("ses-1", "ses-2", "ses-3"))
    write_table(sessions, tmp_path / "fits.tsv")
    assert read_label_table(tmp_path / "fits.tsv").sessions == ("ses-1", "ses-2", "ses-3")


def test_a_table_needs_participants(fits, tmp_path):
    with pytest.raises(ValueError, match="needs participants"):
        write_table(dataclasses.replace(fits, participants=None), tmp_path / "fits.tsv")
    assert not any(tmp_path.iterdir())
