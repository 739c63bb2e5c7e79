"""Bases at the acquisition of the spectra that they are used for."""

import dataclasses

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.basis import Basis

FREQUENCY_TOLERANCE = 1e-3
"""Largest relative difference between the frequency of a file and that of the spectra: 0.3 Hz at 2 ppm and 3 T."""


def match_acquisition(basis: Basis, acquisition: Acquisition, file: str) -> Basis:
    """Returns the basis resampled to the bandwidth and points of spectra; shifts in ppm are kept.

    Args:
      basis: of the same field.
      acquisition: of the spectra.
      file: that the basis was read from, for the messages.

    Raises:
      ValueError: if the basis is of another field, or too short.
    """
    own, frequency_mhz = basis.acquisition, acquisition.spectrometer_frequency_mhz
    ratio = frequency_mhz / own.spectrometer_frequency_mhz
    if abs(ratio - 1) > FREQUENCY_TOLERANCE:
        raise ValueError(
            f"The basis '{file}' is of another field. Expected {frequency_mhz:g} MHz. "
            f"Received: {own.spectrometer_frequency_mhz:g} MHz. Give a basis of this field, or none to simulate one."
        )
    # With the sampling rate changed in proportion, shifts in ppm stay; couplings in Hz change by 0.1 % at most.
    own = dataclasses.replace(own, spectrometer_frequency_mhz=frequency_mhz, bandwidth_hz=own.bandwidth_hz * ratio)
    basis = dataclasses.replace(basis, acquisition=own, reading=None)
    try:
        if (own.bandwidth_hz, own.points) != (acquisition.bandwidth_hz, acquisition.points):
            basis = basis.resample(acquisition.bandwidth_hz, acquisition.points)
    except ValueError as error:
        raise ValueError(f"The basis '{file}' cannot be resampled to {acquisition}: {error}") from error
    return dataclasses.replace(basis, acquisition=acquisition)
