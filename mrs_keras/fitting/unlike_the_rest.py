"""Fits that are unlike the others: phantoms among brains, artefacts, scans of another kind."""

import numpy as np

from mrs_keras.basis.aliases import canonical_name
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.fitting.kernel_of_fits import robust_distances
from mrs_keras.measured.tables.names import SUMS
from mrs_keras.simulation.parameters import SCALARS

FARTHEST = 4.0
"""Distance from the medians above which a fit is named: of 80 scans of healthy brains at seven sites the largest was
2.8, and 3.1 in random twenties of them."""

WORST = 4.0
"""Residual, over the median one, above which a fit is named; the largest of those 80 scans was 2.1."""


def unlike_the_rest(fits: InVivoFits) -> dict[int, str]:
    """Returns the fits that lie far from the others, or leave over much more than these, as row -> why.

    Args:
      fits: of spectra of one kind. Those that did not converge are not looked at.
    """
    rows = np.flatnonzero(fits.converged)
    if len(rows) < 3:
        return {}
    fits = fits[rows]
    creatine = [number for number, name in enumerate(fits.columns) if canonical_name(name) in SUMS["tCr"]]
    heights = np.abs(fits.fitted).max(axis=1)
    scale = fits.concentrations[:, creatine].sum(axis=1) if creatine else heights
    scale = np.where(scale > 0, scale, np.median(scale))
    values = [*(fits.concentrations / scale[:, None]).T, *(getattr(fits, name) for name in SCALARS)]
    distances = robust_distances(np.stack([*values, np.log(heights / fits.noise_sigma)], axis=1))
    misfits = fits.misfit / np.median(fits.misfit)
    said = {}
    for row, distance, misfit in zip(rows.tolist(), distances, misfits, strict=True):
        parts = []
        if distance > FARTHEST:
            parts.append(f"its fit lies {distance:.1f} spreads from the others")
        if misfit > WORST:
            parts.append(f"its fit leaves over {misfit:.1f} times as much as the others")
        if parts:
            said[row] = " and ".join(parts)
    return said
