"""A training for spectra like those of a scan, from the file to the run."""

import dataclasses
import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from mrs_keras import Acquisition, Prior, open_dataset, simulate_basis, train
from mrs_keras.basis import basis_for
from mrs_keras.cli import main
from mrs_keras.data import describe_dataset
from mrs_keras.evaluation.dataset_physics import DatasetPhysics
from mrs_keras.measured import Scan
from mrs_keras.models import CVAE_PRESETS, load_trained
from mrs_keras.run_folder import read_settings
from mrs_keras.training.like import config_like
from mrs_keras.training.source import open_source
from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder


@pytest.fixture(autouse=True)
def reader(monkeypatch):
    """Stands in for the reader of scans where this checkout has none."""
    if importlib.util.find_spec("mrs_keras.measured.read_scan") is None:
        module = types.SimpleNamespace(read_scans=_read_scans)
        monkeypatch.setitem(sys.modules, "mrs_keras.measured.read_scan", module)


def _read_scans(path: Path) -> list[Scan]:
    from nifti_mrs.nifti_mrs import NIFTI_MRS

    file = NIFTI_MRS(str(path))
    header, fids = file.hdr_ext.to_dict(), file[:].reshape(1, 1, -1)
    facts = (header["SpectrometerFrequency"][0], 1 / file.dwelltime, 1e3 * header["EchoTime"])
    nucleus = header["ResonantNucleus"][0]
    return [Scan(fids, *facts, nucleus=nucleus, sequence=header.get("SequenceName"), path=path, header=header)]


def write_scan(path: Path, f0_mhz: float, bandwidth_hz: float, te_s: float, nucleus: str = "1H", **header) -> Path:
    from nifti_mrs.create_nmrs import gen_nifti_mrs_hdr_ext
    from nifti_mrs.hdr_ext import Hdr_Ext

    extension = Hdr_Ext(f0_mhz, nucleus)
    for key, value in {"EchoTime": te_s, "RepetitionTime": 2.0, **header}.items():
        extension.set_standard_def(key, value)
    times_s = np.arange(1024) / bandwidth_hz
    # NAA at 2.01 and water at 4.65 ppm.
    fid = np.exp(2j * np.pi * (2.01 - 4.65) * f0_mhz * times_s - 20 * times_s) + 0.1 * np.exp(-30 * times_s)
    image = gen_nifti_mrs_hdr_ext(fid.reshape(1, 1, 1, -1).astype(np.complex64), 1 / bandwidth_hz, extension)
    image.image.nibImage.to_filename(path)
    return path


@pytest.fixture(scope="module")
def scan(tmp_path_factory):
    return write_scan(tmp_path_factory.mktemp("scan") / "sub-01_svs.nii.gz", 127.74, 2000.0, 0.035)


@pytest.fixture
def steam(tmp_path):
    return write_scan(tmp_path / "steam_svs.nii.gz", 297.22, 6000.0, 0.011, SequenceName="svs_st")


def test_the_command_trains_on_spectra_like_those_of_the_scan(scan, tmp_path, capsys, monkeypatch):
    for name, value in {"hidden_units": (8,), "latent_prior": {"kind": "standard_normal"}}.items():
        monkeypatch.setitem(CVAE_PRESETS["base"]["config"], name, value)
    small = dataclasses.replace(Builder.BUILDER_CONFIGS[0], train=64, validation=32)
    monkeypatch.setattr("mrs_keras.training.like.named_config", lambda *names: small)
    arguments = ["train", "--output", tmp_path / "run", "--data-dir", tmp_path, "--like", scan, "--te1-ms", "12"]
    options = ["--ppm-window", "0.5", "4.0", "--epochs", "1", "--batch-size", "32"]
    for _ in range(2):  # the second time, the finished training is loaded
        assert main([*map(str, arguments), *options]) == 0
    assert "names no sequence: PRESS is assumed. `--sequence` sets another" in capsys.readouterr().err
    settings = read_settings(tmp_path / "run")
    assert settings["config"].startswith("naa_pcr_like_press_te35_127.74MHz_2000Hz_1024_")
    assert settings["like"]["sequence"] == {"name": "press", "te1_ms": 12.0, "te2_ms": 23.0}
    acquisition = Acquisition(127.74, 2000.0, 1024, (0.5, 4.0))
    assert load_trained(tmp_path / "run").description.acquisition == acquisition

    builder = open_dataset(settings["dataset"], settings["config"], tmp_path)
    physics = DatasetPhysics.of(describe_dataset(builder))
    expected = simulate_basis(["NAA", "PCr"], acquisition, te1_ms=12.0, te2_ms=23.0)
    np.testing.assert_array_equal(physics.basis.fids, expected.fids)
    assert physics.prior.eps.high == pytest.approx(20 * 127.74 / 123.2)
    simulator = {"source": "simulator", "batch_size": 8, "seed": 0, "steps_per_epoch": 2}
    batch = next(iter(open_source(builder, simulator).batches))
    assert batch["spectrum"].shape == (8, acquisition.window_points, 2)

    monkeypatch.chdir(tmp_path)
    assert main([*map(str, arguments[:-1]), "13", *options]) == 1
    assert "holds a training with other settings: config" in capsys.readouterr().err


