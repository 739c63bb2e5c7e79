"""What the page shows is what the model gives."""

import json

import numpy as np
import pytest

from mrs_keras.explore.requests import answer_post
from mrs_keras.measured import read_scans
from mrs_keras.simulation import channels_to_complex, fid_to_spectrum

RANGES = np.array([[7.5, 17.0], [3.0, 5.5]])
AGREES = 1e-5
"""Relative to the tallest point."""


def post(explorer, at, **content):
    kind, body = answer_post(explorer, at, {}, json.dumps(content).encode())
    return json.loads(body) if kind == "application/json" else body


def channels(spectrum) -> np.ndarray:
    return np.stack([spectrum["real"], spectrum["imaginary"]], axis=-1)


def assert_same(received, expected):
    assert np.abs(np.asarray(received) - expected).max() <= AGREES * np.abs(expected).max()


def latents(seed: int, rows: int = 1) -> list:
    return np.random.default_rng(seed).normal(size=(rows, 16)).astype(np.float32).tolist()


def test_a_draw_is_that_of_generate(explorer, base):
    for seed in (0, 5, 123456):
        drawn = post(explorer, "/api/draw", concentrations=[12.0, 4.5], seed=seed)
        expected = base.generate([[12.0, 4.5]], seed=seed)
        assert_same(drawn["z"], expected["z"][0])
        assert drawn["noise"] is None
        shown = post(explorer, "/api/decode", z=drawn["z"], concentrations=[12.0, 4.5])
        assert_same(channels(shown), expected["spectrum"][0])


def test_a_slider_gives_the_spectrum_of_decode(explorer, base):
    z = latents(1)[0]
    for naa in (7.5, 11.3, 17.0):
        shown = post(explorer, "/api/decode", z=z, concentrations=[naa, 4.0])
        assert_same(channels(shown), base.decode([z], [[naa, 4.0]])["spectrum"][0])


@pytest.mark.parametrize("path", ["straight", pytest.param("geodesic", marks=pytest.mark.slow)])
def test_a_path_is_that_of_interpolate(explorer, base, path):
    ends = {"z_a": latents(2)[0], "z_b": latents(3)[0], "concentrations_a": [8.0, 3.5], "concentrations_b": [16.0, 5.0]}
    alpha = np.linspace(0, 1, 21)
    steps = post(explorer, "/api/path", **ends, alpha=alpha.tolist(), path=path)["spectra"]
    rows = {name: np.repeat(np.float32([value]), 21, axis=0) for name, value in ends.items()}
    expected = base.interpolate(**rows, alpha=alpha, path=path)["spectrum"]
    assert_same([channels(step) for step in steps], expected)


def test_the_fit_recovers_a_simulated_spectrum(explorer):
    recipe = explorer._fitter.physics.recipe
    drawn = recipe.draw(0, 1, "tests of the page")
    (spectrum,) = recipe.simulate(drawn, 0, "tests of the page")
    content = {"real": spectrum.real.tolist(), "imaginary": spectrum.imag.tolist()}
    (fit,) = post(explorer, "/api/fit", spectra=[content], snr=50)["fits"]
    found = {each["name"]: each["value"] for each in fit["parameters"]}
    true = {name: float(np.ravel(getattr(drawn.parameters, name))[0]) for name in ("gamma", "sigma", "eps", "phi0")}
    true |= dict(zip(("NAA", "PCr"), drawn.parameters.concentrations[0], strict=True))
    for name, value in true.items():
        assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-3), name
    assert fit["distance"] < 1e-5
    assert fit["converged"]
    assert fit["noise_sigma"] == pytest.approx(np.abs(spectrum).max() / 50)


def test_latents_are_named_and_sorted_by_what_they_move(explorer):
    training = explorer.describe()["training"]
    found = training["latents"]
    assert sorted(latent["index"] for latent in found) == list(range(16))
    kinds = [latent["name"].split()[0] for latent in found]
    order = ["Phase", "Shift", "Width", "Baseline", "Other", "Unused"]
    assert kinds == sorted(kinds, key=order.index)
    by_factor = {latent["factor"]: latent for latent in reversed(found)}
    assert {"phi0", "eps"} <= by_factor.keys()
    assert all(latent["low"] < 0 < latent["high"] for latent in found)
    low, high = np.array(training["band"]["real"])
    assert low.shape == (252,)
    assert np.all(low < high)
    assert np.all((RANGES[:, 0] < training["typical"]) & (training["typical"] < RANGES[:, 1]))


