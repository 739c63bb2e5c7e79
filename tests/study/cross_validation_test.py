import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.evaluation.realism import GeneratedSpectra, RealSpectra
from mrs_keras.study import cross_validate
from mrs_keras.study.realism_page import above_floor_rows, summary_table

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


def results_of(real, generator, folder, key="", seeds=(0,)):
    return list(cross_validate(real, {"same": generator}, seeds=seeds, folds=3, parts=folder, key=key))


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
    folder, again = measured_once[0], Counted()
    other = dataclasses.replace(real, spectra=real.spectra * 2) if changed == "spectra" else real
    first = next(
        cross_validate(other, {"same": again}, seeds=[0], folds=3, parts=folder, key="x" if changed == "key" else "")
    )
    assert len(again.rows) == 1
    assert first.fold == 0


def test_the_table_gives_differences_from_the_floor_of_the_same_split(measured_once):
    results = measured_once[2]
    header, rows = above_floor_rows(results)
    assert header == ("above real against real", "same")
    excess = [each.realism["same"].two_sample.auc - each.realism["real spectra"].two_sample.auc for each in results]
    assert dict(rows)["AUC"].startswith(f"{np.mean(excess):+.2f} (")
    assert "above real against real" in summary_table(results)
