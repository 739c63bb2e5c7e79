"""Priors from fits: against the truth of the fits, their own spectra, and real subjects."""

import dataclasses
import json
import warnings

import numpy as np
import pytest

from mrs_keras import Prior, UniformRange
from mrs_keras.basis import Basis, match_acquisition, read_basis
from mrs_keras.fitting import InVivoFits, InVivoModel, fit_spectra, prior_from_fits
from mrs_keras.measured import MeasuredRecipe, process_folder
from mrs_keras.simulation import ExampleRecipe, FittedPrior, channels_to_complex
from tests.conftest import REPOSITORY
from tests.fitting.fits_of_truth import ACQUISITION, BASIS, fits_of_truth

PEAKS = (("NAA", 1.9, 2.15), ("Cr", 2.9, 3.12), ("Cho", 3.15, 3.3))


@pytest.fixture(scope="module")
def fits() -> InVivoFits:
    return fits_of_truth(40, residual=12.0)


@pytest.fixture(scope="module")
def prior(fits) -> FittedPrior:
    return prior_from_fits(fits)


def rows_drawn(prior: Prior, draws: int) -> np.ndarray:
    """The row of the kernel that each draw with a bandwidth of 0 is."""
    kernel = prior.gamma.joint
    gamma = prior.draw(BASIS, 0, draws, seed=0).gamma[:, :1]
    return np.abs(kernel.rows[:, kernel.names.index("gamma")] - gamma).argmin(axis=1)


def test_with_a_bandwidth_of_0_a_draw_is_a_fit_and_its_share_of_the_mean_residual(fits):
    prior = prior_from_fits(fits, bandwidth=0.0, total_creatine_mm=None)
    rows = rows_drawn(prior, 30)
    recipe = ExampleRecipe(prior, BASIS)
    spectra = recipe.simulate(recipe.draw(0, 30), noise=False)
    # The residual is one line in each fit's phase: its projection on the mean is the whole of it.
    expected = fits.fitted[rows] + fits.residual[rows]
    assert np.abs(fits.residual).max() > 0.02 * np.abs(fits.fitted).max()
    error = np.abs(spectra - expected).max(axis=1) / np.abs(expected).max(axis=1)
    assert error.max() < 5e-6  # the prior has six digits
    without = prior_from_fits(fits, bandwidth=0.0, total_creatine_mm=None, residual=False)
    recipe = ExampleRecipe(without, BASIS)
    spectra = recipe.simulate(recipe.draw(0, 30), noise=False)
    assert np.abs(spectra - fits.fitted[rows]).max() < 5e-6 * np.abs(expected).max()


def test_draws_have_the_noise_of_the_scans(fits):
    prior = prior_from_fits(fits, bandwidth=0.0, total_creatine_mm=None)
    rows, recipe = rows_drawn(prior, 30), ExampleRecipe(prior, BASIS)
    examples = recipe.draw(0, 30)
    noise = recipe.simulate(examples) - recipe.simulate(examples, noise=False)
    found = np.sqrt((np.abs(noise) ** 2).mean(axis=1) / 2)
    # 2 x 347 numbers each: a standard error of 2.7 %.
    np.testing.assert_allclose(found, fits.noise_sigma[rows], rtol=0.14)
    assert np.median(found / fits.noise_sigma[rows]) == pytest.approx(1, abs=0.02)


