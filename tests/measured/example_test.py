"""The example: a BIDS folder of simulated scans, read back as a user would, and held against its own truth."""

import csv
import json
import math

import numpy as np
import pytest

from mrs_keras.acquisition import Acquisition
from mrs_keras.measured.example import write_example
from mrs_keras.measured.example_descriptions import TRUTH_KEY
from mrs_keras.measured.scan_design import ScanDesign
from mrs_keras.measured.simulated_scans import simulate_scan
from mrs_keras.simulation import CoilArray, voigt_fwhm_hz

nifti_mrs = pytest.importorskip("nifti_mrs.nifti_mrs")

SMALL = {"participants": 2, "coils": 2, "transients": 4}
POINTS, BANDWIDTH_HZ = 2048, 2000.0
TIME = np.arange(POINTS) / BANDWIDTH_HZ
PPM = 4.65 + np.fft.fftshift(np.fft.fftfreq(POINTS, 1 / BANDWIDTH_HZ)) / 123.2


def spectrum_of(fid):
    fid = np.array(fid)
    fid[..., 0] /= 2
    return np.fft.fftshift(np.fft.fft(fid, norm="ortho"), axes=-1)


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def table(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def fids_and_truth(folder, participant="sub-01", suffix="svs"):
    file = nifti_mrs.NIFTI_MRS(folder / participant / "mrs" / f"{participant}_acq-press_{suffix}.nii.gz")
    return file[0, 0, 0].transpose(1, 2, 0), file.hdr_ext[TRUTH_KEY]


def combined(fids, truth):
    """The best combination of the coils, with a gain of 1, by the truth: (transients, points)."""
    signal = np.array(truth["coil_amplitude"]) * np.exp(1j * np.array(truth["coil_phase_rad"]))
    weights = np.linalg.solve(CoilArray.from_truth(truth).noise_covariance, signal)
    weights /= signal.conj() @ weights
    return np.einsum("c,ctp->tp", weights.conj(), fids)


def eddy_phase(truth, time=TIME):
    """Integral of 2 pi A exp(-t / tau)."""
    amplitude_hz, tau_s = truth["eddy_amplitude_hz"], truth["eddy_time_constant_s"]
    return 2 * np.pi * amplitude_hz * tau_s * (1 - np.exp(-time / tau_s))


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("example") / "example"
    write_example(path, **SMALL)
    return path


# === Files ===


def test_the_folder_is_laid_out_as_bids_lays_it(folder):
    scans = [
        f"{i}/mrs/{i}_acq-press_{k}.{e}"
        for i in ("sub-01", "sub-02")
        for k in ("svs", "mrsref")
        for e in ("json", "nii.gz")
    ]
    tables = [f"{name}.{e}" for name in ("participants", "labels", "truth") for e in ("tsv", "json")]
    assert sorted(contents(folder)) == sorted([".bidsignore", "README", "dataset_description.json", *tables, *scans])
    description = json.loads((folder / "dataset_description.json").read_text())
    assert description["DatasetType"] == "raw"
    assert description["License"] == "CC0"
    assert "simulated" in description["GeneratedBy"][0]["Description"]
    assert table(folder / "participants.tsv") == [
        {"participant_id": "sub-01", "site": "site1"},
        {"participant_id": "sub-02", "site": "site2"},
    ]


@pytest.mark.parametrize(("suffix", "transients"), [("svs", 4), ("mrsref", 2)])
def test_file_and_sidecar_agree_with_the_standard_and_each_other(folder, suffix, transients):
    from nifti_mrs.validator import validate_nifti_mrs

    stem = folder / "sub-02" / "mrs" / f"sub-02_acq-press_{suffix}"
    file = nifti_mrs.NIFTI_MRS(f"{stem}.nii.gz")
    validate_nifti_mrs(file.image)
    assert file.shape == (1, 1, 1, POINTS, 2, transients)
    assert file.dim_tags == ["DIM_COIL", "DIM_DYN", None]
    sidecar = json.loads(stem.with_name(f"{stem.name}.json").read_text())
    for key in (
        "ResonantNucleus",
        "SpectrometerFrequency",
        "SpectralWidth",
        "EchoTime",
        "RepetitionTime",
        "SequenceName",
    ):
        assert sidecar[key] == file.hdr_ext[key], key
    assert (sidecar["EchoTime"], sidecar["RepetitionTime"], sidecar["SequenceName"]) == (0.03, 2.0, "press")
    assert sidecar["NumberOfTransients"] == transients
    assert sidecar["WaterSuppression"] == file.hdr_ext["WaterSuppressed"] == (suffix == "svs")
    assert file.hdr_ext["ConversionMethod"] == "mrs_keras example"
    assert "SIMULATED" in file.hdr_ext[TRUTH_KEY]["Description"]


def test_the_same_seed_gives_the_same_bytes_serial_or_parallel(folder, tmp_path):
    write_example(tmp_path / "serial", **SMALL, workers=1)
    write_example(tmp_path / "parallel", **SMALL, workers=2)
    assert contents(tmp_path / "serial") == contents(tmp_path / "parallel") == contents(folder)
    write_example(tmp_path / "other", **SMALL, seed=1)
    scan = "sub-01/mrs/sub-01_acq-press_svs.nii.gz"
    assert contents(tmp_path / "other")[scan] != contents(folder)[scan]


def test_a_participant_does_not_depend_on_the_number_of_participants(folder, tmp_path):
    write_example(tmp_path / "three", **{**SMALL, "participants": 3})
    more, fewer = contents(tmp_path / "three"), contents(folder)
    for name in (name for name in fewer if name.startswith("sub-")):
        assert more[name] == fewer[name], name
    for name in ("labels.tsv", "truth.tsv"):
        assert more[name].startswith(fewer[name])


def test_labels_are_near_the_truth_and_one_is_missing(tmp_path):
    write_example(
        tmp_path / "many",
        participants=40,
        coils=1,
        transients=1,
        acquisition=Acquisition(bandwidth_hz=2000.0, points=512),
    )
    labels, truth = table(tmp_path / "many" / "labels.tsv"), table(tmp_path / "many" / "truth.tsv")
    described = json.loads((tmp_path / "many" / "truth.json").read_text())
    assert described["NAA"]["Units"] == "mM"
    assert set(described) == set(truth[0]) - {"participant_id"}
    errors, missing = [], []
    sums = {"tNAA": "NAA NAAG", "tCho": "GPC PCho", "mI": "Ins", "Glx": "Glu Gln", "GSH": "GSH"}
    for label, true in zip(labels, truth, strict=True):
        assert label["participant_id"] == true["participant_id"]
        for name, members in sums.items():
            ratio = sum(float(true[m]) for m in members.split()) / (float(true["Cr"]) + float(true["PCr"]))
            value, deviation = label[f"{name}_over_tCr"], label[f"{name}_over_tCr_sd"]
            if value == "n/a":
                missing.append((label["participant_id"], name, deviation))
                continue
            assert 0.01 < float(deviation) / ratio < 0.3
            errors.append((float(value) - ratio) / float(deviation))
    assert missing == [("sub-02", "GSH", "n/a")]
    # 199 standard normal numbers: the standard error of their standard deviation is 0.05.
    assert np.std(errors) == pytest.approx(1.0, abs=0.2)
    assert abs(np.mean(errors)) < 0.3


# === What may be replaced ===


def test_an_earlier_example_is_replaced_only_on_request(tmp_path):
    write_example(tmp_path / "example", **SMALL)
    before = contents(tmp_path / "example")
    with pytest.raises(FileExistsError, match=r"example' holds an earlier example.*`overwrite=True`.*`--overwrite`"):
        write_example(tmp_path / "example", **SMALL, seed=1)
    assert contents(tmp_path / "example") == before
    write_example(tmp_path / "example", **SMALL, seed=1, overwrite=True)
    assert contents(tmp_path / "example") != before
    assert [path.name for path in tmp_path.iterdir()] == ["example"]


def test_no_other_file_is_ever_lost(tmp_path):
    write_example(tmp_path / "example", **SMALL)
    own = tmp_path / "example" / "derivatives" / "fit.csv"
    own.parent.mkdir()
    own.write_text("mine")
    with pytest.raises(FileExistsError, match=r"derivatives.fit\.csv', which would be lost"):
        write_example(tmp_path / "example", **SMALL, overwrite=True)
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "dataset_description.json").write_text('{"Name": "My study"}')
    with pytest.raises(FileExistsError, match="not an earlier example"):
        write_example(tmp_path / "study", **SMALL, overwrite=True)
    with pytest.raises(FileExistsError, match="is a file"):
        write_example(own, **SMALL, overwrite=True)
    assert own.read_text() == "mine"


