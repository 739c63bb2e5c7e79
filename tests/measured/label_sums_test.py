"""Sums and ratios with their uncertainties; how labels meet scans; which labels are worth conditioning on."""

import dataclasses
import warnings

import numpy as np
import pytest

from mrs_keras.measured.label_match import match_labels
from mrs_keras.measured.label_sums import DEFAULT_LABEL_NAMES, LabelValues, labels_of
from mrs_keras.measured.label_tables import LabelTable, read_label_table
from mrs_keras.measured.label_worth import agreement, conditioning_worth
from tests.conftest import SHARED_DATA

BIG_GABA = SHARED_DATA / "invivo_biggaba"
needs_big_gaba = pytest.mark.skipif(not BIG_GABA.exists(), reason="the Big GABA data are not beside this checkout")


def a_table(unit="mM", deviations=(), **values) -> LabelTable:
    """A table with columns of values, and of deviations for some."""
    columns = {name: np.array(column, np.float64) for name, column in values.items()}
    rows = len(next(iter(columns.values())))
    unknown = {name: np.full(rows, np.nan) for name in columns}
    known = {name: np.array(column, np.float64) for name, column in dict(deviations).items()}
    units = {name: "" if "_over_" in name else unit for name in columns}
    return LabelTable(tuple(f"sub-{row}" for row in range(rows)), columns, {**unknown, **known}, units, "TSV")


def some_labels(participants, sessions=None) -> LabelValues:
    values = np.arange(float(len(participants)))[:, None]
    return LabelValues(("NAA",), ("mM",), values, values / 10, tuple(participants), sessions)


def test_a_sum_is_missing_where_a_part_is_missing():
    labels = labels_of(a_table(NAA=[10, 10], NAAG=[2, np.nan]), ["tNAA"])
    np.testing.assert_array_equal(labels.values, [[12], [np.nan]])
    assert labels.units == ("mM",)


def test_the_deviation_of_a_ratio_is_that_of_random_draws():
    table = a_table(Ins=[6.0], Cr=[5.0], PCr=[3.0], deviations={"Ins": [0.3], "Cr": [0.2], "PCr": [0.15]})
    labels = labels_of(table, ["mI_over_tCr"])
    draws = np.random.default_rng(0).normal([6.0, 5.0, 3.0], [0.3, 0.2, 0.15], (400_000, 3))
    np.testing.assert_allclose(labels.values[0, 0], 0.75)
    np.testing.assert_allclose(labels.deviations[0, 0], (draws[:, 0] / draws[:, 1:].sum(axis=1)).std(), rtol=0.01)


def test_the_sum_of_the_table_counts_before_its_parts():
    table = a_table(GPC=[1.0], PCh=[1.0], deviations={"GPC": [0.5], "PCh": [0.5]})
    assert labels_of(table, ["tCho"]).values == 2.0
    with_sum = dataclasses.replace(
        table,
        values={**table.values, "GPC+PCh": np.array([2.5])},
        deviations={**table.deviations, "GPC+PCh": np.array([0.1])},
        unit={**table.unit, "GPC+PCh": "mM"},
    )
    labels = labels_of(with_sum, ["tCho"])
    assert (labels.values[0, 0], labels.deviations[0, 0]) == (2.5, 0.1)


def test_ratios_to_one_signal_give_ratios_to_another():
    labels = labels_of(a_table(NAA_over_tCr=[1.2], Glu_over_tCr=[1.5]), ["Glu_over_NAA"])
    np.testing.assert_allclose(labels.values, 1.25)
    assert np.isnan(labels.deviations[0, 0])


def test_a_label_that_the_table_lacks_is_refused_with_what_it_offers():
    with pytest.raises(
        ValueError, match=r"no values of tCho_over_tCr.*NAA, Cr, PCr, GSH.*without a value: Lac.*label_names"
    ):
        labels_of(a_table(NAA=[1.0], Cr=[1.0], PCr=[1.0], GSH=[1.0], Lac=[np.nan]), ["tCho_over_tCr", "NAA"])
    with pytest.raises(ValueError, match=r"ambiguous.*Ins, mI"):
        labels_of(a_table(Ins=[1.0], mI=[1.0]), ["myo-Ins"])
    with pytest.raises(ValueError, match="1 by definition"):
        labels_of(a_table(Cr=[1.0], PCr=[1.0]), ["tCr_over_tCr"])
    with pytest.raises(ValueError, match="different names"):
        labels_of(a_table(NAA=[1.0]), ["NAA", "NAA"])


