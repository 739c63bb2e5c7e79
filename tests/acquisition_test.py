import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mrs_keras import Acquisition


def test_default_window_is_252_points_from_0_2_to_4_2_ppm():
    ppm = Acquisition().window_ppm_axis
    assert ppm.shape == (252,)
    assert ppm[0] == pytest.approx(0.2, abs=0.016)
    assert ppm[-1] == pytest.approx(4.2, abs=0.032)


def test_time_starts_at_one_dwell_time_and_frequency_includes_both_ends():
    acquisition = Acquisition(123.2, 4000.0, 2048)
    np.testing.assert_allclose(acquisition.time_axis_s[[0, -1]], [1 / 4000, 2048 / 4000])
    np.testing.assert_allclose(acquisition.frequency_axis_hz[[0, -1]], [-2000, 2000])


def test_water_lies_at_4_65_ppm_and_one_ppm_is_the_spectrometer_frequency_in_hz():
    acquisition = Acquisition(123.2, 4000.0, 2048)
    ppm = np.interp([0.0, 123.2], acquisition.frequency_axis_hz, acquisition.ppm_axis)
    np.testing.assert_allclose(ppm, [4.65, 5.65])


@given(
    frequency=st.floats(40, 500), bandwidth=st.floats(1000, 20000), points=st.integers(64, 4096), low=st.floats(0.1, 3)
)
def test_window_holds_the_points_between_those_nearest_to_its_limits(frequency, bandwidth, points, low):
    spacing = bandwidth / (points - 1) / frequency
    reach = bandwidth / 2 / frequency
    window = (max(low, 4.65 - reach), min(low + 2 + 2 * spacing, 4.65 + reach))
    if window[1] - window[0] < 2 * spacing:
        return
    acquisition = Acquisition(frequency, bandwidth, points, window)
    ppm = acquisition.window_ppm_axis
    assert len(ppm) == acquisition.window_points > 0
    assert ppm[0] == pytest.approx(window[0], abs=0.501 * spacing)
    assert ppm[-1] + spacing == pytest.approx(window[1], abs=0.501 * spacing)


def test_settings_survive_json():
    acquisition = Acquisition(127.7, 2000.0, 1024, (0.5, 4.0))
    assert Acquisition(**acquisition.to_dict()) == acquisition


@pytest.mark.parametrize("value", [0, -1.0, float("nan"), float("inf"), "4000", None])
@pytest.mark.parametrize("name", ["bandwidth_hz", "spectrometer_frequency_mhz"])
def test_a_setting_that_is_not_a_positive_number_is_refused(name, value):
    with pytest.raises(ValueError, match=f"`{name}` must be a finite number above 0.*Received"):
        Acquisition(**{name: value})


@pytest.mark.parametrize("points", [0, -5, 1, 2048.0, True])
def test_points_that_are_no_count_are_refused(points):
    with pytest.raises(ValueError, match="`points` must be a whole number"):
        Acquisition(points=points)


@pytest.mark.parametrize("window", [(4.2, 0.2), (0.2, 0.2), (-20.0, 4.2), (0.2, 40.0), (float("nan"), 4.2)])
def test_a_window_outside_the_spectrum_or_upside_down_is_refused(window):
    with pytest.raises(ValueError, match="`ppm_window` must be .*Expected edges from .*Received"):
        Acquisition(ppm_window=window)


@pytest.mark.parametrize("window", [None, 4.2, (0.2,), (0.2, 1.0, 4.2), ("low", "high")])
def test_a_window_that_is_not_two_numbers_is_refused(window):
    with pytest.raises(ValueError, match="`ppm_window` must be two numbers"):
        Acquisition(ppm_window=window)


def test_a_window_between_two_points_is_refused():
    with pytest.raises(ValueError, match="at least one point"):
        Acquisition(ppm_window=(2.0, 2.001))
