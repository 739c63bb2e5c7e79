"""What the header of a NIfTI-MRS file says about a scan, and what a BIDS sidecar adds to it."""

import json
import math
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mrs_keras.measured.file_kinds import fault

# The standard marks some fields as personal; sex, weight and where the scan was made are so as well. Users mark their
# own by `private_`.
_PERSONAL = re.compile(
    r"patient(?!position)|subject_?(name|id)|birth|^(age|sex|gender|weight|height)$|^private_|^institution|"
    r"deviceserial|station_?name|operator|physician|accession|(study|series|acquisition|content)_?(date|time|instance)|"
    # File names often hold names, and the time of the conversion would make each reading of a file another.
    r"^originalfile$|^conversiontime$",
    re.IGNORECASE,
)
_SEQUENCE_KEYS = ("SequenceName", "PulseSequenceName", "PulseSequenceType")
# A longer echo time in s is not one of spectroscopy; in ms, none is shorter.
_LONGEST_ECHO_TIME_S = 1.0
_LONGEST_REPETITION_TIME_S = 100.0
_EDIT = (
    "Correct it: `spec2nii extract FILE` writes the header to a JSON file, and `spec2nii insert FILE JSON` puts an "
    "edited one back."
)


def parse_json(path: Path, text: str | bytes, what: str) -> dict[str, Any]:
    """Returns a JSON object; NaN and infinity, which JSON does not have, become `None`.

    Raises:
      ValueError: if the text is not a JSON object.
    """
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        # NIfTI pads header extensions with zeros.
        value = json.loads(text.rstrip("\0 \n"), parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise fault(path, f"{what} is not valid JSON ({error}).", "Convert or download the scan again.") from None
    if not isinstance(value, dict):
        raise fault(path, f"{what} must be a JSON object. Received: {type(value).__name__}.", "Convert the scan again.")
    return value


def read_sidecar(path: Path) -> dict[str, Any]:
    """Returns the BIDS sidecar of a scan, the `.json` file of the same name; `{}` if there is none.

    Args:
      path: of the scan, such as `sub-01_svs.nii.gz`, whose sidecar is `sub-01_svs.json`.
    """
    sidecar = path.with_name(re.sub(r"(\.nii)?\.[^.]+$", "", path.name) + ".json")
    if not sidecar.is_file():
        return {}
    return parse_json(sidecar, sidecar.read_bytes(), "the sidecar")


def without_personal_fields(header: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a header without the fields that can identify a person, such as `PatientName`.

    `PatientPosition` is kept. Fields that users marked with `private_` are dropped, as the standard asks, and so are
    the name of the original file and the time of its conversion.
    """
    return {
        key: without_personal_fields(value) if isinstance(value, dict) else value
        for key, value in header.items()
        if not _PERSONAL.search(key)
    }


def value_of(header: Mapping[str, Any], key: str) -> Any:
    """Returns a value of a header, without the description that user-defined fields have; `None` if it is absent."""
    value = header.get(key)
    return value.get("Value") if isinstance(value, dict) and "Value" in value else value


def spectrometer_frequency_mhz(path: Path, header: Mapping[str, Any]) -> float:
    """Returns f0 in MHz from the field `SpectrometerFrequency`, which must be an array.

    Raises:
      ValueError: if it is missing, a plain number, not positive, or given in Hz.
    """
    value = header.get("SpectrometerFrequency")
    if isinstance(value, int | float):
        raise fault(
            path,
            "`SpectrometerFrequency` must be an array of numbers in MHz, such as [127.7]. "
            f"Received: the number {value}.",
            _EDIT,
        )
    frequency = value[0] if isinstance(value, list) and value else value
    if not _is_number(frequency) or not frequency > 0:
        raise fault(
            path, f"`SpectrometerFrequency` must be an array such as [127.7], in MHz. Received: {value!r}.", _EDIT
        )
    if frequency > 1e5:
        raise fault(path, f"`SpectrometerFrequency` must be in MHz. Received: {value}, which can only be Hz.", _EDIT)
    return float(frequency)


def nucleus(path: Path, header: Mapping[str, Any]) -> str:
    """Returns the nucleus from the field `ResonantNucleus`, such as `"1H"`."""
    value = header.get("ResonantNucleus")
    name = value[0] if isinstance(value, list) and value else value
    if not isinstance(name, str) or not name.strip():
        raise fault(path, f'`ResonantNucleus` must be an array such as ["1H"]. Received: {value!r}.', _EDIT)
    return name.strip()


def echo_time_ms(path: Path, header: Mapping[str, Any]) -> float | None:
    """Returns `EchoTime`, s in the standard, in ms; `None` if it is absent.

    Raises:
      ValueError: if it is no number, negative, or over 1 s, so that it can only be in ms.
    """
    return _time_ms(path, header, "EchoTime", _LONGEST_ECHO_TIME_S, "0.035")


def repetition_time_ms(path: Path, header: Mapping[str, Any]) -> float | None:
    """Returns `RepetitionTime`, s in the standard, in ms; `None` if it is absent.

    Raises:
      ValueError: if it is no number, negative, or over 100 s, so that it can only be in ms.
    """
    return _time_ms(path, header, "RepetitionTime", _LONGEST_REPETITION_TIME_S, "2.0")


def sequence(header: Mapping[str, Any]) -> str | None:
    """Returns the name of the sequence: `SequenceName`, `PulseSequenceName` or `PulseSequenceType`, else `None`."""
    names = (value_of(header, key) for key in _SEQUENCE_KEYS)
    return next((name.strip() for name in names if isinstance(name, str) and name.strip()), None)


def _time_ms(path: Path, header: Mapping[str, Any], key: str, longest_s: float, example: str) -> float | None:
    value = value_of(header, key)
    if value is None:
        return None
    if not _is_number(value) or value < 0:
        raise fault(path, f"`{key}` must be a number of seconds, such as {example}. Received: {value!r}.", _EDIT)
    if value > longest_s:
        raise fault(
            path,
            f"`{key}` must be in seconds, such as {example}. Received: {value}, which can only be milliseconds.",
            _EDIT,
        )
    # 0.035 * 1000 is 35.00000000000001 for some values.
    return round(float(value) * 1e3, 9)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
