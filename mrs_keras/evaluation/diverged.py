"""Whether a training went wrong: what there is no point in judging further."""

import numpy as np

from mrs_keras.models.trained import REMEDY_OF_DIVERGENCE

LARGEST_ERROR = 0.5
"""Median relative L2 error of the validation spectra above which a model is no model of them."""


def check_finite_output(name: str, spectra: np.ndarray) -> None:
    """Raises `RuntimeError` where a model made NaN or infinity of good input."""
    bad = int((~np.isfinite(spectra)).any(axis=tuple(range(1, spectra.ndim))).sum())
    if bad:
        raise RuntimeError(
            f"The training diverged: the model makes NaN or infinite values. Expected: finite {name}. "
            f"Received: {bad} of {len(spectra)} that are not. {REMEDY_OF_DIVERGENCE}"
        )


def failure(errors: np.ndarray, active_units: int) -> str | None:
    """Returns what is wrong with a model that does not reconstruct its data, or `None` for one that does.

    Args:
      errors: relative L2 error of each validation spectrum.
      active_units: latents that are used.
    """
    median = float(np.median(errors))
    if median <= LARGEST_ERROR:
        return None
    far_off = f"half of the reconstructions are off by more than {100 * median:.0f} % (relative L2)"
    if active_units == 0:
        return (
            f"The latents collapsed: none of them tells one spectrum from another, and {far_off}. "
            "Train again in another folder, with a lower weight of the KL term or a smaller decoder variance."
        )
    return f"The training diverged, or ended long before it was done: {far_off}. {REMEDY_OF_DIVERGENCE}"
