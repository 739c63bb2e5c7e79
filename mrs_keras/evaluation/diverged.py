"""Detects failed trainings, which are not evaluated further."""

import numpy as np

from mrs_keras.models.trained import REMEDY_OF_DIVERGENCE

LARGEST_ERROR = 0.5
"""Median relative L2 error of the validation spectra above which a model has failed."""


def check_finite_output(name: str, spectra: np.ndarray) -> None:
    """Raises `RuntimeError` if a model returned NaN or infinity for valid input."""
    bad = int((~np.isfinite(spectra)).any(axis=tuple(range(1, spectra.ndim))).sum())
    if bad:
        raise RuntimeError(
            f"The training diverged: the model returns NaN or infinite values. Expected: finite {name}. "
            f"Received: {bad} of {len(spectra)} that are not. {REMEDY_OF_DIVERGENCE}"
        )


def failure(errors: np.ndarray, active_units: int) -> str | None:
    """Returns the problem of a model that does not reconstruct its data, or `None` for one that does.

    Args:
      errors: relative L2 error of each validation spectrum.
      active_units: number of active latents.
    """
    median = float(np.median(errors))
    if median <= LARGEST_ERROR:
        return None
    far_off = f"half of the reconstructions are off by more than {100 * median:.0f} % (relative L2)"
    if active_units == 0:
        return (
            f"The latents collapsed: none of them distinguishes one spectrum from another, and {far_off}. "
            "Train again in another folder, with a lower weight of the KL term or a smaller decoder variance."
        )
    return f"The training diverged, or stopped far too early: {far_off}. {REMEDY_OF_DIVERGENCE}"
