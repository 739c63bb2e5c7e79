import csv
import importlib
import json
import shutil
import struct
from html.parser import HTMLParser

import numpy as np
import pytest

from mrs_keras import evaluate, open_dataset
from mrs_keras.data import load_arrays
from mrs_keras.evaluation import layer_graph
from mrs_keras.models import load_trained

# One whole evaluation, of well over a minute, is behind all of them.
pytestmark = pytest.mark.slow

FIGURES = (
    "figure1_model",
    "figure2_procedure",
    "figure3_interpolation",
    "reconstruction",
    "parameter_errors",
    "generated_labels",
    "generated_physicality",
    "generated_marginals",
    "generated_coverage",
    "latent_space",
    "random_pairs",
    "learning_curves",
)


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory, run_dir, data_dir):
    path = tmp_path_factory.mktemp("evaluate") / "evaluation"
    return path, evaluate(run_dir, data_dir=data_dir, steps=5, output_dir=path)


class Page(HTMLParser):
    """Collects what a page loads, and its cells."""

    def __init__(self):
        super().__init__()
        self.sources, self.cells, self.links = [], [], []

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag in ("img", "script"):
            self.sources.append(attrs.get("src"))
        if "href" in attrs:
            self.links.append(attrs["href"])

    def handle_data(self, data):
        self.cells.append(data.strip())


def test_numbers_are_written_as_returned(evaluated):
    path, numbers = evaluated
    assert json.loads((path / "numbers.json").read_text()) == numbers
    reconstruction = numbers["reconstruction"]
    assert 0 < reconstruction["model"]["median"] < reconstruction["model"]["percentile_95"] < 1
    assert reconstruction["pca"]["median"] == pytest.approx(0.0455, abs=0.001)
    assert reconstruction["model_over_pca"] == pytest.approx(
        reconstruction["model"]["median"] / reconstruction["pca"]["median"]
    )
    assert numbers["active_units"] <= numbers["latent_dim"] == 16
    sources = {name: values for name, values in numbers["generation"].items() if name != "default_prior"}
    assert sources.keys() == {"fitted", "standard_normal", "simulated"}
    assert numbers["generation"]["default_prior"] == "fitted"
    for spectra in sources.values():
        for errors in (spectra["concentration_error"], spectra["distance_from_physical_model"]):
            assert 0 < errors["median"] < errors["percentile_95"]
    # What the fit recovers from the spectra of a perfect generator.
    perfect = numbers["generation"]["simulated"]
    assert perfect["concentration_error"]["median"] < 1e-4
    assert abs(perfect["classifier"]["accuracy"] - 0.5) < 4 * perfect["classifier"]["standard_error"]
    assert max(perfect["ks"].values()) < 0.05
    assert perfect["coverage"] > 0.93
    assert numbers["random_pairs"].keys() == {"phi0", "gamma", "sigma", "broadening"}
    for numbers_of_kind in numbers["random_pairs"].values():
        assert numbers_of_kind["numbers"].keys() == numbers_of_kind["geodesic_numbers"].keys()
    assert "left_out" not in numbers


def test_the_report_needs_no_other_file(evaluated):
    path, numbers = evaluated
    page = Page()
    page.feed((path / "report.html").read_text(encoding="utf-8"))
    assert len(page.sources) == len(FIGURES)
    assert all(source.startswith("data:image/png;base64,") for source in page.sources)
    assert page.links == []
    assert f"{100 * numbers['reconstruction']['model']['median']:.2f} %" in page.cells
    text = " ".join(page.cells)
    for source in ("fitted", "standard_normal"):
        spectra = numbers["generation"][source]
        for errors in (spectra["concentration_error"], spectra["distance_from_physical_model"]):
            assert f"{100 * errors['median']:.2f} %" in text


def test_the_table_shows_the_targets_of_the_runs_preset(evaluated):
    path, numbers = evaluated
    rows = [" ".join(row.split()) for row in (path / "table.txt").read_text().splitlines()]
    error = 100 * numbers["reconstruction"]["model"]["median"]
    assert f"validation error of the cVAE (median) {error:.2f} % <= 1.2 %" in rows
    assert rows[0] == "measured expected"


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_is_a_png_of_a_readable_size(evaluated, name):
    content = (evaluated[0] / f"{name}.png").read_bytes()
    assert content.startswith(b"\x89PNG")
    width, height = struct.unpack(">II", content[16:24])
    assert width >= 1200
    assert height >= 400


