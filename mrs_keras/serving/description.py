"""What an export says of its model, so that who uses it needs nothing else."""

from mrs_keras.models import CVAE

EXTRA = "assets.extra/mrs_keras.json"
"""Where it stands in the folder of an export, besides the signature `describe`."""


def describe(model: CVAE) -> dict:
    """Returns what an export says of its model, as plain JSON data."""
    return {
        "metabolites": list(model.metabolites),
        "concentration_range_mm": [list(limits) for limits in model.concentration_range_mm],
        "acquisition": model.acquisition.to_dict(),
        "latent_dim": model.latent_dim,
        "spectrum_scale": model.spectrum_scale,
        # A density that nobody fitted is the standard normal prior.
        "latent_prior": "fitted" if model.has_fitted_density else "standard_normal",
    }
