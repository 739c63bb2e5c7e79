import dataclasses
import shutil

import numpy as np
import pytest
from sklearn.decomposition import PCA

from mrs_keras import Acquisition
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.study import CrossValidation, StudiedGenerator, TrainedGenerator, splits_by_site, splits_by_subject

ACQUISITION = Acquisition(bandwidth_hz=2000.0, points=512)

pytestmark = pytest.mark.slow
SUBJECTS = 60


def spectra(count, seed):
    """A line of random width and phase in noise."""
    rng = np.random.default_rng(seed)
    ppm, width = ACQUISITION.window_ppm_axis, rng.uniform(0.03, 0.05, (count, 1))
    lines = sum(width / (width + 1j * (ppm - place)) for place in (2.01, 3.03, 3.2))
    noise = rng.normal(size=(count, len(ppm), 2)) @ [1, 1j]
    return lines * np.exp(1j * rng.normal(0, 0.1, (count, 1))) + 0.02 * noise, np.full(count, 0.02)


@pytest.fixture(scope="module")
def real():
    made, sigma = spectra(SUBJECTS, 0)
    sites = ["A", "B"] * (SUBJECTS // 2)
    return RealSpectra(made, ACQUISITION, sigma, [f"sub-{n:02}" for n in range(SUBJECTS)], sites)


class Counted:
    """Generates spectra of the same distribution, and remembers what it was made from."""

    def __init__(self):
        self.rows = []

    def __call__(self, rows, seed):
        self.rows.append(rows)
        return GeneratedSpectra(*spectra(300, 1 + seed))


def study_of(real, generators, folder, key="", splits=None):
    generators = {title: StudiedGenerator(*each) for title, each in generators.items()}
    return CrossValidation(real, generators, splits or splits_by_subject(real, [0], 3), folder, key)


def results_of(real, generator, folder, **options):
    return list(study_of(real, {"same": (generator,)}, folder, **options).results())


@pytest.fixture(scope="module")
def measured_once(real, tmp_path_factory):
    folder, generator = tmp_path_factory.mktemp("study"), Counted()
    return folder, generator, results_of(real, generator, folder)


def test_a_generator_sees_the_training_subjects_of_its_split_alone(real, measured_once):
    _, generator, results = measured_once
    held_out = [np.setdiff1d(np.arange(SUBJECTS), rows) for rows in generator.rows]
    assert sorted(np.concatenate(held_out)) == list(range(SUBJECTS))  # each subject is held out once
    for rows, out, result in zip(generator.rows, held_out, results, strict=True):
        assert (len(out), len(rows)) == (20, 40)
        assert result.realism["same"].spectra["held_out"] == 20
        assert [real.sites[row] for row in out].count("A") == 10


def test_a_generator_of_the_true_distribution_is_not_told_from_real_spectra(measured_once):
    excess = [
        each.realism["same"].two_sample.auc - each.realism["real spectra"].two_sample.auc for each in measured_once[2]
    ]
    # 3 splits of 20 against 300, and against 40: a standard error of about 0.05 each.
    assert np.mean(excess) == pytest.approx(0, abs=0.2)


def test_copies_and_mixtures_stand_beside_it(measured_once):
    for each in measured_once[2]:
        assert set(each.realism) == {"real spectra", "copies", "mixtures", "same"}
        assert each.realism["copies"].memorisation.membership > 0.95
        assert each.realism["copies"].memorisation.nearest_ratio < 0.1


def test_a_split_that_was_measured_before_is_read(real, measured_once):
    folder, _, results = measured_once
    again = Counted()
    assert [each.realism["same"] for each in results_of(real, again, folder)] == [
        each.realism["same"] for each in results
    ]
    assert not again.rows


@pytest.mark.parametrize("changed", ["key", "spectra"])
def test_a_split_of_other_data_or_options_is_measured_anew(real, measured_once, changed):
    other = dataclasses.replace(real, spectra=real.spectra * 2) if changed == "spectra" else real
    study = study_of(other, {"same": (Counted(),)}, measured_once[0], "x" if changed == "key" else "")
    assert study.missing() == 3 * ["controls", "same"]


def test_a_generator_that_is_added_or_changed_leaves_the_results_of_others_as_they_are(real, measured_once, tmp_path):
    folder, _, results = measured_once
    shutil.copytree(folder, tmp_path / "parts")
    first, added = Counted(), Counted()
    study = study_of(real, {"same": (first,), "another": (added,)}, tmp_path / "parts")
    assert study.missing() == 3 * ["another"]
    titles = []
    result = next(study.results(titles.append))
    assert (len(first.rows), len(added.rows), titles) == (0, 1, ["another"])
    assert {title: result.realism[title] for title in results[0].realism} == results[0].realism
    assert study_of(real, {"same": (first, "changed")}, tmp_path / "parts").missing() == 3 * ["same"]


def test_spectra_of_the_first_split_are_kept_for_figures(real, measured_once):
    folder, generator, _ = measured_once
    kept = study_of(real, {"same": (generator,)}, folder).kept_spectra("same")
    np.testing.assert_array_equal(kept.spectra, spectra(300, 1)[0])
    assert not list(folder.glob("seed0_fold1/*.npz"))


class Components:
    """A model that reconstructs by principal components of its training spectra, whose loss is the squared error."""

    def __init__(self, real):
        self.real, self.given = real, []

    def __call__(self, rows, seed):
        known = self.real.select(rows)
        space = PCA(32, svd_solver="full").fit(known.spectra.view(np.float64))

        def reconstruct(each):
            self.given.append(each)
            return space.inverse_transform(space.transform(each.spectra.view(np.float64))).view(np.complex128)

        def losses(each):
            return (np.abs(reconstruct(each) - each.spectra) ** 2).sum(axis=1)

        return TrainedGenerator(GeneratedSpectra(*spectra(300, 1 + seed)), losses, reconstruct)


@pytest.fixture(scope="module")
def trained(real, tmp_path_factory):
    labels = np.arange(2.0 * SUBJECTS).reshape(SUBJECTS, 2)
    real = dataclasses.replace(real, labels=labels, second_labels=-labels, label_names=("a", "b"))
    model = Components(real)
    study = study_of(real, {"model": (model,)}, tmp_path_factory.mktemp("trained"))
    return model, next(study.results()).realism["model"]


def test_the_loss_of_a_model_that_overfits_tells_who_was_in_the_training(trained):
    # 32 components of 40 spectra hold most of their noise.
    assert trained[1].memorisation.white_box > 0.9
    assert trained[1].memorisation.membership < 0.7


def test_held_out_spectra_are_reconstructed_after_the_training(trained):
    model, realism = trained
    # The model is the reference, but for its window; what components of so simple spectra leave is the noise.
    assert realism.reconstruction.median == pytest.approx(realism.reconstruction.pca, rel=0.1)
    assert realism.reconstruction.median == pytest.approx(realism.reconstruction.noise, rel=0.1)
    assert [len(each) for each in model.given] == [40, 20, 20]


def test_no_model_sees_the_labels_that_the_utility_is_tested_on(trained):
    assert all(each.labels is not None and each.second_labels is None for each in trained[0].given)


def test_whole_sites_are_left_out(real, tmp_path):
    generator = Counted()
    result = next(iter(study_of(real, {"same": (generator,)}, tmp_path, splits=splits_by_site(real, [0])).results()))
    assert result.split.site == "A"
    assert {real.sites[row] for row in generator.rows[0]} == {"B"}
    assert result.realism["same"].spectra == {"held_out": 30, "training": 30, "generated": 300}
    # A site that no training spectrum is of has no generated spectra, whose noise could be compared.
    assert result.realism["same"].sites["A"].noise is None
    assert result.realism["same"].sites["B"].noise == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize("titles", [["copies"], ["controls"], ["a b", "a_b"]])
def test_generators_have_titles_of_their_own(real, tmp_path, titles):
    with pytest.raises(ValueError, match="a title of its own"):
        study_of(real, dict.fromkeys(titles, (Counted(),)), tmp_path)
