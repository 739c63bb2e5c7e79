"""The backend `fsl_mrs` against our own forward model, with FSL-MRS itself where it is installed."""

import dataclasses
import importlib

import numpy as np
import pytest

from mrs_keras import Basis, Prior, SpectralParameters, default_basis, forward_model, simulate, simulate_basis
from mrs_keras.simulation.fsl_mrs_backend import INSTALL_COMMAND, simulate_with_fsl_mrs
from tests.conftest import run_python

BASIS, PRIOR = default_basis(), Prior.from_preset("naa_pcr")
PARAMETERS = PRIOR.draw(BASIS, 0, 12, seed=0)
CLEAN = dataclasses.replace(PARAMETERS, baseline=None)

try:
    importlib.import_module("fsl_mrs.utils.synthetic.synthetic_from_basis")
    WHY_NOT = ""
except ImportError as error:
    WHY_NOT = f"FSL-MRS cannot be imported: {error}. Install it: {INSTALL_COMMAND}"
with_fsl_mrs = pytest.mark.skipif(bool(WHY_NOT), reason=WHY_NOT)


def worst_error(ours: np.ndarray, reference: np.ndarray) -> float:
    """Largest relative L2 error of a spectrum."""
    return float(np.max(np.linalg.norm(ours - reference, axis=1) / np.linalg.norm(reference, axis=1)))


def random_parameters(metabolites: int, groups: int, batch: int = 4) -> SpectralParameters:
    draw = np.random.default_rng(0).uniform
    return SpectralParameters(
        concentrations=draw(0.5, 15, (batch, metabolites)),
        gamma=draw(2, 25, (batch, groups)),
        sigma=draw(2, 25, (batch, groups)),
        eps=draw(-20, 20, (batch, groups)),
        phi0=draw(-1.5, 1.5, batch),
        phi1=draw(-1e-4, 1e-4, batch),
    )


@with_fsl_mrs
def test_spectra_without_baseline_are_those_of_numpy(measured):
    ours = simulate(CLEAN, BASIS, dtype=np.complex128)
    theirs = simulate(CLEAN, BASIS, dtype=np.complex128, backend="fsl_mrs")
    error = worst_error(ours, theirs)
    measured(f"backend fsl_mrs beside numpy, no baseline: {error:.1e}")
    assert error < 1e-12
    single = simulate(CLEAN, BASIS, backend="fsl_mrs")
    assert single.dtype == np.complex64
    assert worst_error(single, theirs) < 1e-6


@with_fsl_mrs
def test_spectra_with_a_baseline_differ_by_the_polynomials_of_fsl_mrs_alone(measured):
    from fsl_mrs.utils.baseline import prepare_polynomial_regressor

    theirs = simulate(PARAMETERS, BASIS, dtype=np.complex128, backend="fsl_mrs")
    error = worst_error(simulate(PARAMETERS, BASIS, dtype=np.complex128), theirs)
    measured(f"backend fsl_mrs beside numpy, 4th-order baseline: {error:.1e}")
    # Measured 1e-3; the error of FSL-MRS's pseudo-inverse differs from machine to machine.
    assert error < 1e-2
    window = BASIS.acquisition.window
    regressors = prepare_polynomial_regressor(BASIS.acquisition.points, 4, (window.start, window.stop))[:, ::2]
    same_polynomials = forward_model(PARAMETERS, BASIS.scaled(), baseline_regressors=regressors)[:, window]
    assert worst_error(same_polynomials, theirs) < 1e-12


@with_fsl_mrs
def test_a_constant_baseline_is_exact():
    constant = dataclasses.replace(PARAMETERS, baseline=PARAMETERS.baseline[:, :2])
    theirs = simulate(constant, BASIS, dtype=np.complex128, backend="fsl_mrs")
    assert worst_error(simulate(constant, BASIS, dtype=np.complex128), theirs) < 1e-12


