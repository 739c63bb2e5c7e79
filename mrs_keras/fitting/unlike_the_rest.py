"""Fits that are unlike the others: phantoms among brains, artefacts, scans of another kind."""

import numpy as np

from mrs_keras.basis.aliases import canonical_name
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.fitting.kernel_of_fits import robust_scores
from mrs_keras.measured.tables.names import SUMS
from mrs_keras.simulation.parameters import SCALARS

FARTHEST = 7.0
"""Spreads from the medians beyond which a tenth of the parameters of a fit must lie for it to be named.

Among 80 scans of healthy brains at seven sites the largest was 5.3, and a simulated phantom 8.7. In 40 samples each of
53, 20 and 12 of them, the phantom was named in all, in 35 and in 20; a brain in none, in one and in none.
"""

WORST = 4.0
"""Residual, over the median one, above which a fit is named; the largest of those 80 scans was 1.8."""


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
    scores = robust_scores(np.stack([*values, np.log(heights / fits.noise_sigma)], axis=1))
    # Not their mean square: what is different in a phantom is few of them, and in brains one may be far off.
    distances = np.quantile(scores, 0.9, axis=1) if scores.shape[1] else np.zeros(len(scores))
    misfits = fits.misfit / np.median(fits.misfit)
    said = {}
    for row, distance, misfit in zip(rows.tolist(), distances, misfits, strict=True):
        parts = []
        if distance > FARTHEST:
            parts.append(f"a tenth of the parameters of its fit lie {distance:.1f} spreads or more from the others")
        if misfit > WORST:
            parts.append(f"its fit leaves over {misfit:.1f} times as much as the others")
        if parts:
            said[row] = " and ".join(parts)
    return said
