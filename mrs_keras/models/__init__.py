"""Models: the conditional VAE and its presets."""

from mrs_keras.models.cvae import CVAE
from mrs_keras.models.metrics import ActiveUnits
from mrs_keras.models.presets import CVAE_PRESETS

__all__ = ["CVAE", "CVAE_PRESETS", "ActiveUnits"]