def test_means_deviations_and_correlations_are_those_of_the_truth(fits, prior):
    draws = prior.draw(BASIS, 0, 8000, seed=0)
    kept = np.setdiff1d(np.arange(40), prior.gamma.joint.outliers)
    factor = 8.0 / np.median(fits.concentrations[:, 2:4].sum(axis=1))
    assert np.median(draws.concentrations[:, 2:4].sum(axis=1)) == pytest.approx(8.0, rel=0.05)
    truth = np.column_stack([factor * fits.concentrations, fits.gamma])[kept]
    drawn = np.column_stack([draws.concentrations, draws.gamma[:, 0]])
    deviation = truth.std(axis=0, ddof=1)
    # Outliers are drawn as centres, and move mean and deviation a little.
    assert np.abs((drawn.mean(axis=0) - truth.mean(axis=0)) / deviation).max() < 0.3
    np.testing.assert_allclose(drawn.std(axis=0), deviation, rtol=0.25)
    # Metabolites are one block, so that what they have in common stays; lines are another, and lose b h^2 of it.
    ours, theirs = (np.corrcoef(values[:, :5], rowvar=False) for values in (drawn, truth))
    np.testing.assert_allclose(ours, theirs, atol=0.15)
    across = [np.corrcoef(values[:, 0], values[:, -1])[0, 1] for values in (drawn, truth)]
    assert across[1] > 0.5
    assert 0.4 < across[0] / across[1] < 0.9
    joint = prior_from_fits(fits, block_fraction=0.0).draw(BASIS, 0, 8000, seed=0)
    kept_across = np.corrcoef(joint.concentrations[:, 0], joint.gamma[:, 0])[0, 1]
    assert kept_across == pytest.approx(across[1], abs=0.15)


def test_heights_do_not_depend_on_the_scale_of_the_basis(prior):
    louder = dataclasses.replace(BASIS, fids=1e3 * BASIS.fids)
    ours, theirs = (
        ExampleRecipe(prior, basis).simulate(ExampleRecipe(prior, basis).draw(0, 4)) for basis in (BASIS, louder)
    )
    assert prior.peak_height(louder) == pytest.approx(prior.peak_height(BASIS), rel=1e-12)
    np.testing.assert_allclose(ours, theirs, atol=1e-5 * np.abs(ours).max())


def test_a_subset_of_the_basis_keeps_baselines_in_proportion_to_the_metabolites(prior):
    """A basis without one metabolite is scaled differently by its norm; the baseline follows."""
    smaller = prior.without(["NAAG"])
    assert smaller.groups.keys() == prior.groups.keys()
    ours, theirs = (p.draw(BASIS, 0, 5, seed=0) for p in (prior, smaller))
    np.testing.assert_array_equal(np.delete(ours.concentrations, 1, axis=1), theirs.concentrations)
    loss = smaller.peak_height(BASIS) / prior.peak_height(BASIS)
    scale = np.linalg.norm(BASIS.fids.mean(axis=1)) / np.linalg.norm(np.delete(BASIS.fids, 1, axis=1).mean(axis=1))
    # NAAG is a tenth of the peak at 2 ppm.
    assert loss / scale == pytest.approx(0.9, abs=0.08)


def test_a_saved_prior_draws_the_same_bytes_and_says_what_it_holds(prior, tmp_path):
    prior.save(tmp_path / "prior.json")
    content = json.loads((tmp_path / "prior.json").read_text())
    assert "one row of fitted parameters for each of 40 subjects" in content["notice"]
    assert content["notice"] == prior.notice
    again = Prior.load(tmp_path / "prior.json")
    assert isinstance(again, FittedPrior)
    assert again.to_dict() == prior.to_dict()
    ours, theirs = (ExampleRecipe(p, BASIS).simulate(ExampleRecipe(p, BASIS).draw(0, 8)) for p in (prior, again))
    assert ours.tobytes() == theirs.tobytes()
    scaled = prior.with_scaled_concentrations({"NAA+NAAG": UniformRange(0.75, 1.25)})
    assert Prior.from_dict(json.loads(json.dumps(scaled.to_dict()))).to_dict() == scaled.to_dict()


