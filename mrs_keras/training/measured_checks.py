"""What is wrong, or may be, with measured spectra that a model is to be trained on."""

import warnings
from collections.abc import Mapping

import numpy as np

from mrs_keras.data.measured_spectra import MeasuredSpectra, named
from mrs_keras.fitting.in_vivo_fits import InVivoFits
from mrs_keras.fitting.prior_of_fits import FEWEST
from mrs_keras.fitting.unlike_the_rest import unlike_the_rest
from mrs_keras.labels import Labels
from mrs_keras.measured.subjects import subject_of

FEW_VALIDATION_SPECTRA = 4
"""Below this number a median says little about when to stop."""


def check_subjects_of_splits(splits: Mapping[str, MeasuredSpectra], dataset: str, fitted: bool) -> None:
    """Raises `ValueError` if the subjects of the splits of a dataset cannot carry a training.

    Args:
      splits: role, such as `"train"` -> its spectra.
      dataset: for messages.
      fitted: whether a prior is made from the fits of the training spectra.
    """
    subjects = {role: {subject_of(name) for name in split.participants} for role, split in splits.items()}
    roles = list(subjects)
    for number, role in enumerate(roles):
        for other in roles[number + 1 :]:
            shared = sorted(subjects[role] & subjects[other])
            if shared:
                raise ValueError(
                    f"A subject must not be in two splits: what is learned of it in one is known in the other. "
                    f"Received: {named(shared, range(len(shared)))} in both '{role}' and '{other}' of {dataset}. "
                    "Build the dataset again with one participant label for each subject."
                )
    found, needed = len(subjects["train"]), FEWEST if fitted else 2
    if found < needed:
        spectra = len(splits["train"])
        raise ValueError(
            f"The training needs scans of at least {needed} subjects. Received: {spectra} spectra of {found} "
            f"subject{'s' if found > 1 else ''} in 'train' of {dataset}. Add scans of other subjects, or "
            "begin with a model of more subjects (`--init RUN`); without scans, train on a published prior (preset "
            "`brain`)."
        )


def warn_of_labels(labels: Labels, measured: MeasuredSpectra) -> None:
    """Warns of labels that vary by less than they are uncertain, or are known for few spectra."""
    for column, name in enumerate(labels.names):
        values, deviations = measured.values[:, column], measured.deviations[:, column]
        known = np.isfinite(values)
        if known.sum() < 3:
            _warn(
                f"The label {name} is known for {known.sum()} of {len(values)} training spectra: what the model knows "
                "of it comes from the simulations."
            )
            continue
        spread = 1.4826 * np.median(np.abs(values[known] - np.median(values[known])))
        error = np.median(deviations[known & np.isfinite(deviations)]) if np.isfinite(deviations[known]).any() else 0.0
        if spread == 0 or spread < error:
            _warn(
                f"The label {name} does not vary among the training spectra: its spread of {spread:.3g} is not above "
                f"its standard deviation of {error:.3g}. That spectra follow it, the model learns from the simulations "
                "alone."
            )


def warn_of_fits(fits: InVivoFits) -> None:
    """Warns of fits that did not converge, and of spectra that are unlike the others, by name."""
    ids = fits.ids or tuple(f"spectrum {row}" for row in range(len(fits)))
    failed = np.flatnonzero(~fits.converged)
    if len(failed):
        _warn(f"The fit did not converge, so the prior leaves out: {named(ids, failed)}. Look at these scans.")
    for row, reason in unlike_the_rest(fits).items():
        _warn(
            f"{ids[row]} is unlike the other spectra: {reason}. A phantom, an artefact, or a scan of another kind? "
            "The model learns it all the same: leave the scan out of the folder if it does not belong to the others."
        )


def warn_of_validation(validation: MeasuredSpectra) -> None:
    """Warns if validation spectra are so few that the early stop is a guess."""
    if len(validation) < FEW_VALIDATION_SPECTRA:
        _warn(
            f"The fine-tuning stops by the median loss of {len(validation)} validation spectra, which is a guess. Hold "
            "out more subjects (`validation` of the dataset)."
        )


def _warn(text: str) -> None:
    warnings.warn(text, stacklevel=3)
