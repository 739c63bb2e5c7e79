"""The forward model against the output of FSL-MRS itself (see `MRS_KERAS_GOLDEN`)."""

import os
import re

import numpy as np
import pytest

from mrs_keras import Acquisition, Basis
from mrs_keras.simulation import SpectralParameters, baseline_polynomials, forward_model, spectrum_to_fid
from tests.conftest import SHARED_DATA

GOLDEN_PATH = os.environ.get("MRS_KERAS_GOLDEN", SHARED_DATA / "fsl_mrs_golden" / "golden.npz")
TOLERANCE = {np.complex128: 1e-12, np.complex64: 1e-6}


def golden_sets() -> dict[str, dict]:
    """Set name -> what the golden file holds of it; empty where there is no golden file."""
    if not os.path.exists(GOLDEN_PATH):
        if "MRS_KERAS_GOLDEN" in os.environ:
            raise FileNotFoundError(f"MRS_KERAS_GOLDEN names no file: '{GOLDEN_PATH}'.")
        return {}
    with np.load(GOLDEN_PATH) as file:
        names = [match[1] for key in file.files if (match := re.fullmatch(r"(.+)_conc", key))]
        sets = {}
        for name in names:
            sets[name] = {key.removeprefix(f"{name}_"): file[key] for key in file.files if key.startswith(f"{name}_")}
            sets[name]["raw"] = dict(zip(file["basis_noTMS_names"].tolist(), file["basis_noTMS_raw"].T, strict=True))
            sets[name]["cf_MHz"] = float(file["cf_MHz"])
    return sets


GOLDEN_SETS = golden_sets()


@pytest.fixture(params=GOLDEN_SETS or [None])
def golden(request) -> dict:
    if request.param is None:
        pytest.skip(f"no golden output of FSL-MRS at '{GOLDEN_PATH}'")
    return GOLDEN_SETS[request.param]


def basis_of(golden: dict) -> Basis:
    """The raw challenge basis, taken to the bandwidth and points of the set and scaled, by our own code."""
    names = golden["names"].tolist()
    raw = np.stack([golden["raw"][name] for name in names], axis=1)
    if golden["conj_basis"]:
        raw = raw.conj()
    acquisition = Acquisition(golden["cf_MHz"], 4000.0, len(raw))
    return Basis(names, raw, acquisition).resample(float(golden["bandwidth"]), int(golden["points"])).scaled()


def parameters_of(golden: dict, baseline: bool) -> SpectralParameters:
    names = {"concentrations": "conc", **{name: name for name in ("gamma", "sigma", "eps", "phi0", "phi1")}}
    return SpectralParameters(
        **{ours: golden[theirs] for ours, theirs in names.items()},
        baseline=golden["baseline"] if baseline else None,
    )


def relative_error(ours: np.ndarray, reference: np.ndarray) -> float:
    return float(np.linalg.norm(ours - reference) / np.linalg.norm(reference))


def received_by_coils(fid: np.ndarray, golden: dict) -> np.ndarray:
    """The FID as each coil receives it, in the layout of the golden file; as it is where the set has no coils."""
    amplitudes = next((value for key, value in golden.items() if re.fullmatch("coil_?amp.*", key)), None)
    if amplitudes is None:
        return fid
    phases = next(value for key, value in golden.items() if re.fullmatch("coil_?pha.*", key))
    sensitivity = np.asarray(amplitudes) * np.exp(1j * np.asarray(phases))
    coils_last = fid[:, :, None] * (sensitivity[:, None, :] if sensitivity.ndim == 2 else sensitivity)
    return coils_last if golden["fid"].shape == coils_last.shape else coils_last.swapaxes(1, 2)


def test_resampled_and_scaled_basis_is_that_of_fsl_mrs(golden):
    assert relative_error(basis_of(golden).fids, golden["basis_scaled"]) < 1e-12


@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
@pytest.mark.parametrize("baseline", [True, False], ids=["baseline", "no_baseline"])
def test_spectrum_and_fid_are_those_of_fsl_mrs(golden, baseline, dtype, measured, request):
    if baseline and "baseline" not in golden:
        pytest.skip("this golden set has no baseline")
    suffix = "" if baseline or "baseline" not in golden else "_nobaseline"
    spectrum = forward_model(
        parameters_of(golden, baseline),
        basis_of(golden),
        # FSL-MRS's own regressors: they are inexact, and what is compared here is the rest.
        baseline_regressors=golden["P"][:, ::2] if baseline else None,
        dtype=dtype,
    )
    fid = received_by_coils(spectrum_to_fid(spectrum), golden)
    errors = {
        "spectrum": relative_error(spectrum, golden[f"spec{suffix}"]),
        "fid": relative_error(fid, golden[f"fid{suffix}"]),
    }
    numbers = ", ".join(f"{name} {error:.1e}" for name, error in errors.items())
    measured(f"FSL-MRS parity [{request.node.callspec.id}]: {numbers}")
    assert spectrum.dtype == dtype
    assert max(errors.values()) < TOLERANCE[dtype]


def test_exact_polynomials_are_near_the_inexact_ones_of_fsl_mrs(golden):
    if "P" not in golden:
        pytest.skip("this golden set has no baseline")
    ppm = golden["baseline_ppm"]
    limits = None if np.isnan(ppm).any() else tuple(ppm)
    acquisition = basis_of(golden).acquisition
    inside = acquisition.slice_of(limits)
    assert [inside.start, inside.stop] == golden["baseline_range"].tolist()
    theirs = golden["P"][:, ::2].real
    ours = baseline_polynomials(acquisition, theirs.shape[1] - 1, limits)
    # They differ by the error of FSL-MRS's pseudo-inverse; ours are held against exact ones in forward_model_test.py.
    assert np.abs(ours - theirs).max() < 0.05


def test_golden_sets_cover_groups_bandwidth_and_points():
    if not GOLDEN_SETS:
        pytest.skip(f"no golden output of FSL-MRS at '{GOLDEN_PATH}'")
    assert any(golden["gamma"].ndim == 2 for golden in GOLDEN_SETS.values())
    assert len({int(golden["points"]) for golden in GOLDEN_SETS.values()}) > 1
    assert len({float(golden["bandwidth"]) for golden in GOLDEN_SETS.values()}) > 1