def test_scans_without_a_row_are_missing_with_a_warning():
    labels = some_labels(["sub-1", "sub-2", "sub-9"])
    with pytest.warns(UserWarning, match="of labels") as caught:
        values, deviations, report = match_labels(labels, ["sub-2", "sub-7", "sub-1", "sub-2"])
    np.testing.assert_array_equal(values[:, 0], [1, np.nan, 0, 1])
    np.testing.assert_array_equal(deviations[:, 0], [0.1, np.nan, 0, 0.1])
    assert (report.labelled, report.without_row, report.without_scan) == (3, ("sub-7",), ("sub-9",))
    assert ["sub-7" in str(caught[0].message), "sub-9" in str(caught[1].message)] == [True, True]


def test_rows_of_sessions_go_to_the_scans_of_these_sessions():
    labels = some_labels(["sub-1", "sub-1"], ("ses-a", "ses-b"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        values, _, _ = match_labels(labels, ["sub-1", "sub-1"], ["ses-b", "ses-a"])
    np.testing.assert_array_equal(values[:, 0], [1, 0])
    with pytest.raises(ValueError, match=r"sub-1 has 2 rows.*ses-a, ses-b"):
        match_labels(labels, ["sub-1"])


def test_no_match_at_all_is_an_error_with_both_kinds_of_names():
    with pytest.raises(ValueError, match=r"No scan has a row.*sub-01 of the scans; sub-1 of the table"):
        match_labels(some_labels(["sub-1"]), ["sub-01"])


def test_reliability_is_the_fraction_of_the_variance_that_is_not_error():
    random = np.random.default_rng(1)
    truth, deviation = random.normal(10, 2, (20_000, 1)), 1.0
    values = truth + random.normal(0, deviation, truth.shape)
    worth = conditioning_worth(values, np.full(values.shape, deviation))
    np.testing.assert_allclose(worth["reliability"], np.corrcoef(truth[:, 0], values[:, 0])[0, 1] ** 2, atol=0.01)
    np.testing.assert_allclose(worth["spread_over_uncertainty"], np.sqrt(5), rtol=0.02)
    unknown = conditioning_worth(values[:5], np.full((5, 1), np.nan))
    assert np.isnan(unknown["reliability"][0])


@needs_big_gaba
def test_two_programs_agree_on_real_scans_as_far_as_the_data_say(measured):
    names = ("tCho_over_tCr", "tNAA_over_tCr", "GSH_over_tCr", "mI_over_tCr", "Glx_over_tCr")
    lcmodel = labels_of(read_label_table(BIG_GABA / "lcmodel.tsv"), names)
    result = agreement(lcmodel, labels_of(read_label_table(BIG_GABA / "osprey_tCr.tsv"), names))
    measured(f"LCModel and Osprey, r: {dict(zip(names, result['correlation'].round(3).tolist(), strict=True))}")
    np.testing.assert_array_equal(result["rows"], 80)
    np.testing.assert_allclose(result["correlation"], [0.94, 0.84, 0.74, 0.61, 0.22], atol=0.01)
    np.testing.assert_allclose(result["limits_percent"], [8, 9, 28, 19, 35], atol=0.5)


@needs_big_gaba
def test_ratios_computed_from_amplitudes_are_those_of_the_table():
    names = ("NAA_over_tCr", *DEFAULT_LABEL_NAMES)
    own = labels_of(read_label_table(BIG_GABA / "osprey_tCr.tsv"), names)
    computed = labels_of(read_label_table(BIG_GABA / "osprey_amplitudes.tsv"), names)
    np.testing.assert_allclose(computed.values, own.values, rtol=1e-9)


@needs_big_gaba
def test_crlbs_of_a_ratio_are_those_of_both_sides_in_quadrature():
    labels = labels_of(read_label_table(BIG_GABA / "lcmodel.tsv"))
    # sub-P1S01: NAA+NAAG 1 %, GSH 6 %, Cr+PCr 1 %
    np.testing.assert_allclose(labels.values[0, [0, 4]], [1.382, 0.148])
    np.testing.assert_allclose(
        labels.deviations[0, [0, 4]], [1.382 * np.hypot(0.01, 0.01), 0.148 * np.hypot(0.06, 0.01)], rtol=5e-3
    )
