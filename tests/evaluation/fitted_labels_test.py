"""Labels that a program finds in generated spectra, with tables whose answer is known."""

import dataclasses
import hashlib
import json

import numpy as np
import pytest
import scipy.stats

from mrs_keras import Acquisition
from mrs_keras.cli import main
from mrs_keras.data.training_data import TrainingData
from mrs_keras.evaluation.fitted_labels import FittedLabels, label_answer
from mrs_keras.evaluation.report.page import report_page
from mrs_keras.evaluation.table import main_table
from mrs_keras.evaluation.topic import merged
from mrs_keras.generation import SpectrumSource, generate_dataset
from mrs_keras.labels import Labels
from mrs_keras.plotting.html_page import png_bytes
from mrs_keras.run_folder import MODEL_FILE
from mrs_keras.serving.description import ModelDescription

NUMBER = 60
RANGES = ((1.2, 1.6), (0.14, 0.2), (0.6, 1.0))
LABELS = Labels(("tNAA_over_tCr", "tCho_over_tCr", "mI_over_tCr"), RANGES, "", "concentration ratio")
DRAWN = np.random.default_rng(1).uniform(*np.transpose(RANGES), (NUMBER, 3))
NOISE = np.random.default_rng(2).normal(size=(NUMBER, 3))

TABLE_OF_LCMODEL = """\
 $$CONC  9 lines in following concentration table = NCONC+1
    Conc.  %SD /Cr+PCr  Metabolite
{rows}

$$MISC  6 lines in following misc. output table
"""


def source_of(digest: str, labels: Labels = LABELS) -> SpectrumSource:
    """A source of flat spectra in a wide window, that says it is the model of a file."""
    acquisition = Acquisition(127.7, 2000.0, 1024, (-1.0, 4.3))

    def decode(z, concentrations):
        return np.ones((len(concentrations), acquisition.window_points, 2), np.float32)

    def generate(concentrations, row_seeds):
        z = np.zeros((len(concentrations), 2), np.float32)
        return {"spectrum": decode(z, concentrations), "z": z}

    known = TrainingData(lambda start, stop, seed: DRAWN[np.arange(start, stop) % NUMBER][:, : len(labels)], "drawn")
    description = ModelDescription(labels, acquisition, 2, "fitted", 1.0)
    origin = {"run": "runs/invivo", "model_sha256": digest}
    return SpectrumSource(description, generate, decode, training_data=known, origin=origin)


@pytest.fixture
def run(tmp_path):
    """Folder of a training, of which the file of the model alone is read."""
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / MODEL_FILE).write_bytes(b"weights")
    return folder


@pytest.fixture
def source(run):
    return source_of(hashlib.sha256((run / MODEL_FILE).read_bytes()).hexdigest())


@pytest.fixture
def spectra(source, tmp_path):
    with pytest.warns(UserWarning, match="outside the trained range"):
        return generate_dataset(source, tmp_path / "spectra.npz", number=NUMBER, scale_labels=(0.75, 1.25))


def labels_in(spectra) -> np.ndarray:
    return np.load(spectra)["concentrations"].astype(float)


def fitted_to(requested: np.ndarray) -> np.ndarray:
    """Fits that are noisy, and too flat, by an amount that differs between labels."""
    mean = requested.mean(axis=0)
    return mean + np.array([1.0, 0.8, 0.6]) * (requested - mean) + np.array([0.02, 0.01, 0.1]) * NOISE[: len(requested)]


def write_lcmodel(folder, fitted: np.ndarray):
    """Writes a table of LCModel for each spectrum, in which tCr is 5: sums, metabolites and macromolecules."""
    folder.mkdir()
    for row, (naa, cho, ins) in enumerate(fitted):
        values = {"NAA": 0.8 * naa, "NAA+NAAG": naa, "GPC+PCh": cho, "Ins": ins, "Cr+PCr": 1.0, "MM20": 0.9}
        lines = "\n".join(f"{5 * value:10.6f}  3% {value:9.6f} {name}" for name, value in values.items())
        (folder / f"sub-{row:06d}_svs.table").write_text(TABLE_OF_LCMODEL.format(rows=lines))
    return folder


