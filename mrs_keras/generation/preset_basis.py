"""The preset of the simulation that a model was trained on, told from the description of the model."""

import math

from mrs_keras.basis import Basis, basis_for
from mrs_keras.serving.description import ModelDescription
from mrs_keras.simulation import PRIOR_PRESETS, Prior

SCALE_TOLERANCE = 1e-6
"""Relative difference of the scale of a model, the tallest peak of its prior and basis, from that of a candidate."""


def preset_of(model: ModelDescription) -> tuple[Basis, Prior] | None:
    """Returns basis and prior of a preset of the simulation that has the labels, ranges and scale of a model."""
    for name in PRIOR_PRESETS:
        prior = Prior.from_preset(name, model.acquisition.spectrometer_frequency_mhz)
        leaves = prior.concentrations.values()
        ranges = tuple((float(leaf.low), float(leaf.high)) for leaf in leaves)
        if (prior.metabolites, ranges) != (tuple(model.labels.names), tuple(map(tuple, model.labels.ranges))):
            continue
        basis = basis_for(prior.metabolites, model.acquisition)
        if math.isclose(prior.peak_height(basis), model.spectrum_scale, rel_tol=SCALE_TOLERANCE):
            return basis, prior
    return None
