import dataclasses
import json

import numpy as np
import pytest

from mrs_keras import Acquisition, default_basis
from mrs_keras.generation import TransientDesign, generate_dataset
from mrs_keras.generation.transients import TRUTH_KEY, causal_fid, raw_scan
from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.coils import coil_weights, combine_coils, noise_covariance
from mrs_keras.simulation import CoilArray, fid_to_spectrum
from tests.measured.simulated_transients import Signal, brain

ACQUISITION = Acquisition()
TIME = np.arange(ACQUISITION.points) / ACQUISITION.bandwidth_hz
SILENCE = np.zeros(ACQUISITION.points, complex)
SMALL = TransientDesign(transients=4, coils=2, snr=40.0)


def best_weights(truth):
    """The weights of gain 1 with the least noise (Roemer), and their noise in one transient."""
    coils = CoilArray.from_truth(truth)
    signal = coils.coil_amplitude * np.exp(1j * coils.coil_phase_rad)
    inverse = np.linalg.solve(coils.noise_covariance, signal)
    power = (signal.conj() @ inverse).real
    return inverse.conj() / power, 1 / np.sqrt(power)


def aligned_by_truth(fids, truth):
    turn = np.array(truth["phase_rad"])[:, None] + 2 * np.pi * np.array(truth["shift_hz"])[:, None] * TIME
    return np.einsum("c,ctp->tp", best_weights(truth)[0], fids) * np.exp(-1j * turn)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


# === Noise ===


@pytest.mark.parametrize(("transients", "coils"), [(64, 8), (1, 1), (16, 1), (1, 4)])
def test_the_best_combination_and_average_has_exactly_the_noise_of_the_single_spectrum(transients, coils):
    truth = raw_scan(SILENCE, 3.0, TransientDesign(transients, coils), ACQUISITION, seed=0, row=5).truth
    assert best_weights(truth)[1] / np.sqrt(transients) == pytest.approx(3.0, rel=1e-12)
    assert np.linalg.norm(truth["coil_amplitude"]) == pytest.approx(1.0)


def test_the_noise_of_transients_is_independent_and_that_of_coils_has_the_true_covariance():
    scan = raw_scan(SILENCE, 2.0, TransientDesign(32, 4, noise_correlation=0.5), ACQUISITION, seed=1, row=2)
    true = CoilArray.from_truth(scan.truth).noise_covariance
    for fids, tolerance in ((scan.fids, 0.02), (scan.reference, 0.08)):  # 65,536 samples: 0.4 % each; 4,096: 1.6 %
        noise = fids.reshape(4, -1)
        assert np.linalg.norm(noise @ noise.conj().T / noise.shape[1] / 2 - true) < tolerance * np.linalg.norm(true)
    assert np.abs(true[0, 1]) / np.sqrt(true[0, 0] * true[1, 1]).real == pytest.approx(0.5)
    first = scan.fids[0] / np.sqrt(2 * true[0, 0].real)
    correlation = first @ first.conj().T / ACQUISITION.points
    # Off the diagonal: 0 with a standard deviation of 1 / sqrt(2048) = 0.022.
    assert np.abs(correlation - np.eye(32)).max() < 0.12


def test_combined_and_aligned_by_the_truth_it_is_the_spectrum_and_noise_of_its_level():
    fid = brain(3).fid
    sigma = np.abs(fid_to_spectrum(fid)).max() / 40
    scan = raw_scan(fid, sigma, TransientDesign(64, 8), ACQUISITION, seed=0, row=0)
    noise = aligned_by_truth(scan.fids, scan.truth).mean(axis=0) - causal_fid(fid, ACQUISITION.bandwidth_hz)
    # 4,096 real numbers: a relative standard error of 1.1 %.
    assert noise.view(float).std() == pytest.approx(sigma, rel=0.04)
    # White: a sum over points of N(0, sigma) on the signal itself.
    gain = np.vdot(fid, noise) / np.vdot(fid, fid)
    assert abs(gain) < 4 * sigma / np.linalg.norm(fid)


def test_our_processing_of_the_coils_loses_less_than_3_percent_of_the_snr():
    ratios = []
    for row in range(5):
        fid = causal_fid(brain(row).fid, ACQUISITION.bandwidth_hz)
        sigma = np.abs(fid_to_spectrum(fid)).max() / 40
        scan = raw_scan(fid, sigma, TransientDesign(64, 8), ACQUISITION, seed=0, row=row)
        combined = combine_coils(scan.fids, coil_weights(scan.reference, noise_covariance(scan.fids)))
        found = align_transients(combined, ACQUISITION.bandwidth_hz, 123.2)
        found = found.fids.mean(axis=0)
        shifts_hz = np.linspace(-8, 8, 801)
        gains = [abs(np.vdot(fid * np.exp(2j * np.pi * shift * TIME), found)) for shift in shifts_hz]
        noise = found[1536:].view(float).std()  # after 0.38 s: the lines have decayed
        ratios.append(max(gains) / np.linalg.norm(fid) ** 2 / noise * sigma)
    # The noise of each is known to 2.2 %, that of the mean of five to 1 %.
    assert np.mean(ratios) > 0.97
    assert np.mean(ratios) < 1.03


