"""The page's requests: from JSON to the explorer and back."""

import json
import urllib.parse
from collections.abc import Callable, Mapping
from pathlib import PurePath
from typing import Any

import numpy as np

from mrs_keras.checks import check_choice, check_finite
from mrs_keras.explore.explorer import Explorer
from mrs_keras.explore.fits import MOST_SPECTRA, Fit
from mrs_keras.explore.scans import MOST_FILES
from mrs_keras.serving.description import INTERPOLATIONS
from mrs_keras.serving.json_arrays import read_json, write_json

LARGEST_SEED = 2**31 - 1

JSON, BINARY = "application/json", "application/octet-stream"

FILES_HEADER = "X-Files"
"""Header of a dropped scan: JSON `[{"name": ..., "size": ...}, ...]`, percent-encoded; the body is the files."""


class NothingThereError(Exception):
    """There is nothing at a path."""


def answer_get(explorer: Explorer, path: str, query: str) -> tuple[str, bytes]:
    """Returns content type and body of the answer to a GET.

    Raises:
      NothingThereError: if there is no such thing.
      ServingError: if the model does not answer.
    """
    if path == "/api/status":
        return JSON, write_json(explorer.status())
    if path == "/api/model":
        return JSON, write_json(explorer.describe())
    if path == "/api/scan":
        (id,) = urllib.parse.parse_qs(query).get("id", [""])
        scan = explorer.scan(id)
        if scan is None:
            raise NothingThereError(path)
        return JSON, write_json({**scan, "spectrum": _parts(scan["spectrum"])})
    raise NothingThereError(path)


def answer_post(explorer: Explorer, path: str, headers: Mapping[str, str], body: bytes) -> tuple[str, bytes]:
    """Returns content type and body of the answer to a POST.

    Raises:
      NothingThereError: if there is no such thing.
      ValueError: if the request is wrong.
      ServingError: if the model does not answer, or refuses.
    """
    if path == "/api/scan":
        return JSON, write_json(_scan(explorer, headers, body))
    if path not in POSTS:
        raise NothingThereError(path)
    try:
        document = read_json(body)
    except json.JSONDecodeError as error:
        raise ValueError(f"The request is not valid JSON: {error}.") from error
    if not isinstance(document, dict):
        raise ValueError("The request must be a JSON object.")
    answer = POSTS[path](explorer, document)
    return (BINARY, answer) if isinstance(answer, bytes) else (JSON, write_json(answer))


def _decode(explorer: Explorer, document: dict) -> dict:
    return _parts(explorer.decode(_numbers(document, "z"), _numbers(document, "concentrations")))


def _draw(explorer: Explorer, document: dict) -> dict:
    z, noise = explorer.draw(_numbers(document, "concentrations"), _seed(document))
    return {"z": z, "noise": None if noise is None else _parts(noise)}


def _path(explorer: Explorer, document: dict) -> dict:
    names = ("z_a", "z_b", "concentrations_a", "concentrations_b")
    alpha = _numbers(document, "alpha")
    if not 1 <= len(alpha) <= MOST_SPECTRA:
        raise ValueError(f"`alpha` must have 1 to {MOST_SPECTRA} numbers. Received: {len(alpha)}.")
    path = check_choice("path", document.get("path"), INTERPOLATIONS)
    spectra = explorer.path({name: _numbers(document, name) for name in names}, alpha, path)
    return {"spectra": [_parts(spectrum) for spectrum in spectra]}


def _fit(explorer: Explorer, document: dict) -> dict:
    given = document.get("spectra")
    if not isinstance(given, list) or not 1 <= len(given) <= MOST_SPECTRA:
        raise ValueError(f"`spectra` must be a list of 1 to {MOST_SPECTRA} spectra.")
    rows = [_numbers(each, "real") + 1j * _numbers(each, "imaginary") for each in given]
    if len({len(row) for row in rows}) > 1:
        raise ValueError("All `spectra` must have the same number of points.")
    snr = document.get("snr")
    if snr is not None and not (isinstance(snr, int | float) and 0 < snr < 1e9):
        raise ValueError(f"`snr` must be a number above 0. Received: {snr!r}. Give for example 20.")
    return {"fits": [_fit_content(fit) for fit in explorer.fit(np.stack(rows).astype(np.complex128), snr)]}