def test_the_table_of_the_interpolation_has_a_row_per_spectrum(evaluated):
    with (evaluated[0] / "interpolation.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["pair"] for row in rows] == (["phi0"] * 5 + ["broadening"] * 5) * 2
    assert [row["path"] for row in rows] == ["straight"] * 10 + ["geodesic"] * 10
    # Both paths have the same ends.
    for name in ("gamma_per_s", "sigma_per_s", "phi0_rad"):
        values = np.array([float(row[name]) for row in rows]).reshape(4, 5)[:, [0, 4]]
        np.testing.assert_allclose(values[:2], values[2:], rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose([float(row["alpha"]) for row in rows[:5]], np.linspace(0, 1, 5))
    phi0 = [float(row["phi0_rad"]) for row in rows[:5]]
    assert all(np.diff(phi0) > 0)
    line = [float(row["phi0_rad_straight_line"]) for row in rows[:5]]
    np.testing.assert_allclose(line, np.linspace(phi0[0], phi0[-1], 5), atol=1e-5)
    assert {"gamma_per_s", "sigma_per_s", "eps_rad_per_s"} <= set(rows[0])


def test_the_true_values_of_the_test_spectra_stand_at_the_ends(evaluated, data_dir):
    test = load_arrays(open_dataset(data_dir=data_dir), "test")
    phi0 = dict(zip(test["example_id"].astype(str), test["phi0"], strict=True))
    with (evaluated[0] / "interpolation.csv").open() as file:
        column = [row["phi0_rad_true"] for row in csv.DictReader(file)]
    assert column[1:4] == column[6:9] == column[11:14] == [""] * 3
    assert column[10:] == column[:10]
    ends = [float(column[row]) for row in (0, 4, 5, 9)]
    names = ("phi0_low", "phi0_high", "broadening_low", "broadening_high")
    np.testing.assert_allclose(ends, [phi0[name] for name in names], rtol=1e-5)
    page = Page()
    page.feed((evaluated[0] / "report.html").read_text(encoding="utf-8"))
    for label, name in (("a", "phi0_low"), ("b", "phi0_high")):
        start = page.cells.index(f"test spectrum {label}")
        assert f"{phi0[name]:.3f}" in page.cells[start : start + 8]


def test_active_latents_are_those_of_the_metric(evaluated, trained, data_dir):
    validation = load_arrays(open_dataset(data_dir=data_dir), "validation")
    inputs = {name: validation[name] for name in ("spectrum", "concentrations")}
    variance = trained.encoder.predict(inputs, verbose=0)["z_mean"].var(axis=0)
    assert evaluated[1]["active_units"] == np.sum(variance > 0.01)


def test_the_figure_of_the_model_shows_the_real_layers(run_dir):
    model = load_trained(run_dir)
    boxes = {box.name: box for box in layer_graph(model.encoder)}
    assert set(boxes) == {layer.name for layer in model.encoder.layers}
    assert set(boxes["add_label"].inputs) == {"real_then_imaginary", "scale_concentrations"}
    assert boxes["z_mean"].inputs == boxes["z_log_var"].inputs == ("hidden_3",)
    assert (boxes["hidden_1"].shape, boxes["spectrum"].shape) == ("512", "252 x 2")
    for box in boxes.values():
        assert all(boxes[source].row < box.row for source in box.inputs)


def test_ppm_runs_from_right_to_left_in_every_panel_of_spectra(trained):
    from mrs_keras import plotting

    ppm = trained.acquisition.window_ppm_axis
    spectra = np.ones((20, 252), complex)
    errors = np.linspace(0.01, 0.1, 20)
    figure = plotting.plot_reconstruction(ppm, spectra, spectra, errors, errors, 16)
    panels = [axes for axes in figure.axes if axes.get_xlabel() == "chemical shift (ppm)"]
    assert len(panels) == 3
    for axes in panels:
        left, right = axes.get_xlim()
        assert left > right
        assert "arbitrary units" in axes.get_ylabel()


def test_an_evaluation_that_fails_leaves_the_old_one(evaluated, run_dir, data_dir, monkeypatch):
    path, numbers = evaluated
    module = importlib.import_module("mrs_keras.evaluation.evaluation")

    def failing(*arguments):
        raise OSError("No space left on device")

    monkeypatch.setattr(module, "report_page", failing)
    with pytest.raises(OSError, match="No space left"):
        evaluate(run_dir, data_dir=data_dir, steps=2, output_dir=path)
    assert json.loads((path / "numbers.json").read_text()) == numbers


def test_an_evaluation_replaces_nothing_but_an_earlier_one(run_dir, data_dir, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    for folder in (tmp_path, tmp_path / "thesis.txt", run_dir, run_dir.parent):
        with pytest.raises(ValueError, match="holds other files. Choose another folder"):
            evaluate(run_dir, data_dir=data_dir, output_dir=folder)
    assert (tmp_path / "thesis.txt").exists()
    assert (run_dir / "model.keras").exists()


@pytest.mark.parametrize("other", ["acquisition", "order of the metabolites"])
def test_a_dataset_of_another_model_is_refused(run_dir, data_dir, tmp_path, other):
    shutil.copytree(data_dir / "simulated_mrs", tmp_path / "simulated_mrs")
    metadata = tmp_path / "simulated_mrs" / "naa_pcr" / "2.0.0" / "metadata.json"
    content = json.loads(metadata.read_text())
    if other == "acquisition":
        content["acquisition"]["spectrometer_frequency_mhz"] = 297.2
    else:
        content["labels"]["names"].reverse()
    metadata.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="of the model's labels, in their order, and of its acquisition"):
        evaluate(run_dir, data_dir=tmp_path)


def test_an_untrained_or_unfinished_run_is_named_with_the_command_that_trains_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="no training.*mrs-keras train --output"):
        load_trained(tmp_path / "nowhere")
    with pytest.raises(FileNotFoundError, match="an unfinished training"):
        load_trained(tmp_path)


def test_a_damaged_model_file_is_named(tmp_path):
    (tmp_path / "model.keras").write_bytes(b"PK half a file")
    with pytest.raises(ValueError, match=r"model\.keras.* cannot be read"):
        load_trained(tmp_path)