def test_the_drift_is_found_by_the_alignment_as_well_as_noise_allows():
    signal = brain(1)
    sigma = signal.naa_height() / 60
    scan = raw_scan(signal.fid, sigma, TransientDesign(32, 4), ACQUISITION, seed=0, row=0)
    combined = combine_coils(scan.fids, coil_weights(scan.reference, noise_covariance(scan.fids)))
    found = align_transients(combined, *signal.arguments)
    bound = Signal(causal_fid(signal.fid, signal.bandwidth_hz), *signal.arguments).bound(sigma * np.sqrt(32))
    for values, name, limit in ((found.shift_hz, "shift_hz", bound[0]), (found.phase_rad, "phase_rad", bound[1])):
        error = values - np.array(scan.truth[name])
        assert np.sqrt(np.mean(error**2)) < 1.5 * limit, name
        assert np.std(scan.truth[name]) > 1.5 * limit, f"{name} varies too little for this test"


# === Signal ===


def test_a_causal_fid_keeps_the_real_part_of_the_spectrum_and_ends_with_zeros():
    draw = np.random.default_rng(0)
    fid = draw.standard_normal((2, 2048)).view(complex)[0]
    causal = causal_fid(fid, 4000.0)
    np.testing.assert_allclose(fid_to_spectrum(causal).real, fid_to_spectrum(fid).real, atol=1e-12)
    assert not causal[-120:].any()
    decayed = fid * (np.arange(1024) < 800)
    np.testing.assert_array_equal(causal_fid(decayed, 4000.0), decayed)


def test_the_water_reference_is_a_line_at_4_65_ppm_that_gives_the_phases_of_the_coils():
    fid = brain(0).fid
    scan = raw_scan(fid, 1.0, TransientDesign(2, 4), ACQUISITION, seed=0, row=0)
    truth = scan.truth
    first = scan.reference[:, 0] * np.exp(-1j * truth["reference_phase_rad"][0])
    phases = np.angle(first[:, 0] * np.exp(-1j * np.array(truth["coil_phase_rad"])))
    np.testing.assert_allclose(phases, 0, atol=0.02)
    spectrum = np.abs(fid_to_spectrum(first))
    assert np.all(np.abs(ACQUISITION.ppm_axis[spectrum.argmax(axis=1)] - 4.65) < 0.02)
    assert 200 < truth["water_amplitude"] / np.abs(fid).max() < 400


def test_motion_is_off_by_default_and_marked_in_the_truth():
    still = raw_scan(SILENCE, 1.0, TransientDesign(16, 1), ACQUISITION, seed=0, row=0).truth
    assert still["corrupted_transients"] == []
    moved = raw_scan(SILENCE, 1.0, TransientDesign(16, 1, motion_probability=1.0), ACQUISITION, seed=0, row=0).truth
    assert 1 <= len(moved["corrupted_transients"]) <= 2
    unmoved = np.setdiff1d(np.arange(16), moved["corrupted_transients"])
    shift, unmoved_shift = np.array(still["shift_hz"])[unmoved], np.array(moved["shift_hz"])[unmoved]
    np.testing.assert_allclose(np.diff(unmoved_shift), np.diff(shift), atol=1e-12)
    assert unmoved_shift.mean() == pytest.approx(0, abs=1e-12)


# === Files ===


def test_a_bids_folder_is_read_back_with_coils_transients_reference_and_truth(source, tmp_path):
    pytest.importorskip("nifti_mrs")
    from mrs_keras.measured import find_scans, read_scans

    water = (2.0, 2.0)
    folder = generate_dataset(
        source, tmp_path / "scans", number=2, format="bids", transients=SMALL, residual_water=water, echo_time_ms=30.0
    )
    clean = generate_dataset(source, tmp_path / "clean.nii.gz", number=2)
    expected = read_scans(clean)[1]
    assert [file.reference is not None for file in find_scans(folder, site="(sub)-")] == [True, True]
    scan = read_scans(folder / "sub-000001" / "mrs" / "sub-000001_svs.nii.gz")[0]
    assert scan.fids.shape == (2, 4, 2048)
    truth = scan.header[TRUTH_KEY]
    assert scan.header["NoiseSigma"]["Value"] * truth["snr"] == pytest.approx(
        np.abs(fid_to_spectrum(expected.fids[0, 0]))[ACQUISITION.window].max(), rel=1e-5
    )
    assert truth["snr"] == pytest.approx(40.0)
    # The signal after 0.1 s, where residual water has decayed, is that of the clean file.
    late = slice(400, 1200)
    difference = (aligned_by_truth(scan.fids, truth).mean(axis=0) - expected.fids[0, 0])[late]
    assert difference.view(float).std() == pytest.approx(scan.header["NoiseSigma"]["Value"], rel=0.1)
    assert "ResidualWater" in scan.header
    early = aligned_by_truth(scan.fids, truth).mean(axis=0) - expected.fids[0, 0]
    assert np.abs(early[:100]).mean() > 3 * np.abs(early[late]).mean()
    reference = read_scans(folder / "sub-000001" / "mrs" / "sub-000001_mrsref.nii.gz")[0]
    assert reference.fids.shape == (2, 2, 2048)
    assert reference.header["WaterSuppressed"] is False
    sidecar = json.loads((folder / "sub-000001" / "mrs" / "sub-000001_svs.json").read_text())
    assert (sidecar["NumberReceiveCoilActiveElements"], sidecar["NumberOfTransients"]) == (2, 4)