def _fit_content(fit: Fit) -> dict:
    return {
        "parameters": [
            {"name": each.name, "value": each.value, "bound": each.bound, "unit": each.unit} for each in fit.parameters
        ],
        "linewidth_hz": fit.linewidth_hz,
        "fitted": {"real": fit.fitted.real.copy(), "imaginary": fit.fitted.imag.copy()},
        "distance": fit.distance,
        "converged": fit.converged,
        "noise_sigma": fit.noise_sigma,
    }


def _nifti_mrs(explorer: Explorer, document: dict) -> bytes:
    drawn = None
    if document.get("noise"):
        drawn = _numbers(document, "drawn_concentrations"), _seed(document)
    return explorer.nifti_mrs(_numbers(document, "z"), _numbers(document, "concentrations"), drawn)


def _code(explorer: Explorer, document: dict) -> dict:
    for name in ("z", "concentrations", "z_a", "z_b", "concentrations_a", "concentrations_b", "drawn_concentrations"):
        if name in document:
            _numbers(document, name)
    try:
        return {"code": explorer.code(document)}
    except KeyError as error:
        raise ValueError(f"The state lacks {error}.") from error


POSTS: dict[str, Callable[[Explorer, dict], Any]] = {
    "/api/decode": _decode,
    "/api/draw": _draw,
    "/api/path": _path,
    "/api/fit": _fit,
    "/api/nifti-mrs": _nifti_mrs,
    "/api/code": _code,
}


def _scan(explorer: Explorer, headers: Mapping[str, str], body: bytes) -> dict:
    """Adds a dropped scan; its files, and the concentrations of the sliders, are named in the headers."""
    try:
        described = json.loads(urllib.parse.unquote(headers.get(FILES_HEADER, "")))
        concentrations = np.array(json.loads(headers.get("X-Concentrations", "")), np.float32)
        sizes = [(str(each["name"]), int(each["size"])) for each in described]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"The header {FILES_HEADER} must list the names and sizes of the files.") from error
    if not 1 <= len(sizes) <= MOST_FILES:
        raise ValueError(f"Drop one scan, with its water reference: at most {MOST_FILES} files.")
    if sum(size for _, size in sizes) != len(body) or any(size < 0 for _, size in sizes):
        raise ValueError("The sizes of the files must add up to that of the body.")
    files, start = {}, 0
    for name, size in sizes:
        files[_plain_name(name)] = body[start : start + size]
        start += size
    if len(files) != len(sizes):
        raise ValueError("Two of the files have the same name.")
    added = explorer.add_scan(files, concentrations)
    return {**added, "spectrum": _parts(added["spectrum"])}


def _plain_name(name: str) -> str:
    """Returns the name of a file, or raises `ValueError` if it is more than a name."""
    if not name or len(name) > 200 or PurePath(name).name != name or name.startswith(".") or not name.isprintable():
        raise ValueError(f"A file must have a plain name. Received: {name[:200]!r}.")
    return name


def _numbers(document: Mapping, name: str) -> np.ndarray:
    """Returns a list of numbers as float32 (n,), or raises `ValueError`."""
    value = document.get(name) if isinstance(document, Mapping) else None
    try:
        array = np.asarray(value, np.float32)
    except (TypeError, ValueError):
        array = None
    if array is None or array.ndim != 1 or value is None:
        raise ValueError(f"`{name}` must be a list of numbers.")
    return check_finite(name, array)


def _seed(document: Mapping) -> int:
    seed = document.get("seed")
    if not isinstance(seed, int) or isinstance(seed, bool) or not 0 <= seed <= LARGEST_SEED:
        raise ValueError(f"`seed` must be a whole number from 0 to {LARGEST_SEED}. Received: {seed!r}.")
    return seed


def _parts(spectrum: np.ndarray) -> dict[str, np.ndarray]:
    """Returns a spectrum (points, 2) as the page takes it."""
    return {"real": spectrum[:, 0].copy(), "imaginary": spectrum[:, 1].copy()}
