"""A scan dropped on the page: encoded like the spectra that the model was trained on."""

import dataclasses
import json
import urllib.parse

import numpy as np
import pytest

from mrs_keras.explore.requests import answer_post
from mrs_keras.generation.whole_fids import whole_fids
from mrs_keras.measured import Scan
from mrs_keras.measured.write_scan import write_scan
from mrs_keras.simulation import ExampleRecipe, spectrum_to_fid

NAMES = ("NAA", "PCr")


def drop(explorer, concentrations=(12.0, 4.5), **files):
    """Drops files, name -> content; a dot of a name is two underscores here."""
    named = {name.replace("__", "."): content for name, content in files.items()}
    described = [{"name": name, "size": len(content)} for name, content in named.items()]
    headers = {
        "X-Files": urllib.parse.quote(json.dumps(described)),
        "X-Concentrations": json.dumps(list(concentrations)),
    }
    return json.loads(answer_post(explorer, "/api/scan", headers, b"".join(named.values()))[1])


def nifti(tmp_path, fids, frequency_mhz=123.2, nucleus="1H", **fields) -> bytes:
    path = tmp_path / "scan_svs.nii.gz"
    write_scan(path, Scan(fids, frequency_mhz, 4000.0, nucleus=nucleus, **fields))
    return path.read_bytes()


@pytest.fixture(scope="module")
def simulated(explorer):
    """FID of a spectrum of the training prior at phase 0, on resonance, without baseline, and its concentrations."""
    recipe: ExampleRecipe = explorer._fitter.physics.recipe
    drawn = recipe.draw(0, 1, "scans of the page")
    parameters = dataclasses.replace(
        drawn.parameters, baseline=0 * drawn.parameters.baseline, phi0=np.zeros(1), eps=np.zeros((1, 1))
    )
    spectrum = recipe.simulate(dataclasses.replace(drawn, parameters=parameters))
    noise = np.random.default_rng(0).normal(size=(2, 2048)) * np.abs(spectrum).max() / 200
    fid = whole_fids(spectrum, recipe.basis.acquisition)[0] + spectrum_to_fid(noise[0] + 1j * noise[1])
    return fid[None, None], parameters.concentrations[0]


def test_a_simulated_scan_is_encoded_and_reconstructed(explorer, simulated, tmp_path):
    fids, concentrations = simulated
    scan = drop(explorer, scan_svs__nii__gz=nifti(tmp_path, 1e-3 * fids, echo_time_ms=30.0))
    spectrum = np.stack([scan["spectrum"]["real"], scan["spectrum"]["imaginary"]], axis=-1)
    z, found = np.float32(scan["z"]), np.float32(scan["concentrations"])
    reconstruction = explorer.decode(z, found)
    assert np.linalg.norm(reconstruction - spectrum) < 0.05 * np.linalg.norm(spectrum)
    # The scale of a scan is arbitrary: its ratios are not.
    assert found[0] / found[1] == pytest.approx(concentrations[0] / concentrations[1], rel=0.05)
    assert scan["numbers"]["snr"] > 50
    assert any("water reference" in remark for remark in scan["remarks"])
    again = explorer.scan(scan["id"])
    np.testing.assert_allclose(again["spectrum"], spectrum, rtol=1e-6)


def test_a_scan_of_another_maker_of_scanners_lies_on_the_same_axis(explorer, simulated, tmp_path):
    fids, _ = simulated
    scan = drop(explorer, scan_svs__nii__gz=nifti(tmp_path, fids, frequency_mhz=127.7))
    assert any("127.70 MHz" in remark for remark in scan["remarks"])
    ppm = explorer.model.description.ppm
    # Its peaks were at 4.65 + f / 123.2, and its header says 127.7; referencing puts NAA where it belongs.
    tallest = ppm[np.argmax(np.hypot(scan["spectrum"]["real"], scan["spectrum"]["imaginary"]))]
    assert tallest == pytest.approx(2.01, abs=0.05)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("notes__txt", b"hello", "is no scan"),
        ("scan__nii__gz", b"not compressed at all", "cannot be used as a scan"),
        ("scan__nii__gz", b"", "empty"),
        ("scan__sdat", b"\0" * 64, "SPAR|spar"),
        ("photo__png", b"\x89PNG\r\n", "is no scan"),
    ],
)
def test_what_is_no_spectrum_is_said(explorer, name, content, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words) as error:
        drop(explorer, **{name: content})
    assert "mrs-keras-scan-" not in str(error.value)


def test_another_nucleus_and_another_field_are_said(explorer, simulated, tmp_path):
    fids, _ = simulated
    with pytest.raises(ValueError, match="is a spectrum of 31P"):
        drop(explorer, scan_svs__nii__gz=nifti(tmp_path, fids, frequency_mhz=49.9, nucleus="31P"))
    with pytest.raises(ValueError, match="another field"):
        drop(explorer, scan_svs__nii__gz=nifti(tmp_path, fids, frequency_mhz=297.2))


@pytest.mark.parametrize("name", ["../scan.nii.gz", "/etc/scan.nii.gz", ".hidden.nii.gz", "a\nb.nii.gz", "", "x" * 300])
def test_the_name_of_a_file_is_a_plain_name(explorer, name):
    headers = {"X-Files": urllib.parse.quote(json.dumps([{"name": name, "size": 1}])), "X-Concentrations": "[12, 4.5]"}
    with pytest.raises(ValueError, match="plain name"):
        answer_post(explorer, "/api/scan", headers, b"x")


@pytest.mark.parametrize(
    ("described", "words"),
    [
        ("", "must list"),
        ("{", "must list"),
        (json.dumps([{"name": "a.nii.gz", "size": 5}]), "add up"),
        (json.dumps([{"name": "a.nii.gz", "size": -1}, {"name": "b.nii.gz", "size": 2}]), "add up"),
        (json.dumps([]), "at most"),
        (json.dumps([{"name": f"{k}.nii.gz", "size": 0} for k in range(9)]), "at most"),
        (json.dumps([{"name": "a_svs.nii.gz", "size": 1}, {"name": "b_svs.nii.gz", "size": 0}]), "One scan"),
    ],
)
def test_files_that_do_not_belong_together_are_said(explorer, described, words):
    headers = {"X-Files": urllib.parse.quote(described), "X-Concentrations": "[12, 4.5]"}
    with pytest.raises(ValueError, match=words):
        answer_post(explorer, "/api/scan", headers, b"x")
