"""The noise of the task, and its noisy spectra for another program."""

import math
import os
import warnings
from pathlib import Path

from mrs_keras.evaluation.real_spectra import read_real_dataset
from mrs_keras.fitting import InVivoFits
from mrs_keras.study.enrichment.noisy_scans import NoisyFormat, write_noisy
from mrs_keras.study.enrichment.task import noisy_spectra
from mrs_keras.study.enrichment.tasks import IN_VIVO, basis_or_own

NOISE_FACTOR = 8**0.5
"""Noise of the task over that of a scan: as of 8 averages where the scan has 64."""


def check_noise_factor(noise_factor: float) -> None:
    """Raises `ValueError` if noise would have to be taken away."""
    if not 1 <= noise_factor < math.inf:
        raise ValueError(
            "`noise_factor` must be 1 or more: noise is added to scans that have their own. "
            f"Received: {noise_factor}. Give for example {NOISE_FACTOR:.2f}."
        )


def write_noisy_scans(
    dataset: str | os.PathLike,
    folder: str | os.PathLike,
    *,
    format: NoisyFormat = "lcmodel",
    fits: InVivoFits | None = None,
    basis: str | os.PathLike | None = None,
    noise_factor: float = NOISE_FACTOR,
    seed: int = 0,
    data_dir: str | os.PathLike | None = None,
) -> Path:
    """Writes the noisy spectra of the first draw of a study for another program, such as LCModel.

    Args:
      dataset: as in `study_enrichment`; likewise for the rest.
      folder: to create.
      format: `"lcmodel"` or `"nifti_mrs"`. Defaults to `"lcmodel"`.
      fits: whose basis is written beside the spectra.
      basis: file of a basis, instead.
      noise_factor: as in `study_enrichment`.
      seed: as in `study_enrichment`.
      data_dir: as in `study_enrichment`.

    Returns:
      `folder`.
    """
    check_noise_factor(noise_factor)
    found = read_real_dataset(dataset, data_dir)
    real = found.real
    chosen = fits.basis if fits is not None else basis_or_own(basis, found)
    noisy = noisy_spectra(real.spectra, real.noise_sigma, noise_factor, seed=seed, draw=0, key=IN_VIVO)
    written = write_noisy(
        folder,
        noisy,
        noise_factor * real.noise_sigma,
        real.acquisition,
        real.subjects,
        format=format,
        basis=chosen,
        signal=real.spectra,
        echo_time_ms=found.description.origin.get("echo_time_ms"),
        seed=seed,
    )
    if fits is None and basis is None and format == "lcmodel":
        warnings.warn(
            "The basis that is written for LCModel is this package's own, PRESS TE 30 ms with ideal pulses. Give that "
            "of your sequence (`--basis`, or `--fits`).",
            stacklevel=2,
        )
    return written
