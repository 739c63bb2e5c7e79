"""Spectra computed by FSL-MRS, if installed, instead of this package's forward model.

FSL-MRS (Clarke, Stagg and Jbabdi, Magn Reson Med 85:2950-2964 (2021), doi 10.1002/mrm.28630) is called through its
public API, one spectrum at a time. Agreement and times measured with version 2.4.11: the docstring of
`simulate_with_fsl_mrs`.
"""

import contextlib
from collections.abc import Iterator, Sequence

import numpy as np

from mrs_keras.basis.basis import Basis
from mrs_keras.random_streams import FSL_MRS_NOISE
from mrs_keras.simulation.forward import checked_groups, fid_to_spectrum
from mrs_keras.simulation.keyed_random import keyed_uniform
from mrs_keras.simulation.parameters import SpectralParameters

INSTALL_COMMAND = "conda install -c conda-forge -c https://fsl.fmrib.ox.ac.uk/fsldownloads/fslconda/public/ fsl_mrs"
"""Command to install FSL-MRS from its own conda channel."""

SEED_WORDS = 4
"""Number of 32-bit integers that seed the noise of an example."""


def simulate_with_fsl_mrs(
    parameters: SpectralParameters,
    basis: Basis,
    *,
    noise_sigma: np.ndarray | None = None,
    metabolite_groups: Sequence[int] | None = None,
    seed: int = 0,
    split: str = "train",
    start: int = 0,
) -> np.ndarray:
    """Simulates the spectra of `parameters` in the acquisition's ppm window with FSL-MRS.

    Without a baseline, or with one of order 0, they are those of `forward_model` to a relative L2 error of 1e-15. With
    a baseline of a higher order they differ by about 1e-3, because FSL-MRS computes its baseline polynomials with an
    ill-conditioned pseudo-inverse (errors of 1e-3 to 6e-3 of a polynomial, depending on machine, window and points),
    while `baseline_polynomials` is exact. A spectrum of two metabolites takes 2 ms.

    Noise is FSL-MRS's own: white and complex, drawn in the time domain, with numbers other than those of `simulate`.
    It adds noise after it has doubled the first time point, and the transform halves that point, so the variance of
    the spectrum's noise is `noise_sigma^2 (1 - 0.75 / points)`. It comes from NumPy's global random state, which
    is seeded for each example and then restored: do not call this function from several threads at once.

    Args:
      parameters: of `batch` spectra.
      basis: signals of the same metabolites, in the same order; FSL-MRS scales them itself, as `Basis.scaled` does.
      noise_sigma: (batch,), standard deviation of the real part of each point, in the units of the spectrum. Defaults
        to `None`: no noise.
      metabolite_groups: line-shape group of each metabolite, as in `forward_model`. Defaults to `None`.
      seed: of the noise. Defaults to `0`.
      split: name of the split that the noise belongs to. Defaults to `"train"`.
      start: index of the first spectrum in its split; noise of example k depends only on (seed, split, k). Defaults
        to `0`.

    Returns:
      complex128 (batch, window_points), rising ppm.

    Raises:
      ModuleNotFoundError: if FSL-MRS is not installed; the message says how to install it.
      ValueError: if the parameters do not fit the basis, or FSL-MRS would conjugate the basis.
    """
    synthetic_from_basis, fsl_basis_class = _import_fsl_mrs()
    groups = checked_groups(parameters, basis, metabolite_groups)
    acquisition = basis.acquisition
    header = {
        "centralFrequency": acquisition.spectrometer_frequency_mhz * 1e6,
        "bandwidth": acquisition.bandwidth_hz,
        "dwelltime": 1 / acquisition.bandwidth_hz,
        "fwhm": None,
    }
    fsl_basis = fsl_basis_class(basis.fids.copy(), list(basis.names), [header] * len(basis.names))
    variance = np.zeros(len(parameters)) if noise_sigma is None else np.square(noise_sigma)
    stop = start + len(parameters)
    seeds = keyed_uniform(start, stop, SEED_WORDS, seed, split, FSL_MRS_NOISE) * 2.0**32
    spectra = np.empty((len(parameters), acquisition.window_points), np.complex128)
    with _global_random_state_kept():
        for row in range(len(parameters)):
            np.random.seed(seeds[row].astype(np.uint32))  # noqa: NPY002 - FSL-MRS draws from the global state
            fid, mrs, _ = synthetic_from_basis(
                fsl_basis,
                metab_groups=groups.tolist(),
                concentrations=parameters.concentrations[row].tolist(),
                baseline=None if parameters.baseline is None else parameters.baseline[row].tolist(),
                baseline_ppm=acquisition.ppm_window,
                broadening=list(zip(parameters.gamma[row].tolist(), parameters.sigma[row].tolist(), strict=True)),
                shifting=parameters.eps[row].tolist(),
                phi0=float(parameters.phi0[row]),
                phi1=float(parameters.phi1[row]),
                noisecovariance=[[variance[row]]],
                bandwidth=acquisition.bandwidth_hz,
                points=acquisition.points,
            )
            if mrs.conj_Basis:
                raise ValueError(
                    "FSL-MRS considers the signals of `basis` conjugated and would mirror them about 4.65 ppm. "
                    "Expected: for more than half of the metabolites, more signal between 0.2 and 4.2 ppm than between "
                    f"5.1 and 9.1 ppm, its mirror image. Received: basis.names={basis.names}. "
                    "Conjugate the FIDs if they are in the other convention, otherwise use backend='numpy'."
                )
            spectra[row] = fid_to_spectrum(fid)[acquisition.window]
    return spectra


def _import_fsl_mrs() -> tuple:
    """Returns FSL-MRS's simulation function and its `Basis` class."""
    try:
        from fsl_mrs.core.basis import Basis as FslBasis
        from fsl_mrs.utils.synthetic.synthetic_from_basis import syntheticFromBasisFile
    except ModuleNotFoundError as error:
        if str(error.name).partition(".")[0] != "fsl_mrs":  # FSL-MRS is installed, but lacks a dependency.
            raise
        raise ModuleNotFoundError(
            "The backend 'fsl_mrs' needs FSL-MRS. Expected: the module `fsl_mrs` in this Python environment. "
            f"Received: {error}. Install it from its own conda channel (its licence is for non-commercial use): "
            f"`{INSTALL_COMMAND}`. Or use backend='numpy', which gives the same spectra.",
            name=error.name,
        ) from error
    return syntheticFromBasisFile, FslBasis


@contextlib.contextmanager
def _global_random_state_kept() -> Iterator[None]:
    """Restores NumPy's global random state."""
    state = np.random.get_state(legacy=False)  # noqa: NPY002
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