@with_fsl_mrs
@pytest.mark.parametrize(
    ("names", "groups"),
    [
        (["NAA"], [0]),
        (["NAA", "PCr"], [1, 0]),
        (["NAA", "Cr", "Lac", "Glu", "Ins"], [0, 0, 1, 2, 1]),
        (None, [j % 4 for j in range(21)]),
    ],
    ids=["one_metabolite", "own_group_each", "five_in_three_groups", "all_in_four_groups"],
)
def test_line_shape_groups_are_those_of_numpy(names, groups):
    basis = simulate_basis(names) if names else simulate_basis()
    parameters = random_parameters(len(groups), max(groups) + 1)
    ours = forward_model(parameters, basis.scaled(), metabolite_groups=groups)[:, basis.acquisition.window]
    theirs = simulate_with_fsl_mrs(parameters, basis, metabolite_groups=groups)
    assert worst_error(ours, theirs) < 1e-12


@with_fsl_mrs
@pytest.mark.parametrize(("bandwidth_hz", "points"), [(2000.0, 1024), (3000.0, 1001), (4000.0, 1024)])
def test_other_bandwidths_and_points_are_those_of_numpy(bandwidth_hz, points):
    basis = BASIS.resample(bandwidth_hz, points)
    ours = simulate(CLEAN, basis, dtype=np.complex128)
    assert worst_error(ours, simulate(CLEAN, basis, dtype=np.complex128, backend="fsl_mrs")) < 1e-12


@with_fsl_mrs
def test_a_name_that_fsl_mrs_does_not_know_keeps_its_concentration():
    basis = dataclasses.replace(BASIS, names=("first", "second"))
    theirs = simulate(CLEAN, basis, dtype=np.complex128, backend="fsl_mrs")
    assert worst_error(simulate(CLEAN, basis, dtype=np.complex128), theirs) < 1e-12


@with_fsl_mrs
def test_noise_has_the_sigma_asked_for_in_each_part():
    sigma = np.linspace(1.0, 3.0, len(CLEAN))
    noisy = simulate(CLEAN, BASIS, noise_sigma=sigma, dtype=np.complex128, backend="fsl_mrs")
    noise = (noisy - simulate(CLEAN, BASIS, dtype=np.complex128)) / sigma[:, None]
    # 3,024 numbers each: a relative standard error of 1.3 %.
    assert noise.real.std() == pytest.approx(1.0, rel=0.06)
    assert noise.imag.std() == pytest.approx(1.0, rel=0.06)
    assert abs(np.mean(noise.real * noise.imag)) < 5 / np.sqrt(noise.size)
    assert len(np.unique(noise.real)) == noise.size


@with_fsl_mrs
def test_snr_means_what_it_means_with_numpy():
    clean = simulate(PARAMETERS, BASIS, dtype=np.complex128, backend="fsl_mrs")
    noise = simulate(PARAMETERS, BASIS, snr=20.0, dtype=np.complex128, backend="fsl_mrs") - clean
    heights = np.abs(simulate(CLEAN, BASIS)).max(axis=1)
    assert np.mean(heights / noise.real.std(axis=1)) == pytest.approx(20.0, rel=0.05)


@with_fsl_mrs
def test_a_noisy_spectrum_has_the_same_bytes_in_any_batch_and_whatever_the_global_state():
    noise = {"snr": 30.0, "seed": 5, "backend": "fsl_mrs"}
    together = simulate(PARAMETERS, BASIS, **noise)
    for size in (1, 5):
        np.random.seed(size)  # noqa: NPY002
        apart = [simulate(PARAMETERS[i : i + size], BASIS, start=i, **noise) for i in range(0, 12, size)]
        assert np.concatenate(apart).tobytes() == together.tobytes()


@with_fsl_mrs
def test_noise_depends_on_seed_and_split():
    draws = [
        simulate(CLEAN[:1], BASIS, noise_sigma=1.0, backend="fsl_mrs", seed=seed, split=split)
        for seed, split in [(0, "train"), (1, "train"), (0, "validation")]
    ]
    assert len({draw.tobytes() for draw in draws}) == 3


