import numpy as np
import pytest

from mrs_keras import SpectralParameters, default_basis, simulate
from mrs_keras.generation import SpectrumSource
from mrs_keras.labels import Labels
from mrs_keras.serving.description import ModelDescription
from mrs_keras.simulation import complex_to_channels


def decoded(z, concentrations):
    """Spectra of the forward model whose linewidth and phase come from the latents; NAA lies where the basis has it."""
    rows = len(concentrations)
    parameters = SpectralParameters(
        concentrations=concentrations,
        gamma=5 + 3 * z[:, 0],
        sigma=np.full(rows, 5.0),
        eps=np.zeros(rows),
        phi0=0.2 * z[:, 1],
        phi1=np.zeros(rows),
    )
    return complex_to_channels(simulate(parameters, default_basis())).astype(np.float32)


def simulated_rows(concentrations, row_seeds):
    """Spectra of latents that come from the row's seed."""
    z = np.sin(row_seeds[:, None] % 100_003 + np.arange(16.0)).astype(np.float32)
    return {"spectrum": decoded(z, concentrations), "z": z}


def stand_in() -> SpectrumSource:
    """Stands in for a trained model, with spectra that are known."""
    return SpectrumSource(
        ModelDescription(
            Labels(("NAA", "PCr"), ((7.5, 17.0), (3.0, 5.5))),
            default_basis().acquisition,
            latent_dim=16,
            latent_prior="fitted",
            spectrum_scale=2500.0,
        ),
        generate=simulated_rows,
        origin={"run": "runs/stand_in", "latent_prior": "fitted"},
    )


@pytest.fixture
def source() -> SpectrumSource:
    return stand_in()