def test_at_another_field_a_draw_is_wider_and_its_heights_are_those_of_the_wider_peak(prior):
    there = prior.for_frequency(2 * ACQUISITION.spectrometer_frequency_mhz)
    assert there.fitted_to["spectrometer_frequency_mhz"] == 2 * ACQUISITION.spectrometer_frequency_mhz
    assert there.reference["gamma"] == 2 * prior.reference["gamma"]
    assert there.shifts.keys() == prior.shifts.keys()
    with pytest.raises(ValueError, match=r"at another field. Expected a basis of 255.4 MHz. Received: 127.7 MHz"):
        there.peak_height(BASIS)
    again = there.for_frequency(ACQUISITION.spectrometer_frequency_mhz)
    np.testing.assert_allclose(again.draw(BASIS, 0, 5, seed=0).gamma, prior.draw(BASIS, 0, 5, seed=0).gamma, rtol=1e-12)
    assert again.peak_height(BASIS) == pytest.approx(prior.peak_height(BASIS), rel=1e-12)


def test_a_basis_that_is_not_that_of_the_fits_is_refused_or_warned_about(prior):
    lacking = BASIS.select([name for name in BASIS.names if name not in ("PCr", "MM09")])
    with pytest.raises(ValueError, match=r"all columns.*Missing: PCr, MM09.*`basis.npz`"):
        prior.draw(lacking, 0, 1, seed=0)
    other = Basis(BASIS.names, BASIS.fids, dataclasses.replace(ACQUISITION, spectrometer_frequency_mhz=123.2))
    with pytest.raises(ValueError, match=r"Expected a basis of 127.7 MHz. Received: 123.2 MHz.*for_frequency\(123.2\)"):
        prior.draw(other, 0, 1, seed=0)
    with pytest.warns(UserWarning, match="and is drawn with 'of TE 144'"):
        prior.draw(dataclasses.replace(BASIS, description="of TE 144"), 0, 1, seed=0)


def test_fits_of_sites_are_clusters_unless_the_sites_are_small(fits):
    sites = ["a"] * 20 + ["b"] * 17 + ["c"] * 3
    clusters = prior_from_fits(dataclasses.replace(fits, sites=tuple(sites))).gamma.joint.clusters
    assert set(clusters[:20]) == {0}
    assert set(clusters[20:37]) == {1}
    few = dataclasses.replace(fits, sites=tuple("abcdefghijklmnopqrst" * 2))
    assert prior_from_fits(few).gamma.joint.clusters == prior_from_fits(fits).gamma.joint.clusters == ()


def test_strange_fits_are_outliers():
    strange = fits_of_truth(40)
    strange.concentrations[7] *= 3
    strange.gamma[20] = 40
    outliers = prior_from_fits(strange, residual=False).gamma.joint.outliers
    assert {7, 20} <= set(outliers)
    assert len(outliers) == 6
    assert prior_from_fits(strange, residual=False, outlier_fraction=0.0).gamma.joint.outliers == ()


def test_of_few_subjects_it_warns_with_numbers_and_of_too_few_it_refuses():
    with pytest.warns(
        UserWarning, match="made from 12 subjects.*64 of 100.*32 subjects in 67, of 16 in 76, and of 8 in 86"
    ):
        prior_from_fits(fits_of_truth(12))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        prior_from_fits(fits_of_truth(20))
    with pytest.raises(ValueError, match=r"at least 8 subjects. Received: 7"):
        prior_from_fits(fits_of_truth(7))
    converged = np.arange(30) < 5
    with pytest.raises(ValueError, match=r"fits that converged \(5 of 30 did\) of at least 8 subjects. Received: 5"):
        prior_from_fits(fits_of_truth(30, converged=converged))


def test_fits_that_did_not_converge_are_left_out():
    converged = np.arange(40) != 3
    prior = prior_from_fits(fits_of_truth(40, converged=converged))
    assert prior.fitted_to["subjects"] == len(prior.gamma.joint.rows) == 39