@with_fsl_mrs
@pytest.mark.parametrize("noise", [{}, {"noise_sigma": 1.0}])
def test_global_random_state_is_given_back_as_it_was(noise):
    np.random.seed(3)  # noqa: NPY002
    np.random.standard_normal()  # noqa: NPY002 - leaves a second number in the cache of the legacy generator
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    simulate(CLEAN, BASIS, backend="fsl_mrs", **noise)
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002


@with_fsl_mrs
def test_a_basis_that_fsl_mrs_would_conjugate_is_refused():
    mirrored = Basis(BASIS.names, BASIS.fids.conj(), BASIS.acquisition)
    before = np.random.get_state(legacy=False)  # noqa: NPY002
    with pytest.raises(ValueError, match="considers the signals of `basis` conjugated"):
        simulate(CLEAN, mirrored, backend="fsl_mrs")
    np.testing.assert_equal(np.random.get_state(legacy=False), before)  # noqa: NPY002


@with_fsl_mrs
def test_no_parameters_give_no_spectra():
    assert simulate(CLEAN[:0], BASIS, backend="fsl_mrs").shape == (0, 252)


@with_fsl_mrs
def test_dataset_built_with_fsl_mrs_holds_the_spectra_of_the_default_one(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig

    spectra = {}
    for backend in ("numpy", "fsl_mrs"):
        config = SimulatedMrsConfig(name=backend, train=8, validation=1, backend=backend)
        builder = Builder(data_dir=tmp_path, config=config)
        builder.download_and_prepare()
        assert builder.info.metadata["backend"] == backend
        examples = builder.as_dataset("train").as_numpy_iterator()
        spectra[backend] = {example["example_id"]: example["spectrum"] for example in examples}
    assert spectra["numpy"].keys() == spectra["fsl_mrs"].keys()
    for example_id, spectrum in spectra["numpy"].items():
        error = np.linalg.norm(spectra["fsl_mrs"][example_id] - spectrum) / np.linalg.norm(spectrum)
        assert error < 1e-2


WITHOUT_FSL_MRS = "import sys\nsys.modules['fsl_mrs'] = None\n"
"""Python code after which `import fsl_mrs` fails, as where it is not installed."""


def test_without_fsl_mrs_the_error_says_how_to_install_it():
    code = (
        "from mrs_keras import Prior, default_basis, simulate\n"
        "parameters = Prior.from_preset('naa_pcr').draw(default_basis(), 0, 2, seed=0)\n"
        "simulate(parameters, default_basis(), backend='fsl_mrs')"
    )
    done = run_python(WITHOUT_FSL_MRS + code, check=False)
    assert done.returncode == 1
    last_line = done.stderr.splitlines()[-1]
    assert last_line.startswith("ModuleNotFoundError: The backend 'fsl_mrs' needs FSL-MRS.")
    assert INSTALL_COMMAND in last_line


def test_the_builder_hands_its_backend_on(tmp_path):
    pytest.importorskip("tensorflow_datasets")
    code = (
        "from tfds_builders.simulated_mrs.simulated_mrs_dataset_builder import Builder, SimulatedMrsConfig\n"
        "config = SimulatedMrsConfig(name='fsl', train=2, validation=1, backend='fsl_mrs')\n"
        "Builder(data_dir=sys.argv[1], config=config).download_and_prepare()"
    )
    done = run_python(WITHOUT_FSL_MRS + code, tmp_path, check=False)
    assert done.returncode == 1
    assert "ModuleNotFoundError: The backend 'fsl_mrs' needs FSL-MRS." in done.stderr


def test_numpy_backend_does_not_import_fsl_mrs():
    code = "import sys, mrs_keras\nmrs_keras.simulate\nprint('fsl_mrs' in sys.modules)"
    assert run_python(code).stdout.strip() == "False"


def test_an_unknown_backend_is_refused():
    with pytest.raises(ValueError, match=r"Unknown `backend`. Expected one of: 'numpy', 'fsl_mrs'. Received: .*matlab"):
        simulate(CLEAN, BASIS, backend="matlab")
