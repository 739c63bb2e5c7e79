"""Whether fits are those of given spectra."""

from collections.abc import Sequence

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.fitting.in_vivo_fits import InVivoFits

CLOSE = 1e-4
"""Largest difference between a spectrum and its fit plus residual, over the tallest point of all."""


def fits_of(
    fits: InVivoFits, ids: Sequence[str], spectra: np.ndarray, acquisition: Acquisition, what: str
) -> InVivoFits:
    """Returns the fits of some spectra, in their order, out of fits of these and perhaps others.

    Args:
      fits: with ids.
      ids: names of the spectra.
      spectra: complex (n, window_points).
      acquisition: of the spectra.
      what: the spectra in words, for messages.

    Raises:
      ValueError: if fits are missing, or of another acquisition or of other spectra.
    """
    if fits.acquisition != acquisition:
        raise ValueError(
            f"The fits must be of {what}, in its acquisition. Expected {acquisition}. Received: {fits.acquisition}. "
            "Fit the dataset itself: `mrs-keras measured fit`."
        )
    rows = {} if fits.ids is None else {name: row for row, name in enumerate(fits.ids)}
    missing = [name for name in ids if name not in rows]
    if missing:
        raise ValueError(
            f"The fits must be of {what}. Received fits without {len(missing)} of {len(ids)} spectra, such as "
            f"{missing[0]}. Fit the dataset itself: `mrs-keras measured fit`."
        )
    fits = fits[np.array([rows[name] for name in ids], int)]
    check_fits(fits, spectra, what)
    return fits


def check_fits(fits: InVivoFits, spectra: np.ndarray, what: str) -> None:
    """Raises `ValueError` unless the fits are of these spectra, row by row; arguments as in `fits_of`."""
    fitted = fits.fitted + fits.residual
    same = fitted.shape == spectra.shape
    if same:
        wrong = np.flatnonzero(np.abs(fitted - spectra).max(axis=1) > CLOSE * np.abs(fitted).max())
        if not len(wrong):
            return
    name = "another number of spectra or points" if not same else (fits.ids or range(len(fits)))[wrong[0]]
    raise ValueError(
        f"The fits are of other spectra than {what}: processed in another way, or scaled. Received a difference in: "
        f"{name}. Fit these spectra: `mrs-keras measured fit`."
    )