def write_osprey(path, fitted: np.ndarray, first: int = 0):
    """Writes a table with a row for each spectrum, in ratios to tCr."""
    rows = [
        f"sub-{row + first:06d}\t" + "\t".join(f"{value:.7f}" for value in values) for row, values in enumerate(fitted)
    ]
    path.write_text("\n".join(["participant_id\ttNAA_over_tCr\ttCho_over_tCr\tmI_over_tCr", *rows]) + "\n")
    return path


def test_numbers_are_those_of_scipy_and_limits_hold_what_theory_says():
    rng = np.random.default_rng(0)
    x = rng.uniform(0.75, 1.25, 400)
    y = 0.1 + 0.8 * x + rng.normal(0, 0.1, 400)
    answer, expected = label_answer(x, y, "tNAA"), scipy.stats.linregress(x, y)
    assert answer.matched == 400
    assert answer.correlation.value == pytest.approx(expected.rvalue, rel=1e-12)
    assert answer.slope.value == pytest.approx(expected.slope, rel=1e-12)
    assert answer.bias.value == pytest.approx((y - x).mean(), rel=1e-12)
    assert answer.bias_percent.value == pytest.approx(100 * (y.mean() / x.mean() - 1), rel=1e-9)
    # Two standard errors of the slope, of the mean difference, and of Fisher's z.
    fisher = np.tanh(np.arctanh(expected.rvalue) + np.array([-1, 1]) * 1.96 / np.sqrt(397))
    slope = expected.slope + np.array([-1, 1]) * 1.96 * expected.stderr
    bias = (y - x).mean() + np.array([-1, 1]) * 1.96 * (y - x).std(ddof=1) / np.sqrt(400)
    for found, theory in ((answer.correlation, fisher), (answer.slope, slope), (answer.bias, bias)):
        np.testing.assert_allclose(found[1:], theory, atol=0.2 * (theory[1] - theory[0]))
    assert label_answer(x, y, "tNAA") == answer


@pytest.mark.parametrize("write", [write_lcmodel, write_osprey])
def test_answers_of_a_program_are_matched_by_name_and_compared(source, run, spectra, tmp_path, write):
    requested = labels_in(spectra)
    fitted = fitted_to(requested)
    table = write(tmp_path / "fits", fitted)
    topic = FittedLabels.measure(spectra, table, source.description, run)
    numbers = json.loads(json.dumps(topic.numbers(), allow_nan=False))["fitted_labels"]
    assert numbers["program"] == ("LCModel" if write is write_lcmodel else "TSV")
    assert (numbers["spectra"], numbers["without_fit"], numbers["scale"]) == (NUMBER, [], None)
    assert numbers["independent_factors"] is True
    assert list(numbers["labels"]) == list(LABELS.names)
    for column, answer in enumerate(numbers["labels"].values()):
        expected = scipy.stats.linregress(requested[:, column], fitted[:, column])
        assert answer["matched"] == NUMBER
        assert answer["correlation"]["value"] == pytest.approx(expected.rvalue, abs=1e-4)
        assert answer["slope"]["value"] == pytest.approx(expected.slope, abs=1e-4)
        low, high = answer["slope"]["limits"]
        assert low < expected.slope < high


def test_table_figure_and_section_of_the_report_have_them(source, run, spectra, tmp_path):
    table = write_osprey(tmp_path / "fits.tsv", fitted_to(labels_in(spectra)))
    topic = FittedLabels.measure(spectra, table, source.description, run)
    numbers = merged([{"latent_dim": 2}, topic.numbers()])
    slope = numbers["fitted_labels"]["labels"]["mI_over_tCr"]["slope"]["value"]
    table = main_table(numbers, topic.ROWS, {}, {}).splitlines()
    assert any(row.split() == ["labels", "by", "fits,", "mI_over_tCr:", "slope", f"{slope:.3f}"] for row in table)
    images = {name: png_bytes(figure) for name, figure in topic.figures().items()}
    page = report_page([topic], [], images)
    assert "Labels by fits of another program" in page
    assert "mI / tCr" in page
    assert f"{slope:.2f} (" in page
    assert "times independent factors, uniform in 0.75 to 1.25" in page
    assert "so that a label may be found that only the latents carry" not in page
    assert len(topic.figures()["fitted_labels"].axes) == 3


