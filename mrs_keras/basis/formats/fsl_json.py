"""FSL-MRS basis: a folder with one JSON file per metabolite."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault, twice
from mrs_keras.basis.formats.nucleus import check_proton, isotope
from mrs_keras.basis.formats.printed import Printed, as_meant, exactly, printed_bandwidth, printed_frequency
from mrs_keras.basis.formats.signals import Signal, to_contents
from mrs_keras.basis.formats.source_text import parse_number, read_text

CONJUGATED = True
"""FSL-MRS stores the conjugate of its signals in memory, and conjugates on reading."""


def read_fsl_json(
    files: Sequence[Path], acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads a basis from FSL-MRS JSON files.

    The format is defined by FSL-MRS 2.4 (Clarke et al. 2021, doi 10.1002/mrm.28630): in an object `basis`, `basis_re`
    and `basis_im` contain the conjugate of the FID, `basis_dwell` the dwell time in s, `basis_centre` the spectrometer
    frequency in MHz, `basis_name` the metabolite. Other content (spin system, density matrix) is ignored. The numbers
    have arbitrary units and are not rescaled.

    Args:
      files: one per metabolite.
      acquisition: replaces that of the files and must agree with it (see `read_basis`). Defaults to `None`: that of
        the files.
      conjugated: whether the files contain the complex conjugate of this package's convention. Defaults to `True`.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of `files`.

    Raises:
      ValueError: if a file is not such JSON or incomplete, if its nucleus is not hydrogen, or if the files disagree.
    """
    description = ""
    signals = []
    for path in files:
        signal, source = _read(path)
        signals.append(signal)
        description = description or source
    return to_contents(signals, acquisition, conjugated, description or f"FSL-MRS basis '{files[0].parent.name}'")


def write_fsl_json(basis: BasisContents, folder: Path) -> None:
    """Writes a basis to a folder as FSL-MRS 2.4 does, one file per metabolite; `read_fsl_json` reads it back.

    The numbers are written with full precision: reading gives bit-identical ones. `ppm_window` is not kept.
    """
    folder.mkdir(parents=True)
    for name, fid in zip(basis.names, basis.fids.T, strict=True):
        content = {
            "basis": {
                "basis_re": fid.real.tolist(),
                "basis_im": (-fid.imag).tolist(),
                "basis_dwell": 1 / basis.acquisition.bandwidth_hz,
                "basis_centre": basis.acquisition.spectrometer_frequency_mhz,
                "basis_width": None,
                "basis_name": name,
                "basis_nucleus": "1H",
            },
            "meta": {"SimVersion": basis.description},
        }
        (folder / f"{name}.json").write_text(json.dumps(content, ensure_ascii=False, indent="\t"), encoding="utf-8")


def _read(path: Path) -> tuple[Signal, str]:
    """Reads one metabolite, and the origin that its file states."""
    text = read_text(path)
    content = _content(path, text)
    basis = content.get("basis") if isinstance(content, dict) else None
    if not isinstance(basis, dict):
        raise fault(path, 1, "no object 'basis'. Expected a JSON file of an FSL-MRS basis.")
    real, imaginary = (_array(path, text, basis, key) for key in ("basis_re", "basis_im"))
    if real.shape != imaginary.shape:
        raise fault(
            path,
            _line_of(text, "basis_im"),
            f"real and imaginary part must have the same length. Received: {len(real)} and {len(imaginary)} points.",
        )
    name = basis.get("basis_name")
    if not isinstance(name, str):
        raise fault(path, _line_of(text, "basis_name"), f"`basis_name` must be a string. Received: {name!r:.40}.")
    frequency, bandwidth = _sampling(path, text, basis)
    _check_nucleus(path, text, content, basis, frequency.value)
    meta = content.get("meta")
    source = meta.get("SimVersion") if isinstance(meta, dict) else None
    signal = Signal(name, real + 1j * imaginary, path, _line_of(text, "basis_re"), frequency, bandwidth)
    return signal, source if isinstance(source, str) else ""


