"""Checks that a scan can be used: a proton spectrum with a signal, and a reference that fits it."""

import numpy as np

from mrs_keras.acquisition import PPM_REFERENCE
from mrs_keras.measured.file_kinds import fault
from mrs_keras.measured.header import value_of
from mrs_keras.measured.scan import Scan

PROTON_MHZ_PER_T = 42.577
# Headers print 3 T for scanners of 2.89 T; the nearest other nucleus, 19F, is 5.9 % below the proton.
_FIELD_TOLERANCE = 0.04
# Adjustments of one scanner differ by 1e-6, two scanners of the same field by 1e-4.
_FREQUENCY_TOLERANCE = 1e-5
_BANDWIDTH_TOLERANCE = 1e-4
# Water is written as 4.65, 4.68 or 4.7 ppm; a receiver at 3 ppm is not on the water.
_CENTRE_TOLERANCE_PPM = 0.25
MIN_POINTS = 16


def check_scan(scan: Scan) -> Scan:
    """Returns a scan, or raises unless it and its reference can be processed.

    Args:
      scan: as `read_scans` returns it.

    Raises:
      ValueError: if the FIDs are zero, contain NaN or infinity, or have too few points; if the nucleus is not 1H; if
        f0 does not fit a proton at the field strength in the header, or the receiver was not centred on the water; if
        the reference differs in coils, points, bandwidth or frequency. The error names the file and what to do.
    """
    _check_signal(scan)
    _check_complex(scan)
    _check_proton(scan)
    if scan.reference is not None:
        _check_signal(scan.reference)
        _check_proton(scan.reference)
        _check_pair(scan, scan.reference)
    return scan


def _named(scan: Scan) -> str:
    return f"'{scan.path}'" if scan.voxel is None else f"'{scan.path}', voxel {scan.voxel},"


def _check_signal(scan: Scan) -> None:
    if scan.points < MIN_POINTS or 0 in scan.fids.shape:
        raise fault(
            scan.path,
            f"a FID must have at least {MIN_POINTS} points. Received: FIDs of shape {scan.fids.shape} "
            "(coils, transients, points).",
            "Give the time-domain data, with the points along the fourth dimension.",
        )
    bad = int(np.count_nonzero(~np.isfinite(scan.fids)))
    if bad:
        raise ValueError(
            f"{_named(scan)} has {bad} NaN or infinite value(s) among the {scan.fids.size} of its FIDs. "
            "Convert the scan again from the scanner's data, or leave it out."
        )
    if not np.any(scan.fids):
        raise ValueError(
            f"{_named(scan)} has FIDs that are zero everywhere. "
            "Convert the scan again from the scanner's data, or leave it out."
        )


def _check_complex(scan: Scan) -> None:
    """Raises `ValueError` if the FIDs lack a part; a reference of water on resonance may."""
    if not (np.any(scan.fids.imag) and np.any(scan.fids.real)):
        raise ValueError(
            f"{_named(scan)} has FIDs without {'an imaginary' if np.any(scan.fids.real) else 'a real'} part, whose "
            "spectrum is its own mirror image. Expected: complex FIDs. Convert the scan again from the scanner's data."
        )


def _check_proton(scan: Scan) -> None:
    if scan.nucleus != "1H":
        raise ValueError(
            f"{_named(scan)} is a spectrum of {scan.nucleus}. Expected: 1H, for which basis sets and models are made. "
            "Leave the scan out."
        )
    field = _number(scan, "MagneticFieldStrength", 0.0)
    if field > 0:
        expected = PROTON_MHZ_PER_T * field
        if abs(scan.spectrometer_frequency_mhz / expected - 1) > _FIELD_TOLERANCE:
            raise ValueError(
                f"{_named(scan)} has a frequency that is not that of protons at its field strength. "
                f"Expected: about {expected:.1f} MHz at {field} T. Received: {scan.spectrometer_frequency_mhz} MHz. "
                "Correct `SpectrometerFrequency`, `ResonantNucleus` or `MagneticFieldStrength` in the header, or leave "
                "the scan out."
            )
    centre_ppm = _number(scan, "SpecFreqChemShift", PPM_REFERENCE) + _number(scan, "RxOffset", 0.0)
    if abs(centre_ppm - PPM_REFERENCE) > _CENTRE_TOLERANCE_PPM:
        raise ValueError(
            f"{_named(scan)} was received at {centre_ppm:.2f} ppm, by `SpecFreqChemShift` and `RxOffset` in its "
            f"header. Expected: the water, {PPM_REFERENCE} ppm. Shift the FIDs by the difference, or correct the "
            "header."
        )


def _number(scan: Scan, key: str, default: float) -> float:
    """Returns a number of the header, `default` where it has none."""
    value = value_of(scan.header, key)
    return value if isinstance(value, int | float) else default


def _check_pair(scan: Scan, reference: Scan) -> None:
    frequency, bandwidth = "spectrometer_frequency_mhz", "bandwidth_hz"
    for attribute, tolerance, remedy in (
        ("coils", 0.0, "Combine the coils of both, or of neither."),
        ("points", 0.0, "Cut both to the same number of points."),
        (bandwidth, _BANDWIDTH_TOLERANCE, "Resample one of them."),
        (frequency, _FREQUENCY_TOLERANCE, "Is it from another scanner?"),
    ):
        expected, received = getattr(scan, attribute), getattr(reference, attribute)
        if abs(expected - received) > tolerance * expected:
            raise ValueError(
                f"The water reference '{reference.path}' does not fit the scan '{scan.path}'. "
                f"Expected: {attribute}={expected}, as the scan has. Received: {attribute}={received}. "
                f"{remedy} Or give the reference of the same acquisition, or none."
            )
