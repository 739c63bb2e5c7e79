"""What a model of measured spectra is pre-trained on: a prior from their fits, with labels in the scale of the data."""

import hashlib
import json
from collections.abc import Mapping

import numpy as np

from mrs_keras.data import LabelColumns
from mrs_keras.data.measured_spectra import MeasuredSpectra
from mrs_keras.fitting import InVivoFits, prior_from_fits
from mrs_keras.labels import Labels
from mrs_keras.simulation import FittedPrior

FEWEST_RATIOS = 5
"""Spectra with a label and a fit that the factor between the two is estimated from."""


def prior_of(fits: InVivoFits, options: Mapping) -> FittedPrior:
    """Returns the prior of one fit of each subject: the first that converged, in the units of the spectra."""
    seen: dict[str, int] = {}
    for row in np.flatnonzero(fits.converged).tolist():
        seen.setdefault(row if fits.participants is None else fits.participants[row], row)
    return prior_from_fits(fits[np.array(list(seen.values()), int)], total_creatine_mm=None, **options)


def factors_of(labels: Labels, measured: MeasuredSpectra, fits: InVivoFits) -> np.ndarray:
    """Returns what the labels of fits are multiplied with to be those of the data, float64 (labels,).

    Two programs agree up to a factor for each label, which comes from their bases, baselines and relaxation. It is the
    median over the spectra of which both know a label, and 1 if they are fewer than five.
    """
    ours = LabelColumns.of(labels.names, fits.columns)(fits.concentrations)
    factors = np.ones(len(labels))
    for column in range(len(labels)):
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = measured.values[:, column] / ours[:, column]
        ratios = ratios[fits.converged & np.isfinite(ratios) & (ratios > 0)]
        if len(ratios) >= FEWEST_RATIOS:
            factors[column] = np.median(ratios)
    return factors


def digest_of_prior(prior: FittedPrior, fits: InVivoFits) -> str:
    digest = hashlib.sha256(json.dumps(prior.to_dict()).encode())
    digest.update(np.ascontiguousarray(fits.basis.fids).tobytes())
    return digest.hexdigest()[:24]