def test_several_fits_of_a_subject_no_creatine_and_wrong_options_are_refused(fits):
    twice = dataclasses.replace(fits, participants=("sub-00", *fits.participants[:-1]))
    with pytest.raises(ValueError, match="counts every subject once. Received several fits of sub-00"):
        prior_from_fits(twice)
    without = dataclasses.replace(fits, basis=dataclasses.replace(BASIS, names=tuple("abcdefg")), groups={})
    with pytest.raises(ValueError, match="Expected Cr or PCr among the columns"):
        prior_from_fits(without)
    assert prior_from_fits(without, total_creatine_mm=None, residual=False).metabolites == tuple("abcdefg")
    for option in ({"bandwidth": 1.1}, {"block_fraction": -1.0}, {"outlier_fraction": 0.6}):
        with pytest.raises(ValueError, match=f"`{next(iter(option))}` must be from 0 to"):
            prior_from_fits(fits, **option)


def test_of_the_mean_of_noise_next_to_nothing_is_kept():
    rng = np.random.default_rng(0)
    points = ACQUISITION.window_points
    noise = rng.normal(size=(40, points)) + 1j * rng.normal(size=(40, points))
    fits = fits_of_truth(40, residual=noise)
    prior = prior_from_fits(fits, outlier_fraction=0.0)
    mean = (noise / np.abs(fits.fitted - fits.baseline_spectra()).max(axis=1)[:, None]).mean(axis=0)
    kept = np.linalg.norm(prior.residual.values) ** 2 / np.linalg.norm(mean) ** 2
    # |mean|^2 / v is exponential: the integral of (1 - 3 / r)^2 r exp(-r) from 3 is 0.02.
    assert kept == pytest.approx(0.02, abs=0.02)


@pytest.mark.slow
def test_a_prior_of_real_subjects_draws_spectra_with_their_heights_widths_and_noise():
    """80 subjects at seven sites: median and spread of what is drawn, against the spectra themselves."""
    folder = REPOSITORY.parent / "shared" / "data"
    if not (folder / "invivo_biggaba").is_dir():
        pytest.skip("the spectra of the 80 subjects are not beside this checkout")
    recipe = MeasuredRecipe(folder=str(folder / "invivo_biggaba" / "nifti"), site=r"sub-(P\d+)S")
    examples = process_folder(recipe)
    files = [recipe.files[row] for row in examples.rows]
    spectra = channels_to_complex(examples.spectra).astype(np.complex128)
    sigma = examples.numbers["noise_sigma"].astype(np.float64)
    file = next((folder / "basis_philips_press35").glob("*.BASIS"))
    basis = match_acquisition(read_basis(file), recipe.target.acquisition, str(file))
    fits = fit_spectra(
        spectra,
        basis,
        model=InVivoModel(),
        noise_sigma=sigma,
        participants=[file.participant_id for file in files],
        sites=[file.site for file in files],
    )
    prior = prior_from_fits(fits)
    assert prior.fitted_to["subjects"] == fits.converged.sum() >= 75
    drawing = ExampleRecipe(prior, fits.basis)
    drawn = drawing.simulate(drawing.draw(0, 400)) / prior.fitted_to["amplitudes_times"]
    ppm = recipe.target.acquisition.window_ppm_axis

    def numbers(spectra: np.ndarray) -> dict[str, np.ndarray]:
        naa = (ppm > 1.9) & (ppm < 2.15)
        heights = {name: np.abs(spectra[:, (ppm > low) & (ppm < high)]).max(axis=1) for name, low, high in PEAKS}
        wide = (np.abs(spectra[:, naa]) > heights["NAA"][:, None] / 2).sum(axis=1)
        noise = np.std(np.diff(spectra[:, ppm < -0.3].real, axis=1), axis=1)
        return {**heights, "width": wide.astype(float), "noise": noise}

    real, ours = numbers(spectra), numbers(drawn)
    for name, values in real.items():
        middle, spread = np.median(values), np.subtract(*np.percentile(values, [75, 25]))
        assert np.median(ours[name]) == pytest.approx(middle, rel=0.1), name
        assert np.subtract(*np.percentile(ours[name], [75, 25])) == pytest.approx(spread, rel=0.5), name
