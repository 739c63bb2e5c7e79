"""The acquisition of the signals of a file, from the file and from the caller."""

from pathlib import Path

from mrs_keras.acquisition import PPM_REFERENCE, Acquisition
from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.formats.printed import BANDWIDTH_TOLERANCE, FREQUENCY_TOLERANCE, Printed
from mrs_keras.basis.wording import acquisition_setting, setting

FREQUENCIES_MHZ = (1.0, 2000.0)
BANDWIDTHS_HZ = (10.0, 1e7)
WIDEST_BAND_PPM = 200.0
"""A wider band means a wrong unit: proton spectra are sampled over 10 to 100 ppm."""

DEFAULT_PPM_WINDOW = (0.2, 4.2)


def acquisition_of(spectrometer_frequency_mhz: float, bandwidth_hz: float, points: int) -> Acquisition:
    """Returns an acquisition with a window of 0.2 to 4.2 ppm, cut to the band, or of the whole band without overlap.

    Args:
      spectrometer_frequency_mhz: MHz.
      bandwidth_hz: Hz.
      points: complex points per FID.
    """
    half_band_ppm = bandwidth_hz / 2 / spectrometer_frequency_mhz
    low, high = PPM_REFERENCE - half_band_ppm, PPM_REFERENCE + half_band_ppm
    try:
        window = (max(low, DEFAULT_PPM_WINDOW[0]), min(high, DEFAULT_PPM_WINDOW[1]))
        return Acquisition(spectrometer_frequency_mhz, bandwidth_hz, points, window)
    except ValueError:
        return Acquisition(spectrometer_frequency_mhz, bandwidth_hz, points, (low, high))


def settle(
    path: Path,
    line: int | None,
    points: int,
    frequency: Printed | None,
    bandwidth: Printed | None,
    given: Acquisition | None,
) -> Acquisition:
    """Returns the acquisition of a file.

    Args:
      path: the file.
      line: line number where its signal starts, from 1, or `None`.
      points: complex points of the signal.
      frequency: spectrometer frequency in MHz, or `None` if it is not in the file.
      bandwidth: in Hz, or `None` if it is not in the file.
      given: acquisition given by the caller, or `None` if all of it is in the file.

    Raises:
      ValueError: if neither defines the acquisition, they contradict each other, or a number is impossible for a
        proton spectrum.
    """
    for what, printed, (low, high), unit in (
        ("spectrometer frequency", frequency, FREQUENCIES_MHZ, "MHz"),
        ("bandwidth", bandwidth, BANDWIDTHS_HZ, "Hz"),
    ):
        if printed is not None and not low <= printed.value <= high:
            raise fault(
                path,
                line,
                f"not a valid {what} of a spectrum. Expected from {low:g} to {high:g} {unit}. "
                f"Received: {printed.value} {unit} ({printed.text}). Check the unit.",
            )
        if printed is None and given is None:
            example = acquisition_setting(
                frequency.value if frequency else 123.2, bandwidth.value if bandwidth else 4000.0, points
            )
            raise fault(path, line, f"the file does not say its {what}. Give it, for example {example}.")
    if given is None:
        check_band(path, line, frequency.value, bandwidth.value, bandwidth.text)
        return acquisition_of(frequency.value, bandwidth.value, points)
    if bandwidth is not None:
        check_band(path, line, given.spectrometer_frequency_mhz, bandwidth.value, bandwidth.text)
    check_band(path, line, given.spectrometer_frequency_mhz, given.bandwidth_hz)
    check_agrees(path, line, points, frequency, bandwidth, given)
    return given


def check_band(path: Path, line: int | None, frequency_mhz: float, bandwidth_hz: float, text: str = "") -> None:
    """Raises `ValueError` if a bandwidth must be in a wrong unit.

    Args:
      path: the file.
      line: number of a line, from 1, or `None`.
      frequency_mhz: spectrometer frequency, MHz.
      bandwidth_hz: Hz.
      text: how the file prints the bandwidth. Defaults to `""`: it is not from a file.
    """
    band_ppm = bandwidth_hz / frequency_mhz
    if band_ppm > WIDEST_BAND_PPM:
        raise fault(
            path,
            line,
            f"the band is {band_ppm:.0f} ppm wide, so that a unit must be wrong. Expected at most {WIDEST_BAND_PPM:g} "
            f"ppm. Received: {bandwidth_hz:g} Hz{f' ({text})' if text else ''} at {frequency_mhz:g} MHz. "
            "Correct the unit (jMRUI prints ms, LCModel and FSL-MRS s).",
        )


def check_agrees(
    path: Path,
    line: int | None,
    points: int,
    frequency: Printed | None,
    bandwidth: Printed | None,
    given: Acquisition,
) -> None:
    """Raises `ValueError` if a file contradicts the acquisition given by the caller; arguments as in `settle`."""
    if points != given.points:
        raise _contradiction(path, line, setting("points", given.points), setting("points", points))
    for name, printed, expected, tolerance, unit in (
        ("bandwidth_hz", bandwidth, given.bandwidth_hz, BANDWIDTH_TOLERANCE, "Hz"),
        ("spectrometer_frequency_mhz", frequency, given.spectrometer_frequency_mhz, FREQUENCY_TOLERANCE, "MHz"),
    ):
        if printed is not None and not printed.agrees(expected, tolerance):
            meant = f", {printed.low:.8g} to {printed.high:.8g} {unit}" if printed.width else ""
            received = f"{setting(name, printed.value)} ({printed.text}{meant})"
            raise _contradiction(path, line, setting(name, expected), received)


def _contradiction(path: Path, line: int | None, expected: str, received: str) -> ValueError:
    return fault(
        path,
        line,
        f"the file contradicts the acquisition given. Expected: {expected}. Received: {received}. "
        "Leave the acquisition out if the file is right, or correct it.",
    )