def test_rows_in_another_order_do_not_matter_and_spectra_without_a_fit_are_told(source, run, spectra, tmp_path):
    fitted = fitted_to(labels_in(spectra))
    whole = FittedLabels.measure(spectra, write_osprey(tmp_path / "a.tsv", fitted), source.description, run)
    header, *rows = (tmp_path / "a.tsv").read_text().splitlines()
    (tmp_path / "b.tsv").write_text("\n".join([header, *rows[::-1]]))
    assert FittedLabels.measure(spectra, tmp_path / "b.tsv", source.description, run).answers == whole.answers
    rows[5] = "sub-000005\tn/a\t" + "\t".join(rows[5].split("\t")[2:])
    (tmp_path / "c.tsv").write_text("\n".join([header, *rows[:-2]]))
    with pytest.warns(UserWarning, match="2 of 60 generated spectra have no fit in .*: sub-000058, sub-000059"):
        fewer = FittedLabels.measure(spectra, tmp_path / "c.tsv", source.description, run)
    assert [answer.matched for answer in fewer.answers.values()] == [57, 58, 58]
    assert fewer.numbers()["fitted_labels"]["without_fit"] == ["sub-000058", "sub-000059"]
    assert "Without a fit: sub-000058, sub-000059." in fewer.sections()[0].text


def test_concentrations_in_other_units_are_scaled_by_one_factor(tmp_path, run):
    labels = Labels(("tNAA", "mI"), ((8.0, 14.0), (4.0, 7.0)))
    source = source_of(hashlib.sha256((run / MODEL_FILE).read_bytes()).hexdigest(), labels)
    given = np.random.default_rng(3).uniform(*np.transpose(labels.ranges), (NUMBER, 2))
    spectra = generate_dataset(source, tmp_path / "a.npz", concentrations=dict(zip(labels.names, given.T, strict=True)))
    fitted = 250 * given * [1.0, 0.9]
    rows = "\n".join(f"sub-{row:06d}\t{naa}\t{ins}" for row, (naa, ins) in enumerate(fitted))
    (tmp_path / "fits.tsv").write_text(f"participant_id\ttNAA\tIns\n{rows}\n")
    topic = FittedLabels.measure(spectra, tmp_path / "fits.tsv", source.description, run)
    answers, scale = topic.answers, topic.labels.scale
    assert 1 / 250 <= scale <= 1 / 225
    assert answers["mI"].slope.value / answers["tNAA"].slope.value == pytest.approx(0.9, rel=1e-5)
    assert answers["tNAA"].slope.value == pytest.approx(250 * scale, rel=1e-5)
    text = topic.sections()[0].text
    assert f"were multiplied by {scale:.4g}" in text
    assert "so that a label may be found that only the latents carry" in text


def test_labels_that_cannot_be_judged_are_left_out_with_the_reason(source, run, tmp_path):
    given = {"tNAA_over_tCr": DRAWN[:, 0].tolist(), "tCho_over_tCr": 0.17, "mI_over_tCr": DRAWN[:, 2].tolist()}
    spectra = generate_dataset(source, tmp_path / "a.npz", concentrations=given)
    rows = "\n".join(f"sub-{row:06d}\t{naa}\t{0.17 + 0.001 * row}" for row, naa in enumerate(DRAWN[:, 0]))
    (tmp_path / "fits.tsv").write_text(f"participant_id\ttNAA_over_tCr\ttCho_over_tCr\n{rows}\n")
    topic = FittedLabels.measure(spectra, tmp_path / "fits.tsv", source.description, run)
    assert list(topic.answers) == ["tNAA_over_tCr"]
    assert topic.answers["tNAA_over_tCr"].slope.value == pytest.approx(1, abs=1e-6)
    assert topic.labels.left_out == {
        "tCho_over_tCr": "it does not vary between the spectra",
        "mI_over_tCr": "the table has neither it nor its parts",
    }
    assert "Left out: tCho_over_tCr, it does not vary between the spectra;" in topic.sections()[0].text