def test_the_brain_at_seven_tesla_has_the_prior_of_its_field(steam):
    config, assumed = config_like(steam, "brain_press_te30")
    assert config["name"].startswith("brain_press_te30_like_steam_te11_297.22MHz_6000Hz_1024_")
    assert (config["train"], config["prior"]) == (20_000, "brain_press_te30")
    assert config["sequence"] == {"name": "steam", "te_ms": 11.0, "tm_ms": 10.0}
    assert len(assumed) == 1
    assert config == config_like(steam, "brain_press_te30")[0]
    assert json.loads(json.dumps(config)) is not None
    names = {config_like(steam, "brain_press_te30", sequence={"tm_ms": tm_ms})[0]["name"] for tm_ms in (10.0, 20.0)}
    assert len(names) == 2


def test_a_basis_file_leaves_out_the_metabolites_that_it_lacks_and_that_is_said(scan, tmp_path):
    basis = simulate_basis(["NAA", "Cr", "PCr"], Acquisition(127.74, 4000.0, 8192), te1_ms=12.0, te2_ms=23.0)
    basis.save(tmp_path / "site a.npz")
    config, (said,) = config_like(scan, "brain_press_te30_uniform", basis=tmp_path / "site a.npz")
    assert config["basis"] == str(tmp_path / "site a.npz")
    assert "sequence" not in config
    assert list(config["prior"]["concentrations"]) == ["Cr", "NAA", "PCr", "MM3T", "Lip09", "Lip13a"]
    assert config["prior"]["eps"][1] == pytest.approx(12 * 127.74 / 123.2)
    assert "lacks Ace, Ala" in said
    assert "_like_site_a_127.74MHz" in config["name"]
    # The name depends on the content of the file, not on its path.
    basis.save(tmp_path / "elsewhere.npz")
    other = config_like(scan, "brain_press_te30_uniform", basis=tmp_path / "elsewhere.npz")[0]["name"]
    assert other.rpartition("_")[2] == config["name"].rpartition("_")[2]


def test_what_a_basis_has_of_a_correlated_pair_keeps_its_distribution(scan, tmp_path):
    basis = simulate_basis(["NAA", "Cr", "Glu"], Acquisition(127.74, 4000.0, 8192), te1_ms=12.0, te2_ms=23.0)
    basis.save(tmp_path / "three.npz")
    config, (said,) = config_like(scan, "brain_press_te30", basis=tmp_path / "three.npz")
    assert "PCr" in said
    prior, whole = Prior.from_dict(config["prior"]), Prior.from_preset("brain_press_te30", 127.74)
    assert not {"PCr", "Gln", "NAAG"} & set(prior.metabolites)
    ours, theirs = (each.draw(basis_for(each.metabolites), 0, 20, seed=0).concentrations for each in (prior, whole))
    for column, name in enumerate(prior.metabolites):
        np.testing.assert_array_equal(ours[:, column], theirs[:, whole.metabolites.index(name)])


def test_a_basis_that_does_not_fit_is_refused(scan, tmp_path):
    simulate_basis(["NAA", "PCr"]).save(tmp_path / "siemens.npz")
    with pytest.raises(ValueError, match="of another field. Expected 127.74 MHz. Received: 123.2 MHz"):
        config_like(scan, "naa_pcr", basis=tmp_path / "siemens.npz")
    shifted = simulate_basis(["NAA", "PCr"], Acquisition(127.74))
    times_s = np.arange(2048) / 4000
    fids = shifted.fids * np.exp(-2j * np.pi * 0.03 * 127.74 * times_s)[:, None]
    type(shifted)(shifted.names, fids, shifted.acquisition).save(tmp_path / "shifted.npz")
    with pytest.raises(ValueError, match="looks shifted.*basis convert.*--reference-ppm"):
        config_like(scan, "naa_pcr", basis=tmp_path / "shifted.npz")
    with pytest.raises(ValueError, match="Expected `basis` or the sequence and its times"):
        config_like(scan, "naa_pcr", basis=tmp_path / "shifted.npz", sequence="press")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"config": "naa_pcr"}, "Received both `like` and `config`"),
        ({"dataset": "simulated_mrs"}, "Received both `like` and `dataset`"),
        ({"ppm_window": (4.0, 1.0)}, "`ppm_window` must be"),
        ({"sequence": {"te1_ms": 99.0}}, "`te1_ms` must be below the echo time"),
        ({"like": None, "sequence": "steam"}, "`sequence`: only for a training like a scan"),
        ({"like": None, "basis": "b.npz"}, "`basis`: only for a training like a scan"),
    ],
)
def test_options_that_contradict_each_other_are_refused_and_leave_nothing(scan, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        train(tmp_path / "run", **{"like": scan, "data_dir": tmp_path / "data", **options})
    assert list(tmp_path.iterdir()) == []


def test_a_scan_of_another_nucleus_or_an_edited_one_is_refused(tmp_path):
    phosphorus = write_scan(tmp_path / "p.nii.gz", 51.7, 3000.0, 0.0023, nucleus="31P")
    with pytest.raises(ValueError, match=r"p\.nii\.gz.*31P"):
        config_like(phosphorus, "naa_pcr")
    edited = write_scan(tmp_path / "edited.nii.gz", 127.7, 2000.0, 0.068, SequenceName="MEGA-PRESS")
    with pytest.raises(ValueError, match="sequence 'MEGA-PRESS', which is not simulated.*Give a basis"):
        config_like(edited, "naa_pcr")
