"""Files of generated spectra with their labels."""

from mrs_keras.generation.concentrations import read_concentrations
from mrs_keras.generation.generate import generate_dataset
from mrs_keras.generation.source import SpectrumSource, open_export, open_run

__all__ = ["SpectrumSource", "generate_dataset", "open_export", "open_run", "read_concentrations"]
