"""`mrs-keras train --preset invivo`: from a folder of scans to a model of them."""

import numpy as np
import pytest

from mrs_keras import Acquisition, build_dataset, simulate_basis, train
from mrs_keras.cli import main
from mrs_keras.data import DatasetDescription, describe_dataset, open_dataset
from mrs_keras.data.measured_spectra import MeasuredSpectra, read_measured
from mrs_keras.fitting import InVivoFits
from mrs_keras.measured import write_example
from mrs_keras.models import CVAE_PRESETS, load_trained
from mrs_keras.run_folder import NOTICE_FILE, read_history, read_notice
from mrs_keras.training.initial_model import checked_model, with_latent_prior
from mrs_keras.training.measured_checks import check_subjects_of_splits, warn_of_fits, warn_of_labels
from tests.fitting.fits_of_truth import fits_of_truth
from tests.training.in_vivo_test import LABELS, scans

METABOLITES = ["NAA", "NAAG", "Cr", "PCr", "GPC", "PCho", "Ins", "Glu", "Gln", "GSH"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Scans of 16 participants as a dataset, and a basis."""
    path = tmp_path_factory.mktemp("from_scans")
    write_example(path / "scans", participants=16, coils=1, transients=2, progress=False)
    config = {"name": "mine", "folder": str(path / "scans"), "labels": str(path / "scans" / "labels.tsv")}
    builder = build_dataset("measured_mrs", config, path / "data")
    simulate_basis(METABOLITES, describe_dataset(builder).acquisition).save(path / "basis.npz")
    simulate_basis(METABOLITES[:-1], describe_dataset(builder).acquisition).save(path / "without_gsh.npz")
    return path


@pytest.fixture
def small(monkeypatch):
    """Makes the preset one of seconds."""
    preset = CVAE_PRESETS["invivo"]
    recipe = {"epochs": 2, "steps_per_epoch": 4, "batch_size": 8}
    tuning = {**preset["training"]["fine_tuning"], "rounds": 2, "steps_per_round": 2}
    changed = {
        **preset,
        "config": {**preset["config"], "latent_dim": 3, "hidden_units": (16,)},
        "training": {**preset["training"], **recipe, "fine_tuning": tuning},
    }
    monkeypatch.setitem(CVAE_PRESETS, "invivo", changed)


def command(folder, output, *options):
    source = ["--preset", "invivo", "--dataset", "measured_mrs", "--config", "mine", "--data-dir", str(folder / "data")]
    return main(["train", *source, "--output", str(output), *map(str, options)])


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:The (prior|fine-tuning|label)")
def test_from_scans_to_a_model_and_on_from_its_fits_and_from_the_model(folder, tmp_path, small, capsys):
    run = tmp_path / "run"
    assert command(folder, run, "--basis", folder / "basis.npz") == 0
    said = capsys.readouterr().err
    for stage in ("Fits of 13 training spectra", "Pre-training on 64", "Fine-tuning on 13", "Latent prior"):
        assert stage in said
    assert "Label GSH_over_tCr: the table's values are" in said
    assert "measured spectra of 13 subjects" in read_notice(run)
    fits = InVivoFits.load(run / "fits" / "fits.npz")
    training, held_out = (
        set(read_measured(open_dataset("measured_mrs", "mine", folder / "data"), split).participants)
        for split in ("train", "validation")
    )
    assert set(fits.participants) == training
    assert not training & held_out
    made = load_trained(run).generate(np.array([[1.5, 0.2, 0.8, 1.6, 0.3]]), seed=0)["spectrum"]
    assert np.isfinite(made).all()

    # The same fits give the same model.
    assert command(folder, tmp_path / "of_fits", "--fits", run / "fits") == 0
    assert "Fits of" not in capsys.readouterr().err
    for ours, theirs in zip(
        load_trained(tmp_path / "of_fits").get_weights(), load_trained(run).get_weights(), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)

    (run / NOTICE_FILE).write_text("Of other subjects.\n")
    assert command(folder, tmp_path / "tuned", "--init", run) == 0
    assert read_notice(tmp_path / "tuned").endswith("Of other subjects.")
    said = capsys.readouterr().err
    assert "Pre-training" not in said
    assert "Fine-tuning on 13" in said
    assert len(read_history(tmp_path / "tuned")["epoch"]) == 2

    other = ["--init", run, "--basis", folder / "without_gsh.npz"]
    assert command(folder, tmp_path / "other", *other) == 1
    assert "was trained with other metabolites" in (message := capsys.readouterr().err)
    assert "GSH" in message
    for option in (["--fits", run / "fits", "--init", run], ["--fits", run / "fits", "--basis", folder / "basis.npz"]):
        assert command(folder, tmp_path / "other", *option) == 1
        assert "Leave" in capsys.readouterr().err
    assert not (tmp_path / "other").exists()


@pytest.mark.slow
def test_what_is_needed_is_said_and_what_has_no_effect_is_refused(folder, tmp_path, capsys):
    output = tmp_path / "run"
    assert command(folder, output) == 1
    assert "Expected `--basis`, a basis of their sequence" in capsys.readouterr().err
    assert command(folder, output, "--basis", folder / "without_gsh.npz", "--precision", "mixed_float16") == 1
    assert "`--precision` has no effect with the preset 'invivo'" in capsys.readouterr().err
    assert command(folder, output, "--basis", folder / "without_gsh.npz") == 1
    assert "The labels GSH_over_tCr cannot be computed from the signals of the basis" in capsys.readouterr().err
    assert command(folder, output, "--basis", folder / "none.npz") == 1
    assert "none.npz" in capsys.readouterr().err
    with pytest.raises(ValueError, match="trained on measured spectra. Expected `dataset`"):
        train(output, preset="invivo")
    with pytest.raises(ValueError, match="`init` is only for training on measured spectra"):
        train(output, init=output)
    assert not output.exists()


def spectra_of(*participants: str) -> MeasuredSpectra:
    rows = np.ones((len(participants), 1))
    return MeasuredSpectra(rows.astype(complex), rows[:, 0], rows, rows, participants, participants)


def test_subjects_that_cannot_carry_a_training_are_refused_by_name():
    many = spectra_of(*(f"sub-{number:02d}" for number in range(9)))
    check_subjects_of_splits({"train": many, "validation": spectra_of("sub-10")}, "mine", fitted=True)
    with pytest.raises(ValueError, match="sub-03 in both 'train' and 'validation' of mine"):
        check_subjects_of_splits({"train": many, "validation": spectra_of("sub-10", "sub-03")}, "mine", fitted=True)
    with pytest.raises(ValueError, match="at least 8 subjects. Received: 9 spectra of 1 subject in"):
        check_subjects_of_splits({"train": spectra_of(*["sub-01"] * 9)}, "mine", fitted=True)
    check_subjects_of_splits({"train": spectra_of("sub-01", "sub-02")}, "mine", fitted=False)
    with pytest.raises(ValueError, match="at least 2 subjects"):
        check_subjects_of_splits({"train": spectra_of("sub-01", "sub-01")}, "mine", fitted=False)


def test_labels_without_spread_and_fits_that_failed_give_warnings_with_names():
    data = scans()
    names = tuple(f"sub-{row}" for row in range(12))
    values = data["values"].copy()
    values[:, 0] = 1.4 + 0.001 * np.arange(12)
    values[3:, 1] = np.nan
    measured = MeasuredSpectra(data["spectra"], data["noise_sigma"], values, data["deviations"], names, names)
    with pytest.warns(UserWarning, match="The label") as caught:
        warn_of_labels(LABELS, measured)
    said = [str(each.message) for each in caught]
    assert any(text.startswith("The label tNAA_over_tCr does not vary") for text in said)
    assert any(text.startswith("The label mI_over_tCr is known for 2 of 12") for text in said)

    converged = np.ones(12, bool)
    converged[4] = False
    with pytest.warns(UserWarning, match="did not converge, so the prior leaves out: spectrum 4"):
        warn_of_fits(fits_of_truth(12, converged=converged))


def test_a_model_of_other_labels_or_another_acquisition_or_scale_is_not_begun_with(run_dir):
    model = load_trained(run_dir)
    same = DatasetDescription(model.acquisition, model.labels, model.spectrum_scale)
    begun = checked_model(run_dir, None, same, {"kind": "standard_normal"})
    assert begun.latent_prior.kind == "standard_normal"
    ours, theirs = (
        each.generator.get_weights() + each.encoder.get_weights()
        for each in (with_latent_prior(begun, {"kind": "kernel"}), model)
    )
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(one, other)
    with pytest.raises(
        ValueError, match="has other labels than the dataset. Expected: tNAA_over_tCr, mI_over_tCr. Rec"
    ):
        checked_model(run_dir, None, DatasetDescription(model.acquisition, LABELS, model.spectrum_scale), {})
    other = DatasetDescription(Acquisition(127.7, 2000.0), model.labels, model.spectrum_scale)
    with pytest.raises(ValueError, match="is of another acquisition.*127"):
        checked_model(run_dir, None, other, {})
    scaled = DatasetDescription(model.acquisition, model.labels, 100 * model.spectrum_scale)
    with pytest.raises(ValueError, match="another scale: the peaks of the dataset are 100 times as high"):
        checked_model(run_dir, None, scaled, {})