def test_an_empty_folder_is_filled(tmp_path):
    (tmp_path / "empty").mkdir()
    write_example(tmp_path / "empty", **SMALL)
    assert (tmp_path / "empty" / "sub-02").is_dir()


def test_a_failure_half_way_leaves_nothing(tmp_path, monkeypatch):
    def fails(participant, design):
        if participant == 1:
            raise RuntimeError("no more")
        return simulate_scan(participant, design)

    monkeypatch.setattr("mrs_keras.measured.example.simulate_scan", fails)
    with pytest.raises(RuntimeError, match="no more"):
        write_example(tmp_path / "example", **SMALL)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"participants": 0}, "`participants` must be a whole number"),
        ({"sites": 3}, r"at most 2 sites\. Received: sites=3"),
        ({"coils": 1.5}, "`coils` must be a whole number"),
        ({"transients": -1}, "`transients` must be a whole number"),
        ({"seed": -1}, "`seed` must be a whole number"),
        ({"workers": 0}, "`workers` must be a whole number"),
        ({"acquisition": Acquisition(bandwidth_hz=2000.0, points=64)}, "Give at least 400 points"),
    ],
)
def test_a_wrong_number_is_refused(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        write_example(tmp_path / "example", **{**SMALL, **change})
    assert list(tmp_path.iterdir()) == []


# === Physics ===


@pytest.mark.parametrize("participant", ["sub-01", "sub-02"])
def test_undone_by_the_truth_naa_is_at_2_01_ppm_with_zero_phase(folder, participant):
    fids, truth = fids_and_truth(folder, participant)
    turn = np.array(truth["phase_rad"])[:, None] + 2 * np.pi * np.array(truth["shift_hz"])[:, None] * TIME
    good = np.setdiff1d(np.arange(4), truth["corrupted_transients"])
    fid = (combined(fids, truth) * np.exp(-1j * (turn + eddy_phase(truth))))[good].mean(axis=0)
    residual = truth["residual_water"]
    rows = [{name: value[line] for name, value in residual.items()} for line in range(len(residual["height"]))]
    for row in rows:  # its formula, as documented
        envelope = np.exp(-row["gamma"] * TIME - (row["sigma"] * TIME) ** 2)
        scale = row["height"] * math.sqrt(POINTS) / (envelope.sum() - envelope[0] / 2)
        fid = fid - scale * envelope * np.exp(1j * (row["phase"] + 2 * np.pi * row["shift_hz"] * TIME))
    spectrum = spectrum_of(fid)
    near = (PPM > 1.8) & (PPM < 2.2)
    peak = np.flatnonzero(near)[spectrum.real[near].argmax()]
    assert PPM[peak] == pytest.approx(2.01, abs=0.02)
    assert spectrum.real[peak] == pytest.approx(truth["naa_height"], rel=0.05)
    # NAA and NAAG as Voigt lines of the true width, which the 2 Hz of the basis broaden, on a straight background.
    decay = np.exp(-(truth["gamma"] + 2 * np.pi) * TIME - (truth["sigma"] * TIME) ** 2)
    lines = [spectrum_of(decay * np.exp(2j * np.pi * (ppm - 4.65) * 123.2 * TIME)) for ppm in (2.00688, 2.0408)]
    near = (PPM > 1.95) & (PPM < 2.08)
    model = np.stack([*lines, np.ones(POINTS), PPM - 2.0], axis=1)
    amplitude = np.linalg.lstsq(model[near], spectrum[near], rcond=None)[0][0]
    assert abs(np.angle(amplitude)) < 0.1
    assert abs(amplitude) == pytest.approx(3 * truth["concentrations_mM"]["NAA"], rel=0.1)
    noise = spectrum[PPM < -1.0].real.std()
    assert noise == pytest.approx(truth["noise_sigma"] * np.sqrt(4 / len(good)), rel=0.1)
    assert truth["naa_height"] / truth["noise_sigma"] == pytest.approx(truth["snr"])
    assert 30 <= truth["snr"] <= 120


def test_shift_and_phase_of_transients_are_found_in_the_fids():
    """The maximum of the correlation of each transient with the first, by a search over shifts."""
    simulated = simulate_scan(1, ScanDesign(coils=4, transients=16))
    truth = simulated.truth
    fids = combined(simulated.scan.fids, truth)
    good = np.setdiff1d(np.arange(16), truth["corrupted_transients"])
    candidates_hz = np.arange(-8, 8, 0.02)
    early = slice(0, 600)
    turns = np.exp(-2j * np.pi * np.outer(TIME[early], candidates_hz))
    correlation = (fids[good, early] * fids[good[0], early].conj()) @ turns
    best = np.abs(correlation).argmax(axis=1)
    shift_hz, phase_rad = candidates_hz[best], np.angle(correlation[np.arange(len(good)), best])
    for found, name, tolerance in ((phase_rad, "phase_rad", 0.05), (shift_hz, "shift_hz", 0.15)):
        true = np.array(truth[name])[good] - truth[name][good[0]]
        assert np.sqrt(np.mean((found - true) ** 2)) < tolerance, name
        assert np.std(true) > 1.5 * tolerance, f"{name} varies too little for this test"


@pytest.mark.parametrize("participant", ["sub-01", "sub-02"])
@pytest.mark.parametrize("suffix", ["svs", "mrsref"])
def test_the_noise_has_the_covariance_of_the_truth(participant, suffix):
    design = ScanDesign(coils=4, transients=16, reference_transients=16)
    simulated = simulate_scan(int(participant[-1]) - 1, design)
    scan = simulated.scan if suffix == "svs" else simulated.scan.reference
    noise = scan.fids[:, :, 1400:].reshape(4, -1)  # after 0.7 s, when all signal has decayed
    sample = noise @ noise.conj().T / noise.shape[1] / 2
    truth = CoilArray.from_truth(simulated.truth).noise_covariance
    assert np.linalg.norm(sample - truth) < 0.05 * np.linalg.norm(truth)
    assert np.abs(truth.imag).max() > 0.05 * np.abs(truth).max()  # cables turn the noise, too


def test_the_water_reference_shows_water_coils_and_eddy_currents(folder):
    fids, truth = fids_and_truth(folder, suffix="mrsref")
    fid = combined(fids, truth)[0]
    fid = fid * np.exp(-1j * (truth["reference_phase_rad"][0] + 2 * np.pi * truth["reference_shift_hz"][0] * TIME))
    early = slice(0, 300)
    # Metabolites are 3e-3 of it.
    np.testing.assert_allclose(np.angle(fid * np.exp(-1j * eddy_phase(truth)))[early], 0, atol=0.02)
    spectrum = np.abs(spectrum_of(fid * np.exp(-1j * eddy_phase(truth))))
    assert PPM[spectrum.argmax()] == pytest.approx(4.65, abs=0.01)
    fwhm_hz = (
        (spectrum_of(fid * np.exp(-1j * eddy_phase(truth))).real > spectrum.max() / 2).sum() * BANDWIDTH_HZ / POINTS
    )
    assert fwhm_hz == pytest.approx(voigt_fwhm_hz(truth["gamma"] + 1 / 0.08, truth["sigma"]), abs=1.1)
    # 2 protons, 33 to 38 M, e^-(30/80) of it at the echo: 1e5 protons of 3 x 10 mM for NAA.
    assert 2 * 33e3 * 0.68 < abs(fid[0]) < 2 * 38e3 * 0.7


def test_sites_differ_and_some_scans_have_corrupted_transients():
    design = ScanDesign()
    scans = [simulate_scan(participant, design) for participant in range(12)]
    by_site = [[scan.truth for scan in scans if scan.site == site] for site in range(2)]
    snr = [np.mean([truth["snr"] for truth in truths]) for truths in by_site]
    assert max(snr) > 1.3 * min(snr)
    assert all(30 <= truth["snr"] <= 120 for truths in by_site for truth in truths)
    cables = [truths[0]["cable_phase_rad"] for truths in by_site]
    assert np.abs(np.subtract(*cables)).max() > 0.5
    assert by_site[0][0]["site_gain"] != by_site[1][0]["site_gain"]
    counts = [len(scan.truth["corrupted_transients"]) for scan in scans]
    assert set(counts) == {0, 1, 2}
    assert 2 <= np.count_nonzero(counts) <= 8


def test_corrupted_transients_stand_out_from_the_others():
    simulated = next(
        scan
        for scan in (simulate_scan(participant, ScanDesign()) for participant in range(12))
        if len(scan.truth["corrupted_transients"]) == 2
    )
    spectra = spectrum_of(combined(simulated.scan.fids, simulated.truth))
    distance = np.linalg.norm(spectra - np.median(spectra.real, axis=0) - 1j * np.median(spectra.imag, axis=0), axis=1)
    assert sorted(np.argsort(distance)[-2:]) == simulated.truth["corrupted_transients"]


def test_another_acquisition_is_used_throughout():
    acquisition = Acquisition(spectrometer_frequency_mhz=127.7, bandwidth_hz=2500.0, points=1024)
    simulated = simulate_scan(0, ScanDesign(acquisition=acquisition))
    scan, truth = simulated.scan, simulated.truth
    assert (scan.points, scan.bandwidth_hz, scan.spectrometer_frequency_mhz) == (1024, 2500.0, 127.7)
    ppm = 4.65 + np.fft.fftshift(np.fft.fftfreq(1024, 1 / 2500)) / 127.7
    assert ppm[np.abs(spectrum_of(scan.reference.fids[0, 0])).argmax()] == pytest.approx(4.65, abs=0.03)
    near_naa = (ppm > 1.8) & (ppm < 2.2)
    time = np.arange(1024) / 2500
    fid = combined(scan.fids, truth)[0] * np.exp(
        -1j * (2 * np.pi * truth["shift_hz"][0] * time + eddy_phase(truth, time))
    )
    spectrum = np.abs(spectrum_of(fid))
    assert ppm[near_naa][spectrum[near_naa].argmax()] == pytest.approx(2.01, abs=0.02)


def test_the_default_acquisition_is_that_of_these_tests():
    acquisition = ScanDesign().acquisition
    assert (acquisition.points, acquisition.bandwidth_hz, acquisition.spectrometer_frequency_mhz) == (
        2048,
        2000.0,
        123.2,
    )
