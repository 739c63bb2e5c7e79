"""`mrs-keras measured prior`, and what is built from and trained on the prior that it writes."""

import contextlib
import dataclasses
import io
import json
import shlex
import subprocess

import numpy as np
import pytest

from mrs_keras import build_dataset, evaluate, open_dataset, train
from mrs_keras.basis import read_basis
from mrs_keras.cli import main
from mrs_keras.data import describe_dataset, load_arrays
from mrs_keras.generation import generate_dataset
from mrs_keras.simulation import ExampleRecipe, Prior, channels_to_complex
from mrs_keras.training.source import open_source
from tests.conftest import REPOSITORY, command
from tests.fitting.fits_of_truth import fits_of_truth

SMALL = {"train": 96, "validation": 64}
HOLDS = "one row of fitted parameters for each of 24 subjects"


def run(capsys, *options) -> list[str]:
    assert main(["measured", "prior", *map(str, options)]) == 0
    return capsys.readouterr().out.splitlines()


def refused(capsys, *options) -> str:
    assert main(["measured", "prior", *map(str, options)]) == 1
    return capsys.readouterr().err


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The folder of a prior, and the config of the command that is printed to build a dataset from it."""
    folder = tmp_path_factory.mktemp("prior")
    (folder / "fits").mkdir()
    fits_of_truth(24, residual=9.0).save(folder / "fits" / "fits.npz")
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        assert main(["measured", "prior", str(folder / "fits"), "--output", str(folder / "mine.json")]) == 0
    lines = printed.getvalue().splitlines()
    build = next(line for line in lines if line.startswith("Next: "))
    config = next(word for word in shlex.split(build) if word.startswith("--config=")).removeprefix("--config=")
    return folder, lines, json.loads(config)


@pytest.fixture(scope="module")
def built(written, tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("data")
    return data_dir, build_dataset("simulated_mrs", {**written[2], **SMALL}, data_dir)


def test_it_writes_prior_basis_and_figure_and_says_what_to_do_next(written):
    folder, lines, config = written
    assert {path.name for path in folder.iterdir()} == {"fits", "mine.json", "basis.npz", "mine.png"}
    assert lines[0] == "24 subjects"
    assert HOLDS in lines[1]
    assert config == {"name": "mine", "prior": str(folder / "mine.json"), "basis": str(folder / "basis.npz")}
    assert lines[-1] == "Then: mrs-keras train --preset endless --config mine --output runs/mine"
    assert Prior.load(folder / "mine.json").metabolites == read_basis(folder / "basis.npz").names


def test_its_options_are_those_of_the_prior(written, tmp_path, capsys):
    options = ("--bandwidth", 0.5, "--block-fraction", 0.2, "--outliers", 0, "--no-residual", "--total-creatine-mm", 0)
    run(capsys, written[0] / "fits" / "fits.npz", "--output", tmp_path / "new" / "prior.json", *options)
    prior = Prior.load(tmp_path / "new" / "prior.json")
    kernel = prior.gamma.joint
    assert (kernel.bandwidth, kernel.block_fraction, kernel.outliers, prior.residual) == (0.5, 0.2, (), None)
    assert prior.fitted_to["amplitudes_times"] == 1


def test_the_dataset_is_drawn_from_the_prior_and_carries_the_notice(written, built):
    folder, _, _ = written
    _, builder = built
    assert HOLDS in builder.info.description
    assert HOLDS in builder.info.redistribution_info.license
    assert HOLDS in builder.info.metadata["prior"]["notice"]
    description = describe_dataset(builder)
    assert HOLDS in description.notice
    recipe = ExampleRecipe(Prior.load(folder / "mine.json"), read_basis(folder / "basis.npz"))
    arrays = load_arrays(builder, "train")
    expected = recipe.simulate(recipe.draw(0, 96))
    order = np.argsort(arrays["example_id"])
    np.testing.assert_array_equal(channels_to_complex(arrays["spectrum"][order]), expected)
    assert arrays["shifts"].shape == (96, 3)


@pytest.mark.slow
def test_the_endless_source_draws_from_the_prior(built):
    settings = {"source": "simulator", "batch_size": 256, "seed": 0, "steps_per_epoch": 2}
    batch = next(iter(open_source(built[1], settings).batches.take(1)))
    arrays = load_arrays(built[1], "train")
    found, expected = (values["concentrations"] for values in (batch, arrays))
    error = np.asarray(found).std(axis=0) * np.sqrt(1 / 256 + 1 / 96)
    assert np.all(np.abs(np.asarray(found).mean(axis=0) - expected.mean(axis=0)) < 5 * error)
    assert batch["spectrum"].shape[1:] == arrays["spectrum"].shape[1:]


def test_a_dataset_with_another_basis_is_refused(written, tmp_path):
    config = {**written[2], **SMALL}
    with pytest.raises(ValueError, match="A prior from fits needs the basis of the fits.*`basis.npz`"):
        build_dataset("simulated_mrs", {**config, "basis": None}, tmp_path)
    basis = read_basis(written[0] / "basis.npz")
    basis.select(["NAA", "Cr"]).save(tmp_path / "two.npz")
    with pytest.raises(ValueError, match="Missing: NAAG, PCr, Ins.*with NAA, Cr.*`basis.npz`"):
        build_dataset("simulated_mrs", {**config, "basis": str(tmp_path / "two.npz")}, tmp_path)
    other = dataclasses.replace(basis.acquisition, spectrometer_frequency_mhz=130.0)
    dataclasses.replace(basis, acquisition=other).save(tmp_path / "other.npz")
    with pytest.raises(ValueError, match=r"at another field. Expected a basis of 127.7 MHz. Received: 130 MHz"):
        build_dataset("simulated_mrs", {**config, "basis": str(tmp_path / "other.npz")}, tmp_path)


def test_another_basis_beside_the_prior_is_not_overwritten(written, tmp_path, capsys):
    read_basis(written[0] / "basis.npz").select(["NAA", "Cr"]).save(tmp_path / "basis.npz")
    message = refused(capsys, written[0] / "fits", "--output", tmp_path / "prior.json")
    assert "There is another basis" in message
    assert not (tmp_path / "prior.json").exists()


def test_of_few_subjects_it_warns_and_of_too_few_it_refuses(tmp_path, capsys):
    fits_of_truth(12).save(tmp_path / "fits.npz")
    lines = run(capsys, tmp_path, "--output", tmp_path / "p.json")
    assert any(line.startswith("Warning: The prior is made from 12 subjects") for line in lines)
    fits_of_truth(12, converged=np.arange(12) < 3).save(tmp_path / "fits.npz")
    assert "fits that converged (3 of 12 did)" in refused(capsys, tmp_path, "--output", tmp_path / "q.json")
    assert not (tmp_path / "q.json").exists()


def test_a_missing_or_wrong_file_is_named(tmp_path, capsys):
    assert "There are no fits at" in refused(capsys, tmp_path / "none")
    np.savez(tmp_path / "other.npz", values=np.zeros(3))
    assert "does not hold fits of in-vivo spectra" in refused(capsys, tmp_path / "other.npz")


def write_table(path, unit: str = "mM", count: int = 24):
    rng = np.random.default_rng(0)
    gain = rng.uniform(0.5, 2.0, count) if unit == "a.u." else np.ones(count)
    columns = {name: gain * rng.normal(mean, 0.05 * mean, count) for name, mean in (("NAA", 12), ("Cr", 5), ("PCr", 3))}
    table = np.column_stack(list(columns.values()))
    lines = ["\t".join(["participant_id", *columns])]
    lines += ["\t".join([f"sub-{row:02d}", *(f"{value:.4f}" for value in table[row])]) for row in range(count)]
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_table_gives_the_concentrations_alone(tmp_path, capsys):
    table = write_table(tmp_path / "table.tsv", "a.u.")
    lines = run(capsys, table, "--output", tmp_path / "prior.json")
    assert "TSV: amplitudes over Cr + PCr of each scan" in lines
    assert "From the table: NAA, Cr, PCr. All else: brain_press_te30" in lines
    assert not (tmp_path / "basis.npz").exists()
    prior = Prior.load(tmp_path / "prior.json")
    rows = prior.concentrations["NAA"].joint.rows
    # The gain of the receiver, by which the scans differ four times, is gone.
    np.testing.assert_allclose(rows[:, 1] + rows[:, 2], 8.0, rtol=1e-5)
    assert rows[:, 0].std() / rows[:, 0].mean() < 0.1
    assert "--no-residual has no effect" in refused(capsys, table, "--no-residual", "--output", tmp_path / "q.json")


@pytest.mark.slow
def test_the_printed_commands_build_train_evaluate_export_and_generate(written, tmp_path, capsys):
    _, _, config = written
    data_dir = tmp_path / "data"
    small = shlex.quote(json.dumps({**config, **SMALL}))
    subprocess.run(
        f"{command('tfds')} build tfds_builders/simulated_mrs --data_dir {data_dir} --config={small}",
        shell=True,
        check=True,
        cwd=REPOSITORY,
        capture_output=True,
    )
    quick = {"latent_prior": {"kind": "standard_normal"}}
    train(tmp_path / "run", data_dir=data_dir, config="mine", preset="endless", epochs=1, batch_size=8, changes=quick)
    assert HOLDS in (tmp_path / "run" / "NOTICE.txt").read_text()
    numbers = evaluate(tmp_path / "run", data_dir=data_dir)
    # A prior of fits has a spline baseline, so the in-vivo fit judges its models.
    assert {"parameters", "distance_from_physical_model"} <= numbers["reconstruction"].keys()
    assert numbers["spectra"]["fitted"] > 0
    capsys.readouterr()
    assert main(["export", "--run", str(tmp_path / "run"), "--output", str(tmp_path / "models")]) == 0
    assert HOLDS in capsys.readouterr().out
    for name in ("encoder", "generator"):
        assert HOLDS in (tmp_path / "models" / name / "1" / "assets.extra" / "NOTICE.txt").read_text()
    for source in ("run", "models"):
        generate_dataset(tmp_path / source, tmp_path / f"of_{source}", number=4, seed=0)
        made = open_dataset(tmp_path / f"of_{source}")
        assert HOLDS in made.info.description
        assert HOLDS in describe_dataset(made).notice
