"""FSL-MRS's basis: a folder with one JSON file per metabolite."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis.formats.contents import BasisContents
from mrs_keras.basis.formats.fault import fault
from mrs_keras.basis.formats.nucleus import check_proton, isotope
from mrs_keras.basis.formats.signals import Signal, to_contents
from mrs_keras.basis.formats.source_text import read_text

CONJUGATED = True
"""FSL-MRS stores the conjugate of what it holds in memory, and conjugates on reading."""


def read_fsl_json(
    files: Sequence[Path], acquisition: Acquisition | None = None, conjugated: bool = CONJUGATED
) -> BasisContents:
    """Reads a basis of FSL-MRS's JSON files.

    The format is defined by FSL-MRS 2.4 (Clarke et al. 2021, doi 10.1002/mrm.28630): in an object `basis`, `basis_re`
    and `basis_im` hold the conjugate of the FID, `basis_dwell` the dwell time in s, `basis_centre` the spectrometer
    frequency in MHz, `basis_name` the metabolite. What else a file may hold (spin system, density matrix) is ignored.
    The unit of the numbers is arbitrary: they are taken as they are.

    Args:
      files: one per metabolite.
      acquisition: takes the place of what the files say, with which it must agree (the frequency to 0.1 %). Defaults
        to `None`: as the files say.
      conjugated: whether the files hold the complex conjugate of this package's convention. Defaults to `True`.

    Returns:
      `BasisContents` with `fids` of shape (points, metabolites), in the order of `files`.

    Raises:
      ValueError: if a file is no such JSON or incomplete, if its nucleus is not hydrogen, or if the files disagree.
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

    The numbers are written in full: reading gives the same to the last bit. `ppm_window` is not kept.
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
    """Reads one metabolite, and where its file says it comes from."""
    text = read_text(path)
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise fault(path, error.lineno, f"not valid JSON: {error.msg}. The file may be truncated.") from None
    except (ValueError, RecursionError) as error:  # a number of more digits than Python takes; deep nesting
        raise fault(path, None, f"this JSON cannot be read: {error}.") from None
    basis = content.get("basis") if isinstance(content, dict) else None
    if not isinstance(basis, dict):
        raise fault(path, 1, "no object 'basis'. Expected a JSON file of an FSL-MRS basis.")
    real, imaginary = (_array(path, text, basis, key) for key in ("basis_re", "basis_im"))
    if real.shape != imaginary.shape:
        raise fault(
            path,
            _line_of(text, "basis_im"),
            f"real and imaginary part must be equally long. Received: {len(real)} and {len(imaginary)} points.",
        )
    name = basis.get("basis_name")
    if not isinstance(name, str):
        raise fault(path, _line_of(text, "basis_name"), f"`basis_name` must be a string. Received: {name!r:.40}.")
    frequency_mhz = _positive(path, text, basis, "basis_centre")
    _check_nucleus(path, text, content, basis, frequency_mhz)
    meta = content.get("meta")
    source = meta.get("SimVersion") if isinstance(meta, dict) else None
    return Signal(
        name,
        real + 1j * imaginary,
        path,
        _line_of(text, "basis_re"),
        frequency_mhz,
        1 / _positive(path, text, basis, "basis_dwell"),
    ), source if isinstance(source, str) else ""


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
    """Raises `ValueError` if the file is of another nucleus than hydrogen, by name, or by the field of the sequence."""
    sequence = content.get("seq") if isinstance(content.get("seq"), dict) else {}
    key = "basis_nucleus" if basis.get("basis_nucleus") else "Nucleus"
    nucleus, field_t = basis.get("basis_nucleus") or sequence.get("Nucleus"), sequence.get("B0")
    if nucleus and not (isinstance(nucleus, str) and isotope(nucleus)):
        raise fault(
            path, _line_of(text, key), f"`{key}` must name a nucleus. Expected: '1H'. Received: {nucleus!r:.40}."
        )
    field_t = field_t if type(field_t) in (int, float) and 1e-3 < field_t < 1e3 else None
    check_proton(path, _line_of(text, key if nucleus else "basis_centre"), nucleus or None, frequency_mhz, field_t)


def _line_of(text: str, key: str) -> int | None:
    """Returns the number of the line where a key stands, from 1, or `None` where it does not."""
    position = text.find(f'"{key}"')
    return None if position < 0 else text.count("\n", 0, position) + 1
