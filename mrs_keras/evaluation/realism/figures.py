"""Figures of generated beside real spectra."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure
from sklearn.decomposition import PCA

from mrs_keras import plotting
from mrs_keras.evaluation.realism.canonical import canonical
from mrs_keras.evaluation.realism.noise import noise_power
from mrs_keras.evaluation.realism.quantities import QUANTITIES, quantities_of
from mrs_keras.evaluation.realism.spectra import GeneratedSpectra, RealSpectra

DRAWN = 300
"""Spectra of a set that are drawn."""

REAL = "real spectra"
"""Label of the real spectra."""

MAP = 4
"""Coordinates of the map."""

IN_PANELS = ("snr", "fwhm_naa_hz", "fwhm_cr_hz")
"""Quantities with a panel of their own; those of the noise are beside its power."""


def realism_figures(
    real: RealSpectra, generated: Mapping[str, GeneratedSpectra], seed: int = 0, prefix: str = "realism"
) -> dict[str, Figure]:
    """Draws sets of generated spectra beside real ones, all in their canonical form.

    Args:
      real: all real spectra, of training and held out.
      generated: label of a set -> spectra, the first 300 of which are drawn.
      seed: of the noise around the window. Defaults to `0`.
      prefix: of the names. Defaults to `"realism"`.

    Returns:
      `PREFIX_map`, `PREFIX_mean`, `PREFIX_noise`, `PREFIX_quantities` -> figure.
    """
    acquisition = real.acquisition
    forms = {}
    for label, each in {REAL: real, **generated}.items():
        part = slice(None) if label == REAL else slice(DRAWN)
        forms[label] = canonical(
            each.spectra[part], acquisition, each.noise_sigma[part], seed=seed, split=label, with_fids=True
        )
    space = PCA(MAP, svd_solver="full").fit(forms[REAL].features)
    quantities = {label: quantities_of(each, acquisition) for label, each in forms.items()}
    powers = {label: noise_power(each, acquisition) for label, each in forms.items()}
    return {
        f"{prefix}_map": plotting.plot_realism_map(
            {label: space.transform(each.features) for label, each in forms.items()},
            space.explained_variance_ratio_,
            REAL,
        ),
        f"{prefix}_mean": plotting.plot_mean_spectra(
            forms[REAL].ppm, {label: each.spectra for label, each in forms.items()}, REAL
        ),
        f"{prefix}_noise": plotting.plot_realism_noise(
            powers[REAL][0],
            {label: power for label, (_, power) in powers.items()},
            {label: np.asarray(each["noise_lag1"]) for label, each in quantities.items()},
            REAL,
        ),
        f"{prefix}_quantities": plotting.plot_realism_quantities(
            quantities, {name: QUANTITIES[name] for name in IN_PANELS}, REAL
        ),
    }
