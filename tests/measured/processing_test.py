import dataclasses

import numpy as np
import pytest

from mrs_keras import Acquisition
from mrs_keras.measured import STEPS, process_file, process_scan, read_scans
from mrs_keras.measured.first_point import first_point_is_halved, with_first_point_doubled
from mrs_keras.measured.lines import fit_line
from mrs_keras.measured.scan import ppm_axis, time_axis_s
from mrs_keras.simulation import fid_to_spectrum


@pytest.fixture(scope="module")
def scan(example_dir):
    stem = example_dir / "sub-02" / "mrs" / "sub-02_acq-press"
    return read_scans(f"{stem}_svs.nii.gz", f"{stem}_mrsref.nii.gz")[0]


@pytest.fixture(scope="module")
def processed(scan):
    return process_scan(scan)


def test_all_steps_run_in_the_consensus_order_and_leave_a_record(processed):
    done = [stage.name for stage in processed.stages]
    order = [name for name in ("raw", *STEPS) if name != "first_point"]
    assert done == order
    assert "2 coils, 8 transients" in processed.stages[0].note
    assert processed.transients[0] == 8


def test_the_singlets_end_where_they_belong_and_upright(processed):
    for name, ppm in {"NAA": 2.008, "Cr": 3.027, "Cho": 3.21}.items():
        assert processed.peaks_ppm[name] == pytest.approx(ppm, abs=0.02)
    line = fit_line(processed.fid, processed.bandwidth_hz, processed.spectrometer_frequency_mhz, 3.027)
    assert abs(line.phase_rad) < np.deg2rad(20)


def test_the_phase_and_shift_that_were_added_are_found(scan, processed):
    time = np.arange(scan.points) / scan.bandwidth_hz
    turned = scan.fids * np.exp(1j * (0.7 + 2 * np.pi * 3.0 * time))
    # Without a reference, nothing but these two steps can undo them.
    steps = ("coils", "referencing", "phase")
    alone = dataclasses.replace(scan, reference=None)
    before = process_scan(alone, steps)
    after = process_scan(dataclasses.replace(alone, fids=turned), steps)
    assert after.shift_hz - before.shift_hz == pytest.approx(3.0, abs=0.05)
    # The shift turns the phase by nothing at t = 0; coil weights from the scan itself take out what all coils have.
    np.testing.assert_allclose(after.fid, before.fid, atol=0.02 * np.abs(before.fid).max())


@pytest.mark.parametrize("shift_ppm", [0.2, -0.3])
def test_a_scan_far_off_its_frequency_loses_its_water_and_nothing_else(scan, processed, shift_ppm):
    alone = dataclasses.replace(scan, reference=None)
    straight = process_scan(alone)
    shift_hz = shift_ppm * scan.spectrometer_frequency_mhz
    turn = np.exp(2j * np.pi * shift_hz * time_axis_s(scan.points, scan.bandwidth_hz))
    off = process_scan(dataclasses.replace(alone, fids=scan.fids * turn))
    assert off.shift_hz - straight.shift_hz == pytest.approx(shift_hz, abs=0.5)
    assert off.residual_water == pytest.approx(straight.residual_water, rel=0.1)
    axis = ppm_axis(scan.points, scan.bandwidth_hz, scan.spectrometer_frequency_mhz)
    inside = (axis > 0.5) & (axis < 4.0)
    spectra = [fid_to_spectrum(result.fid)[inside] for result in (straight, off)]
    assert np.linalg.norm(spectra[0] - spectra[1]) < 0.05 * np.linalg.norm(spectra[0])


def test_every_step_can_be_left_out(scan):
    for left_out in set(STEPS) - {"coils"}:
        result = process_scan(scan, [name for name in STEPS if name != left_out])
        assert left_out not in [stage.name for stage in result.stages]
    bare = process_scan(scan, ["coils"])
    assert [stage.name for stage in bare.stages] == ["raw", "coils"]
    assert (bare.shift_hz, bare.phase_rad) == (0.0, 0.0)