def _content(path: Path, text: str) -> object:
    """Parses a text as JSON, in which no key of a basis may occur twice."""
    repeated: list[str] = []

    def checked(pairs: list[tuple[str, object]]) -> dict:
        content = dict(pairs)
        if len(content) < len(pairs):
            repeated.extend(key for key, number in Counter(key for key, _ in pairs).items() if number > 1)
        return content

    try:
        content = json.loads(text, object_pairs_hook=checked)
    except json.JSONDecodeError as error:
        raise fault(path, error.lineno, f"not valid JSON: {error.msg}. The file may be truncated.") from None
    except (ValueError, RecursionError) as error:  # a number with more digits than Python accepts; deep nesting
        raise fault(path, None, f"this JSON cannot be read: {error}.") from None
    for key in repeated:
        if key.startswith("basis"):
            raise twice(path, key, _line_of(text, key), _line_of(text, key, occurrence=2))
    return content


def _sampling(path: Path, text: str, basis: dict) -> tuple[Printed, Printed]:
    """Returns frequency in MHz and bandwidth in Hz, as the file prints them.

    A dwell time with few digits that gives a whole number of Hz is exact: JSON is written with all available digits.
    """
    frequency_mhz, dwell_s = (_positive(path, text, basis, key) for key in ("basis_centre", "basis_dwell"))
    token = _token_of(text, "basis_centre", frequency_mhz)
    frequency = printed_frequency(f"basis_centre: {token} MHz", token, frequency_mhz)
    token, bandwidth_hz = _token_of(text, "basis_dwell", dwell_s), 1 / dwell_s
    printed = f"basis_dwell: {token} s"
    exact = as_meant(token, bandwidth_hz)
    return frequency, exactly(bandwidth_hz, printed) if exact else printed_bandwidth(printed, token, dwell_s)


def _token_of(text: str, key: str, value: float) -> str:
    """Returns a number as printed after its key; its shortest form if the key also occurs elsewhere."""
    tokens = re.findall(rf'"{key}"\s*:\s*([-+0-9.eE]+)', text)
    return next((token for token in tokens if parse_number(token) == value), repr(value))


def _array(path: Path, text: str, basis: dict, key: str) -> np.ndarray:
    """Returns a list of finite numbers as float64 (points,)."""
    values = basis.get(key)
    if not isinstance(values, list) or not all(type(value) in (int, float) for value in values):
        raise fault(path, _line_of(text, key), f"`{key}` must be a list of numbers. Export the basis again.")
    try:
        array = np.array(values, dtype=np.float64)
    except OverflowError:
        array = np.array([np.inf])
    if not np.isfinite(array).all():
        raise fault(path, _line_of(text, key), f"`{key}` must hold finite numbers. Received NaN or infinity.")
    return array


def _positive(path: Path, text: str, basis: dict, key: str) -> float:
    """Returns a positive finite number."""
    value = basis.get(key)
    if type(value) not in (int, float) or not 1e-300 < value < 1e300:
        raise fault(path, _line_of(text, key), f"`{key}` must be a positive number. Received: {value!r:.40}.")
    return float(value)


def _check_nucleus(path: Path, text: str, content: dict, basis: dict, frequency_mhz: float) -> None:
    """Raises `ValueError` if the nucleus is not hydrogen, by its name or by the field of the sequence."""
    sequence = content.get("seq") if isinstance(content.get("seq"), dict) else {}
    key = "basis_nucleus" if basis.get("basis_nucleus") else "Nucleus"
    nucleus, field_t = basis.get("basis_nucleus") or sequence.get("Nucleus"), sequence.get("B0")
    if nucleus and not (isinstance(nucleus, str) and isotope(nucleus)):
        raise fault(
            path, _line_of(text, key), f"`{key}` must name a nucleus. Expected: '1H'. Received: {nucleus!r:.40}."
        )
    field_t = field_t if type(field_t) in (int, float) and 1e-3 < field_t < 1e3 else None
    check_proton(path, _line_of(text, key if nucleus else "basis_centre"), nucleus or None, frequency_mhz, field_t)


def _line_of(text: str, key: str, occurrence: int = 1) -> int | None:
    """Returns the line number of a key, from 1, or `None` if it is missing."""
    position = -1
    for _ in range(occurrence):
        position = text.find(f'"{key}"', position + 1)
        if position < 0:
            return None
    return text.count("\n", 0, position) + 1
