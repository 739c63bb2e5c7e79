import numpy as np
import pytest

from mrs_keras import SpectralParameters, default_basis, simulate
from mrs_keras.generation import SpectrumSource
from mrs_keras.simulation import complex_to_channels


def simulated_rows(concentrations, row_seeds):
    """Spectra of the forward model whose linewidth comes from the row's seed; NAA lies where the basis has it."""
    rows = len(concentrations)
    z = np.sin(row_seeds[:, None] % 100_003 + np.arange(16.0)).astype(np.float32)
    parameters = SpectralParameters(
        concentrations=concentrations,
        gamma=5 + 3 * z[:, 0],
        sigma=np.full(rows, 5.0),
        eps=np.zeros(rows),
        phi0=0.2 * z[:, 1],
        phi1=np.zeros(rows),
    )
    return complex_to_channels(simulate(parameters, default_basis())).astype(np.float32), z


@pytest.fixture
def source() -> SpectrumSource:
    """Stands in for a trained model, with spectra that are known."""
    return SpectrumSource(
        metabolites=("NAA", "PCr"),
        concentration_range_mm=((7.5, 17.0), (3.0, 5.5)),
        acquisition=default_basis().acquisition,
        generate=simulated_rows,
        spectrum_scale=2500.0,
        origin={"run": "runs/stand_in", "latent_prior": "fitted"},
    )
