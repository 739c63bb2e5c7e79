"""Fits of many spectra to a folder, that go on where they were interrupted."""

import dataclasses
import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import joblib
import numpy as np
from tqdm import tqdm

import mrs_keras
from mrs_keras.basis.basis import Basis
from mrs_keras.files import remove, replacing
from mrs_keras.fitting.fit_tables import write_table
from mrs_keras.fitting.in_vivo_fit import CHUNK, fit_in_vivo
from mrs_keras.fitting.in_vivo_fits import FORMAT, InVivoFits
from mrs_keras.fitting.in_vivo_model import InVivoModel

FITS_FILE, TABLE_FILE, FIGURES, PARTS = "fits.npz", "fits.tsv", "figures", "parts"


def fit_folder(
    spectra: np.ndarray,
    basis: Basis,
    model: InVivoModel,
    noise_sigma: np.ndarray,
    folder: str | os.PathLike,
    *,
    names: Mapping[str, Sequence[str]],
    figures: int | None = 4,
    jobs: int | None = None,
) -> InVivoFits:
    """Fits spectra, and writes `fits.npz`, `fits.tsv` and figures to a folder.

    A spectrum that was fitted before to this folder, with the same basis, model, noise and version of this package, is
    not fitted again: not after an interruption, nor when others were added.

    Args:
      spectra: complex (n, window_points).
      basis: with the acquisition of the spectra.
      model: ingredients of the fit.
      noise_sigma: float (n,).
      folder: to write to.
      names: `ids` and `participants`, perhaps `sessions` and `sites`, of the spectra.
      figures: number of spectra to draw: half of them the worst by their residual, the others typical. Defaults to
        `4`; `None` draws all.
      jobs: number of processes. Defaults to `None`: one for each core.

    Raises:
      ValueError: as in `fit_spectra`.
    """
    folder = Path(folder)
    parts = folder / PARTS
    digests = digests_of(spectra, basis, model, noise_sigma)
    known = _fitted_before(folder)
    left = [row for row, digest in enumerate(digests) if digest not in known]
    # Enough for all processes, and little to lose.
    size = 4 * CHUNK * (jobs or joblib.cpu_count())
    options = {"desc": "Fitting spectra", "unit": "spectrum", "disable": None}
    with tqdm(total=len(spectra), initial=len(spectra) - len(left), **options) as bar:
        for first in range(0, len(left), size):
            rows = left[first : first + size]
            fits = fit_in_vivo(spectra[rows], basis, model, noise_sigma[rows], jobs=jobs)
            fits = dataclasses.replace(fits, digests=tuple(digests[row] for row in rows))
            fits.save(parts / f"{digests[rows[0]]}.npz")
            known |= {digest: (fits, place) for place, digest in enumerate(fits.digests)}
            bar.update(len(rows))
    # Fits of an interrupted run have the names of that run, or none.
    fits = InVivoFits.join([known[digest][0][[known[digest][1]]] for digest in digests])
    fits = dataclasses.replace(fits, **{name: tuple(values) for name, values in names.items()})
    fits.save(folder / FITS_FILE)
    write_table(fits, folder / TABLE_FILE)
    with replacing(folder / FIGURES) as drawn:
        drawn.mkdir()
        for row in rows_to_draw(fits, figures):
            fits.plot(row).savefig(drawn / f"{fits.ids[row]}.png")
    remove(parts)
    return fits


def rows_to_draw(fits: InVivoFits, count: int | None) -> list[int]:
    """Returns which spectra to draw: the worst by their residual, and those nearest to the median; `None` is all."""
    if count is None or count >= len(fits):
        return list(range(len(fits)))
    order = np.argsort(np.where(fits.converged, fits.misfit, np.inf), kind="stable")[::-1].tolist()
    worst = order[: (count + 1) // 2]
    middle = len(order) // 2
    typical = [row for row in order[max(middle - count // 2, 0) :] if row not in worst][: count // 2]
    return worst + typical


def digests_of(spectra: np.ndarray, basis: Basis, model: InVivoModel, noise_sigma: np.ndarray) -> list[str]:
    """Returns a digest of all that the fit of each spectrum depends on."""
    about = mrs_keras.__version__, FORMAT, basis.names, basis.acquisition, model
    shared = hashlib.sha256(repr(about).encode())
    shared.update(np.ascontiguousarray(basis.fids).tobytes())
    digests = []
    for spectrum, sigma in zip(spectra, noise_sigma, strict=True):
        one = shared.copy()
        one.update(np.ascontiguousarray(spectrum, np.complex128).tobytes() + np.float64(sigma).tobytes())
        digests.append(one.hexdigest()[:24])
    return digests


def _fitted_before(folder: Path) -> dict[str, tuple[InVivoFits, int]]:
    """Returns the fits in a folder: digest -> fits, row."""
    known = {}
    for path in [folder / FITS_FILE, *sorted((folder / PARTS).glob("[!.]*.npz"))]:
        if path.exists():
            fits = InVivoFits.load(path)
            known |= {digest: (fits, place) for place, digest in enumerate(fits.digests or ())}
    return known