def test_the_named_latent_moves_its_parameter_most(explorer):
    found = {latent["name"]: latent for latent in explorer.describe()["training"]["latents"]}

    def phase_moved_by(index):
        z = np.zeros((2, 16), np.float32)
        z[:, index] = -1.0, 1.0
        spectra = [channels_to_complex(explorer.decode(row, np.float32([12.0, 4.5]))[None])[0] for row in z]
        first, second = explorer.fit(np.array(spectra, complex), None)
        values = [next(p.value for p in fit.parameters if p.name == "phi0") for fit in (first, second)]
        return abs(np.angle(np.exp(1j * (values[1] - values[0]))))

    moved = {name: phase_moved_by(latent["index"]) for name, latent in found.items() if latent["used"]}
    assert max(moved, key=moved.get) == "Phase 1"


@pytest.mark.parametrize(
    "state",
    [
        {"kind": "generate", "concentrations": [12.0, 4.5], "seed": 7},
        {"kind": "decode", "concentrations": [12.0, 4.5], "z": latents(4)[0]},
        {
            **dict(zip(("z_a", "z_b"), latents(5, 2), strict=True)),
            "kind": "interpolate",
            "concentrations_a": [8.0, 3.5],
            "concentrations_b": [16.0, 5.0],
            "alpha": 0.35,
            "path": "straight",
        },
    ],
)
def test_the_code_makes_the_spectrum(explorer, state):
    code = post(explorer, "/api/code", **state)["code"]
    assert max(map(len, code.splitlines())) <= 110
    names = {}
    exec(code, names)
    if state["kind"] == "generate":
        z = post(explorer, "/api/draw", concentrations=[12.0, 4.5], seed=7)["z"]
        shown = post(explorer, "/api/decode", z=z, concentrations=[12.0, 4.5])
    elif state["kind"] == "decode":
        shown = post(explorer, "/api/decode", z=state["z"], concentrations=state["concentrations"])
    else:
        ends = {name: value for name, value in state.items() if name[-2:] in ("_a", "_b")}
        (shown,) = post(explorer, "/api/path", **ends, alpha=[0.35], path="straight")["spectra"]
    assert_same(channels(shown), names["spectrum"])


def test_the_nifti_file_holds_the_spectrum_and_its_labels(explorer, tmp_path):
    z = latents(6)[0]
    path = tmp_path / "spectrum_svs.nii.gz"
    path.write_bytes(post(explorer, "/api/nifti-mrs", z=z, concentrations=[12.0, 4.5]))
    (scan,) = read_scans(path)
    acquisition = explorer.model.description.acquisition
    spectrum = fid_to_spectrum(scan.fids[0, 0])[acquisition.window]
    shown = channels(post(explorer, "/api/decode", z=z, concentrations=[12.0, 4.5]))
    assert_same(spectrum.real, shown[:, 0])
    assert_same(spectrum.imag, shown[:, 1])
    assert scan.header["NAA_mM"]["Value"] == 12.0
    np.testing.assert_allclose(scan.header["Latents"]["Value"], z, rtol=1e-6)


@pytest.mark.parametrize(
    ("path", "content", "words"),
    [
        ("/api/draw", {"concentrations": [12, 4.5], "seed": -1}, "`seed` must be"),
        ("/api/draw", {"concentrations": [12, 4.5], "seed": 1.5}, "`seed` must be"),
        ("/api/path", {"alpha": [], "path": "straight"}, "`alpha` must have"),
        ("/api/path", {"alpha": [0.5], "path": "curly"}, "Unknown `path`"),
        ("/api/fit", {"spectra": []}, "1 to 64 spectra"),
        ("/api/fit", {"spectra": [{"real": [0] * 252, "imaginary": [0] * 252}]}, "spectrum of zeros"),
        ("/api/fit", {"spectra": [{"real": [1] * 3, "imaginary": [1] * 3}]}, "window_points"),
        ("/api/fit", {"spectra": [{"real": [1], "imaginary": [1]}], "snr": 0}, "`snr` must be"),
        ("/api/code", {"kind": "magic"}, "Unknown kind"),
        ("/api/code", {"kind": "decode", "z": [1]}, "lacks 'concentrations'"),
        ("/api/code", {"kind": "decode", "z": ["__import__('os')"]}, "`z` must be a list of numbers"),
    ],
)
def test_a_wrong_request_is_said(explorer, path, content, words):
    with pytest.raises(ValueError, match=words):
        post(explorer, path, **content)