def test_labels_without_spread_are_an_error_that_says_what_to_do(source, run, tmp_path):
    given = {"tNAA_over_tCr": 1.4, "tCho_over_tCr": 0.17, "mI_over_tCr": 0.8}
    spectra = generate_dataset(source, tmp_path / "a.npz", concentrations=given, number=NUMBER)
    table = write_osprey(tmp_path / "fits.tsv", DRAWN)
    with pytest.raises(ValueError, match="mI_over_tCr: it does not vary between the spectra.*--scale-labels"):
        FittedLabels.measure(spectra, table, source.description, run)


def test_a_table_of_other_spectra_is_refused(source, run, spectra, tmp_path):
    fitted = fitted_to(labels_in(spectra))
    for name, first, message in (
        ("far", 1000, "Expected the same participants in both. Received: sub-000000, .* of the scans; sub-001000"),
        ("longer", 30, "Expected: sub-000000 to sub-000059. Received: 30 rows of others, such as sub-000060, "),
    ):
        table = write_osprey(tmp_path / f"{name}.tsv", fitted, first)
        with pytest.raises(ValueError, match=message):
            FittedLabels.measure(spectra, table, source.description, run)
    table = write_osprey(tmp_path / "few.tsv", fitted[:19])
    with pytest.raises(ValueError, match="20 or more, and of no others.*Received: 19 of them"):
        FittedLabels.measure(spectra, table, source.description, run)


def test_spectra_of_another_model_are_refused(source, run, spectra, tmp_path):
    table = write_osprey(tmp_path / "fits.tsv", fitted_to(labels_in(spectra)))
    (run / MODEL_FILE).write_bytes(b"other weights")
    with pytest.raises(ValueError, match="are not of this model. .* Received: spectra of 'runs/invivo'"):
        FittedLabels.measure(spectra, table, source.description, run)
    other = dataclasses.replace(source.description, labels=Labels(("NAA",), ((1.0, 2.0),)))
    with pytest.raises(ValueError, match="with the labels tNAA_over_tCr, tCho_over_tCr, mI_over_tCr"):
        FittedLabels.measure(spectra, table, other, run)
    with pytest.raises(ValueError, match="must be an output of `mrs-keras generate`"):
        FittedLabels.measure(table, table, source.description, run)
    with pytest.raises(FileNotFoundError, match="no generated spectra at 'nowhere'"):
        FittedLabels.measure("nowhere", table, source.description, run)


def test_fits_and_spectra_are_given_together(capsys):
    assert main(["evaluate", "--run", "nowhere", "--fits", "lcmodel"]) == 1
    assert "Expected `generated` and `fits`. Received: fits='lcmodel' alone" in capsys.readouterr().err


@pytest.mark.slow
def test_an_evaluation_has_them_beside_its_other_numbers(run_dir, data_dir, tmp_path, capsys):
    folder = generate_dataset(run_dir, tmp_path / "lcmodel", number=30, format="lcmodel")
    header, *rows = [line.split("\t") for line in (folder / "labels.tsv").read_text().splitlines()]
    requested = np.array([row[1:3] for row in rows], float)
    assert header[1:3] == ["NAA_mM", "PCr_mM"]
    for (name, *_), (naa, pcr) in zip(rows, requested, strict=True):
        lines = f"{naa:10.5f}  3%  2.5 NAA\n{pcr:10.5f}  3%  1.0 PCr"
        text = TABLE_OF_LCMODEL.format(rows=lines).replace("/Cr+PCr", "/PCr")
        (folder / f"{name}_svs.table").write_text(text)
    options = ["--data-dir", str(data_dir), "--generated", str(folder), "--fits", str(folder)]
    assert main(["evaluate", "--run", str(run_dir), *options, "--output", str(tmp_path / "out")]) == 0
    assert "labels by fits, NAA: correlation" in capsys.readouterr().out
    labels = json.loads((tmp_path / "out" / "numbers.json").read_text())["fitted_labels"]["labels"]
    assert labels["NAA"]["slope"]["value"] == pytest.approx(1, abs=1e-3)
    assert labels["PCr"]["matched"] == 30
    assert (tmp_path / "out" / "fitted_labels.png").read_bytes().startswith(b"\x89PNG")
    assert "Labels by fits of another program" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