def test_a_scan_has_the_same_bytes_among_any_number_and_others_with_another_seed(source, tmp_path):
    pytest.importorskip("nifti_mrs")
    two, three, other = (
        contents(
            generate_dataset(
                source, tmp_path / f"{number}-{seed}", number=number, seed=seed, format="bids", transients=SMALL
            )
        )
        for number, seed in ((2, 0), (3, 0), (2, 1))
    )
    for name in (name for name in two if name.startswith("sub-")):
        assert three[name] == two[name], name
    for kind in ("svs", "mrsref"):
        name = f"sub-000000/mrs/sub-000000_{kind}.nii.gz"
        assert other[name] != two[name]


def test_processed_as_a_measured_dataset_it_gives_the_spectra_labels_and_noise_again(source, tmp_path):
    pytest.importorskip("nifti_mrs")
    from mrs_keras.measured import MeasuredRecipe, process_folder

    design = TransientDesign(transients=16, coils=4, snr=100.0)
    given = {"NAA": [9.0, 14.0], "PCr": [4.0, 5.0]}
    folder = generate_dataset(source, tmp_path / "raw", concentrations=given, format="bids", transients=design)
    single = np.load(generate_dataset(source, tmp_path / "single.npz", concentrations=given))["spectrum"]
    recipe = MeasuredRecipe(str(folder))
    examples = process_folder(recipe, jobs=1)
    values, _ = recipe.matched_labels
    np.testing.assert_allclose(values, np.transpose(list(given.values())))
    sigma = np.linalg.norm(single, axis=-1).max(axis=1) / 100
    np.testing.assert_allclose(examples.numbers["noise_sigma"], sigma, rtol=0.06)  # 2,048 points or fewer: 2 %
    # 252 points: 1.0 within 4.5 %, were the alignment without error.
    difference = examples.spectra[..., 0] - single[..., 0]
    np.testing.assert_allclose(np.sqrt(np.mean(difference**2, axis=1)) / sigma, 1.0, atol=0.25)


# === Bad input ===


def test_a_model_without_noise_needs_an_snr_and_leaves_nothing(source, tmp_path):
    design = dataclasses.replace(SMALL, snr=None)
    basis = tmp_path / "given.npz"
    default_basis().save(basis)
    with pytest.raises(ValueError, match="generates spectra without it.*--snr 40"):
        generate_dataset(source, tmp_path / "scans", number=2, format="bids", transients=design, with_basis=basis)
    assert list(tmp_path.iterdir()) == [basis]


@pytest.mark.parametrize("name", ["spectra.npz", "spectra.nii.gz", "folder"])
def test_formats_that_cannot_hold_coils_say_which_can(source, tmp_path, name):
    with pytest.raises(ValueError, match="cannot hold transients and coils.*'bids'"):
        generate_dataset(source, tmp_path / name, number=2, transients=SMALL)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"transients": 0}, "`transients` must be a whole number of at least 1"),
        ({"coils": 2.5}, "`coils` must be a whole number"),
        ({"drift_hz": -1.0}, "`drift_hz` must be"),
        ({"drift_rad": float("nan")}, "`drift_rad` must be"),
        ({"noise_correlation": 1.0}, "`noise_correlation` must be.*0.95"),
        ({"motion_probability": 2.0}, "`motion_probability` must be.*at most 1"),
        ({"snr": 0.0}, "`snr` must be a finite number above 0"),
    ],
)
def test_a_design_out_of_range_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SMALL, **change)


def test_a_scan_that_memory_cannot_hold_is_refused_before_the_work(source, tmp_path):
    design = TransientDesign(transients=100_000, coils=64, snr=40.0)
    with pytest.raises(ValueError, match=r"are 97.7 GiB for each spectrum"):
        generate_dataset(source, tmp_path / "scans", number=1, format="bids", transients=design)
