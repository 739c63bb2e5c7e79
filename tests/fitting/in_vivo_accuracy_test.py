"""What fits of in-vivo spectra find, against known truth and against LCModel."""

import csv

import numpy as np
import pytest

from mrs_keras.basis import match_acquisition, read_basis
from mrs_keras.fitting import InVivoModel, fit_spectra
from mrs_keras.measured import MeasuredRecipe, process_folder
from tests.conftest import SHARED_DATA
from tests.fitting.in_vivo_spectra import SUMS, metabolite_basis, simulate_in_vivo

BIGGABA, PRESS35 = SHARED_DATA / "invivo_biggaba", SHARED_DATA / "basis_philips_press35"
NEEDS_BIGGABA = pytest.mark.skipif(
    not (BIGGABA.exists() and PRESS35.exists()), reason="the in-vivo data are not beside this checkout"
)


@pytest.mark.slow
def test_estimates_from_spectra_of_known_truth_are_unbiased_and_scatter_as_the_bound_says(measured):
    repeats = 3
    spectra, sigma, truth = simulate_in_vivo(40, repeats=repeats)
    fits = fit_spectra(spectra, metabolite_basis(), model=InVivoModel(), noise_sigma=sigma)
    assert fits.converged.all()
    assert np.median(fits.misfit) == pytest.approx(1.0, abs=0.03)
    for name, parts in SUMS.items():
        columns = [fits.columns.index(part) for part in parts]
        deviations = fits.deviations[:, columns]
        correlations = fits.correlations[:, columns][:, :, columns]
        bound = np.sqrt(np.einsum("ni,nij,nj->n", deviations, correlations, deviations))
        expected = truth[:, columns].sum(axis=1)
        error = fits.concentrations[:, columns].sum(axis=1) - expected
        bias = (error / expected).mean()
        z = error / bound
        over_noise = np.sqrt(z.reshape(-1, repeats).var(axis=1, ddof=1).mean())
        measured(f"fit of {name}: bias {100 * bias:.2f} %, scatter / bound {z.std():.2f}, noise alone {over_noise:.2f}")
        assert abs(bias) < 0.02
        assert z.std() < 1.2
        assert over_noise < 1.2


@pytest.fixture(scope="module")
def fits_of_80():
    recipe = MeasuredRecipe(folder=BIGGABA / "nifti", site="sub-(P[0-9]+)S")
    examples = process_folder(recipe)
    file = next(PRESS35.glob("*.BASIS"))
    basis = match_acquisition(read_basis(file), recipe.target.acquisition, str(file))
    participants = [recipe.files[row].participant_id for row in examples.rows]
    spectra = examples.spectra[..., 0] + 1j * examples.spectra[..., 1]
    sigma = examples.numbers["noise_sigma"]
    return fit_spectra(spectra, basis, model=InVivoModel(), noise_sigma=sigma, participants=participants)


@pytest.mark.slow
@NEEDS_BIGGABA
def test_fits_of_80_measured_spectra_agree_with_lcmodel(fits_of_80, measured):
    fits = fits_of_80
    assert fits.converged.all()
    assert np.median(fits.misfit) < 2.4
    with (BIGGABA / "lcmodel.tsv").open() as file:
        table = {row["participant_id"]: row for row in csv.DictReader(file, delimiter="\t")}

    def ratio(*parts):
        amplitude = {name: fits.concentrations[:, column] for column, name in enumerate(fits.columns)}
        return sum(amplitude[part] for part in parts) / (amplitude["Cr"] + amplitude["PCr"])

    for name, parts, column, least in (
        ("tNAA", ("NAA", "NAAG"), "NAA+NAAG", 0.79),
        ("tCho", ("GPC", "PCh"), "GPC+PCh", 0.89),
        ("mI", ("Ins",), "Ins", 0.56),
        ("Glx", ("Glu", "Gln"), "Glu+Gln", 0.5),
        ("GSH", ("GSH",), "GSH", 0.7),
    ):
        theirs = [float(table[one][f"{column}_over_tCr"]) for one in fits.participants]
        correlation = np.corrcoef(ratio(*parts), theirs)[0, 1]
        measured(f"fit of 80 spectra, {name} / tCr against LCModel: r = {correlation:.3f}")
        assert correlation > least
