"""The main table and the targets of the presets."""

import re

import pytest

from mrs_keras.evaluation.table import PERCENT, STATISTIC, Row, main_table, number_at
from mrs_keras.evaluation.targets import Target, targets_of
from mrs_keras.models import CVAE_PRESETS
from tests.conftest import REPOSITORY

NUMBERS = {
    "latent_dim": 4,
    "error": 0.0123,
    "generation": {"default_prior": "wide", "wide": {"ks": {"gamma": 0.2, "eps": 0.1}}, "simulated": {"ks": {}}},
    "labels": {"NAA": {"r2": 0.01}, "PCr": {"r2": 0.3}},
}
ROWS = (
    Row("error", "error with {latent_dim} latents", PERCENT),
    Row("generation.{prior}.ks.{parameter}", "{prior}: {parameter}", STATISTIC),
    Row("labels.*.r2", "largest R2", STATISTIC),
    Row("noise.median", "noise", PERCENT),
)

README_ROWS = {
    "reconstruction, relative L2 (%)": "reconstruction.model.median",
    "concentration of reconstructions, off by (%)": "reconstruction.parameters.model.all_concentrations.median",
    "concentration of generated spectra, off by (%)": "generation.fitted.concentration_error.median",
    "distance from the physical model (%)": "generation.fitted.distance_from_physical_model.median",
    "Kolmogorov-Smirnov statistic: gamma": "generation.fitted.ks.gamma",
    "sigma": "generation.fitted.ks.sigma",
    "eps": "generation.fitted.ks.eps",
    "phi0": "generation.fitted.ks.phi0",
    "labels from latents, R2": "latent_space.labels.*.nonlinear",
    **{
        f"pairs that differ in {name}: monotone paths (%)": f"random_pairs.{name}.numbers.varied.{name}.monotone"
        for name in ("phi0", "gamma", "sigma")
    },
}


def test_a_row_stands_for_every_number_of_its_path():
    targets = {"labels.*.r2": Target("at most", 0.05), "generation.wide.ks.eps": Target("less than", 0.5)}
    assert main_table(NUMBERS, ROWS, targets, {"wide": "wide prior"}).splitlines() == [
        "                          measured  expected",
        "error with 4 latents        1.23 %",
        "wide prior: gamma            0.200",
        "wide prior: eps              0.100  < 0.50",
        "largest R2                   0.300  <= 0.05",
    ]


def test_without_targets_nothing_is_said_to_be_expected():
    table = main_table({**NUMBERS, "failure": "The training diverged."}, ROWS, {}, {})
    assert table.splitlines()[0].split() == ["measured"]
    assert table.splitlines()[-1] == "The training diverged."


def test_a_number_that_is_missing_is_no_number():
    assert number_at(NUMBERS, "generation.wide.ks.gamma") == 0.2
    with pytest.raises(KeyError):
        number_at(NUMBERS, "noise.median")


@pytest.mark.parametrize(
    ("relation", "met", "missed"), [("at most", 2, 3), ("less than", 1, 2), ("at least", 2, 1), ("is", 2, 1)]
)
def test_a_target_is_met_or_missed(relation, met, missed):
    assert Target(relation, 2).is_met(met)
    assert not Target(relation, 2).is_met(missed)


def test_targets_are_those_of_the_preset_on_its_own_dataset():
    assert targets_of("base", "naa_pcr")["reconstruction.model.median"] == Target("at most", 0.012)
    assert targets_of("endless", "naa_pcr")["reconstruction.model.median"] == Target("at most", 0.004)
    assert targets_of("base", "brain_press_te30") == targets_of("brain", "brain_press_te30_uniform") == {}
    assert targets_of("a preset of someone's own", "naa_pcr") == {}


@pytest.mark.parametrize("preset", ["base", "endless"])
def test_the_readme_of_the_models_names_the_targets_of_a_preset(preset):
    text = (REPOSITORY / "mrs_keras" / "models" / "README.md").read_text(encoding="utf-8")
    cells = [
        [cell.strip().replace("\\|", "or") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line in text.splitlines()
        if line.startswith("|")
    ]
    column = next(row for row in cells if f"target of `{preset}`" in row).index(f"target of `{preset}`")
    named = {row[0]: row[column] for row in reversed(cells) if len(row) > column and row[0] in README_ROWS}
    targets = CVAE_PRESETS[preset]["targets"]
    assert named.keys() == README_ROWS.keys()
    for label, path in README_ROWS.items():
        assert float(named[label]) / (100 if "%" in label else 1) == pytest.approx(targets[path][1])