def test_steps_run_in_their_order_whatever_the_order_they_are_given_in(scan, processed):
    shuffled = process_scan(scan, list(reversed(STEPS)))
    np.testing.assert_array_equal(shuffled.fid, processed.fid)


def test_the_input_is_not_changed(scan):
    before = scan.fids.copy()
    process_scan(scan)
    np.testing.assert_array_equal(scan.fids, before)


def test_an_unknown_step_is_refused_with_those_that_there_are(scan):
    with pytest.raises(ValueError, match="Expected some of: first_point, coils"):
        process_scan(scan, ["ecc"])


def test_eddy_current_correction_without_a_reference_is_an_error_if_asked_for_else_a_warning(scan):
    alone = dataclasses.replace(scan, reference=None)
    with pytest.raises(ValueError, match=r"needs a water reference.*mrsref"):
        process_scan(alone, STEPS)
    assert "no eddy-current correction" in process_scan(alone).warnings[0]


def test_several_coils_must_be_combined(scan):
    with pytest.raises(ValueError, match="has 2 coils"):
        process_scan(scan, ["phase"])


def test_conjugated_data_are_told_by_their_peaks(scan):
    reference = dataclasses.replace(scan.reference, fids=scan.reference.fids.conj())
    mirrored = dataclasses.replace(scan, fids=scan.fids.conj(), reference=reference)
    with pytest.raises(ValueError, match="looks conjugated"):
        process_scan(mirrored)


def test_a_first_point_that_was_halved_is_doubled_and_others_are_left_alone(scan, processed):
    assert not first_point_is_halved(scan.reference.fids)
    halved = scan.fids.copy()
    halved[..., 0] /= 2
    reference = scan.reference.fids.copy()
    reference[..., 0] /= 2
    again = process_scan(
        dataclasses.replace(scan, fids=halved, reference=dataclasses.replace(scan.reference, fids=reference))
    )
    assert "first_point" in [stage.name for stage in again.stages]
    np.testing.assert_allclose(again.fid, processed.fid, rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(with_first_point_doubled(halved), scan.fids)


def test_noise_of_the_resampled_spectrum_is_what_is_measured_in_it(processed):
    acquisition = Acquisition(processed.spectrometer_frequency_mhz, 1500.0, 1024, (-1.2, 0.2))
    noise = np.diff(processed.spectrum(acquisition), 2)  # second differences: no signal, 6 times the variance
    assert np.std(noise) / np.sqrt(2 * 6) == pytest.approx(processed.noise_sigma(acquisition), rel=0.2)


def test_a_window_outside_the_receivers_band_is_refused(processed):
    with pytest.raises(ValueError, match="band"):
        processed.spectrum(Acquisition(processed.spectrometer_frequency_mhz, 4000.0, 2048, (-6.0, 4.2)))


def test_a_file_is_drawn_before_and_after_each_step(example_dir):
    path = example_dir / "sub-02" / "mrs" / "sub-02_acq-press_svs.nii.gz"
    result, figure = process_file(path)
    assert len(figure.axes) == len(result.stages) - 1
    axes = figure.axes[-1]
    assert axes.get_xlim()[0] > axes.get_xlim()[1]
    assert axes.get_xlabel() == "chemical shift (ppm)"


def test_noise_without_a_spectrum_gets_a_warning(scan):
    draw = np.random.default_rng(0)
    noise = draw.standard_normal((1, 1, 2048)) + 1j * draw.standard_normal((1, 1, 2048))
    alone = dataclasses.replace(scan, fids=noise, reference=None)
    try:
        said = process_scan(alone).warnings
    except ValueError as error:  # by chance, noise can look conjugated
        said = (str(error),)
    assert any("no clear peak" in text or "conjugated" in text for text in said)


def test_a_reference_that_is_no_water_reference_gets_a_warning(scan):
    same = dataclasses.replace(scan, reference=None)
    said = process_scan(dataclasses.replace(scan, reference=same)).warnings
    assert any("is it a water reference" in text for text in said)
    assert not any("is it a water reference" in text for text in process_scan(scan).warnings)
