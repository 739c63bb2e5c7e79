"""Checks and sources of the arguments of `CVAE`."""

from collections.abc import Mapping

import keras
import numpy as np

from mrs_keras.checks import check_finite


def checked_kl_weight(weight):
    """Returns a schedule (also from its serialised form) or a float >= 0."""
    if isinstance(weight, Mapping):
        weight = keras.saving.deserialize_keras_object(weight)
    if isinstance(weight, keras.optimizers.schedules.LearningRateSchedule):
        return weight
    if float(weight) >= 0:
        return float(weight)
    raise ValueError(f"`kl_weight` must be at least 0. Received: kl_weight={weight}. Give for example 1.0.")


def checked_ranges(ranges, metabolites) -> tuple[tuple[float, float], ...]:
    array = check_finite("concentration_range_mm", np.asarray(ranges, dtype=np.float64))
    if array.shape != (len(metabolites), 2) or np.any(array[:, 0] > array[:, 1]):
        raise ValueError(
            "`concentration_range_mm` must hold (low, high) in mM, low <= high, for each metabolite. "
            f"Expected shape ({len(metabolites)}, 2), for {', '.join(metabolites)}. Received: {array.tolist()}."
        )
    return tuple((float(low), float(high)) for low, high in array)


def data_config(metadata: Mapping) -> dict:
    """Returns the arguments of `CVAE` that the metadata of a dataset set."""
    return {
        "metabolites": metadata["metabolites"],
        "concentration_range_mm": [metadata["prior"]["concentrations"][name] for name in metadata["metabolites"]],
        "acquisition": metadata["acquisition"],
        "spectrum_scale": metadata["peak_height"],
    }


def default_data(prior_name: str) -> dict:
    """Returns the arguments of `CVAE` that the dataset of a named prior would set."""
    from mrs_keras.basis import basis_for
    from mrs_keras.simulation import UniformPrior

    prior = UniformPrior.from_preset(prior_name)
    basis = basis_for(prior.metabolites)
    return data_config(
        {
            "metabolites": list(prior.metabolites),
            "prior": prior.to_dict(),
            "acquisition": basis.acquisition.to_dict(),
            "peak_height": prior.peak_height(basis),
        }
    )
