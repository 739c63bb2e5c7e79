"""The study as a whole, with a dataset and a trained model in memory."""

import json
import warnings

import numpy as np
import pytest

from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.study import StudiedGenerator, TrainedGenerator, realism, study_realism
from tests.evaluation.realism.simulated import ACQUISITION, simulated

pytestmark = pytest.mark.slow
SUBJECTS = 45


class Found:
    """A dataset of three sites."""

    name, second_labeller = "measured_mrs/mine", None
    example_ids = tuple(f"sub-{number:02d}" for number in range(SUBJECTS))

    def __init__(self):
        spectra, sigma, _ = (each[:SUBJECTS] for each in simulated(500))
        sites = [f"site{number % 3}" for number in range(SUBJECTS)]
        self.real = RealSpectra(spectra, ACQUISITION, sigma, self.example_ids, sites)


def linear_model(real, key):
    """A probabilistic principal component analysis of the training spectra: a model with a loss that reconstructs."""

    def make(rows, seed):
        known, sigma = real.spectra[rows].view(np.float64), np.median(real.noise_sigma[rows])
        mean = known.mean(axis=0)
        _, singular, axes = np.linalg.svd(known - mean, full_matrices=False)
        scales, axes = singular[:8] / np.sqrt(len(rows) - 1), axes[:8]
        rng = np.random.default_rng(seed)
        clean = mean + (scales * rng.normal(size=(300, 8))) @ axes
        spectra = (clean + sigma * rng.normal(size=clean.shape)).view(np.complex128)

        def reconstruct(each):
            values = each.spectra.view(np.float64)
            return (mean + (values - mean) @ axes.T @ axes).view(np.complex128)

        def losses(each):
            return (np.abs(reconstruct(each) - each.spectra) ** 2).sum(axis=1) / (2 * each.noise_sigma**2)

        return TrainedGenerator(GeneratedSpectra(spectra, np.full(300, sigma)), losses, reconstruct)

    return StudiedGenerator(make, key, seconds=200.0, about="retrained in every split")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Runs a study of a model, and one of that and another; returns numbers, folder and what was printed."""
    folder, found, printed = tmp_path_factory.mktemp("study") / "out", Found(), []
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # few spectra
        patch.setattr(realism, "read_real_dataset", lambda *_: found)
        patch.setattr(realism, "print", printed.append, raising=False)
        options = {"seeds": [0], "output_dir": folder}
        one = study_realism("measured_mrs/mine", generators={"linear": linear_model(found.real, "1")}, **options)
        both = {"linear": linear_model(found.real, "1"), "linear again": linear_model(found.real, "1")}
        two = study_realism("measured_mrs/mine", generators=both, **options)
    return one, two, folder, printed


def test_it_says_first_how_long_it_takes_and_what_was_measured_before(study):
    first, second = study[3]
    assert "linear (retrained in every split): 200 s\n" in first
    assert first.endswith("About 10 minutes on one core.")  # 3 (10 + 200) s
    assert "linear (retrained in every split): 200 s, 3 of 3 measured before" in second
    assert "linear again (retrained in every split): 200 s\n" in second


def test_another_generator_leaves_the_numbers_as_they_were(study):
    one, two, *_ = study
    for before, after in zip(one["splits"], two["splits"], strict=True):
        assert {title: after[title] for title in before} == before
        assert after["linear again"]["reconstruction"] == after["linear"]["reconstruction"]


def test_a_model_is_judged_by_its_loss_and_its_reconstructions(study):
    for split in study[0]["splits"]:
        assert 0.5 < split["linear"]["memorisation"]["white_box"] <= 1
        # 8 components against 29: worse than the reference, and no better than the noise.
        error = split["linear"]["reconstruction"]
        assert error["noise"] < error["pca"] < error["median"] < 1
    questions = {each["question"]: each for each in study[0]["verdicts"]}
    rebuilt = next(each for question, each in questions.items() if question.startswith("Are spectra never seen"))
    assert rebuilt["verdict"].startswith(f"{rebuilt['beyond']:.2f} too high")


def test_the_folder_has_table_numbers_report_and_figures(study):
    _, two, folder, _ = study
    assert json.loads((folder / "numbers.json").read_text()) == json.loads(json.dumps(two))
    table = (folder / "table.txt").read_text()
    assert "Does the loss of the model tell it?" in table
    assert "held-out reconstruction: relative error (%)" in table
    figures = {path.stem for path in folder.glob("*.png")}
    sets = {f"realism_{name}" for name in ("map", "maps", "mean", "noise", "quantities", "sites")}
    assert figures == sets | {"realism_nearest_linear", "realism_nearest_linear_again"}
    page = (folder / "report.html").read_text()
    assert page.count("<img") == len(figures)
    assert "retrained in every split" in page
