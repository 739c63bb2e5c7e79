"""The config of a dataset that is simulated like a scan: its field, bandwidth, points, sequence and echo time."""

import hashlib
import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mrs_keras.acquisition import Acquisition
from mrs_keras.basis import BROAD_SIGNALS, check_basis, read_basis
from mrs_keras.basis.aliases import find_metabolite
from mrs_keras.basis.wording import argument
from mrs_keras.data.basis_source import BasisSource
from mrs_keras.data.dataset import DEFAULT_DATASET, named_config
from mrs_keras.simulation import PRIOR_PRESETS, Prior
from mrs_keras.training.scan_sequence import sequence_of_scan

if TYPE_CHECKING:
    from mrs_keras.measured import Scan


def config_like(
    scan_file: str | os.PathLike,
    base: str,
    *,
    basis: str | os.PathLike | None = None,
    sequence: str | Mapping[str, Any] | None = None,
    ppm_window: Sequence[float] | None = None,
) -> tuple[dict[str, Any], list[str]]:
    """Returns the config of `simulated_mrs` for spectra like a scan, and what had to be assumed.

    Spectrometer frequency, bandwidth, points, echo time and sequence are those of the scan's header. The name of the
    config says what it is like and ends in a hash of all of it, so other settings make another dataset.

    Args:
      scan_file: scan that `read_scans` can read; of several voxels, the first counts.
      base: config whose prior, numbers of examples and seed are used.
      basis: basis of the scan's sequence. Defaults to `None`: simulated.
      sequence: name, or `"name"` and times in ms, for what the header leaves out, see `sequence_of_scan`.
      ppm_window: lowest and highest chemical shift, ppm. Defaults to `None`: 0.2 to 4.2 ppm.

    Returns:
      Fields of `SimulatedMrsConfig`, plain JSON data, and a sentence for each assumption.

    Raises:
      FileNotFoundError: if there is no such file.
      ValueError: if the scan is not of hydrogen, what the header leaves out is not given, an option contradicts it, or
        the basis does not fit.
    """
    scan = _read_scan(Path(scan_file))
    window = {} if ppm_window is None else {"ppm_window": tuple(ppm_window)}
    # Six decimals of MHz and three of Hz are more than scanners keep; beyond, converters differ.
    acquisition = Acquisition(
        round(scan.spectrometer_frequency_mhz, 6), round(scan.bandwidth_hz, 3), scan.points, **window
    )
    config = _base_fields(base)
    prior, assumed = Prior.of(config["prior"]), []
    if basis is None:
        source, assumed = sequence_of_scan(scan, sequence)
        times_ms = {name: value for name, value in source.items() if name != "name"}
        te_ms = sum(value for name, value in times_ms.items() if name.startswith("te"))
        signals = f"{source['name']}_te{te_ms:g}" if times_ms else source["name"]
        config |= {"sequence": source}
    else:
        if sequence is not None:
            raise ValueError(
                f"A basis from a file has a sequence of its own. Expected `{argument('basis')}` or the sequence and "
                "its times, not both. Leave one of them out."
            )
        path = Path(basis).resolve()
        prior, dropped = _prior_within(prior, path)
        BasisSource(file=str(path)).basis(prior.metabolites, acquisition)  # before anything is built from it
        if dropped:
            assumed.append(f"The basis '{basis}' lacks {', '.join(dropped)}: these are not in the spectra.")
            prior = prior.for_frequency(acquisition.spectrometer_frequency_mhz)
            config |= {"prior": prior.to_dict()}
        signals = re.sub(r"\W+", "_", path.stem).strip("_").lower()[:40]
        config |= {"basis": str(path)}
    config |= {"acquisition": acquisition.to_dict()}
    identity = {**config, "basis": None if basis is None else _digest(path)}
    mark = hashlib.sha256(json.dumps(identity, sort_keys=True).encode()).hexdigest()[:8]
    name = (
        f"{base}_like_{signals}_{acquisition.spectrometer_frequency_mhz:.2f}MHz_{acquisition.bandwidth_hz:g}Hz_"
        f"{acquisition.points}_{mark}"
    )
    return {"name": name, **config}, assumed


def _read_scan(path: Path) -> "Scan":
    """Returns the first scan of a file, or raises `ValueError` if it is not of hydrogen."""
    from mrs_keras.measured.read_scan import read_scans

    scan = read_scans(path)[0]
    if scan.nucleus != "1H":
        raise ValueError(
            f"'{path}' is a scan of {scan.nucleus}. Expected 1H: this package simulates hydrogen only. "
            "Give a scan of hydrogen."
        )
    return scan


def _base_fields(base: str) -> dict[str, Any]:
    """Returns the fields of a config that do not depend on the scan."""
    config = named_config(DEFAULT_DATASET, base)
    if config.prior not in PRIOR_PRESETS:
        raise ValueError(f"The config '{base}' has no prior that can be converted to another field.")
    return {name: getattr(config, name) for name in ("prior", "train", "validation", "seed", "snr")}


def _prior_within(prior: Prior, basis_file: Path) -> tuple[Prior, list[str]]:
    """Returns the prior without the metabolites that a basis lacks, and their names.

    Raises:
      ValueError: if the peaks of the basis are not where they belong, or it has none of the metabolites.
    """
    basis = read_basis(basis_file)
    check = check_basis(basis)
    if check.in_doubt and check.landings:
        raise ValueError(
            f"The basis '{basis_file}' {check.verdict}. {check.advice} `mrs-keras basis convert` takes such "
            "options (`--reference-ppm`, `--conjugated`) and writes a corrected file: give that one."
        )
    lacking = [name for name in prior.metabolites if find_metabolite(name, basis.names) is None]
    dropped = [name for name in lacking if name not in BROAD_SIGNALS]
    kept = {name: leaf for name, leaf in prior.concentrations.items() if name not in dropped}
    if not set(kept) - set(BROAD_SIGNALS):
        raise ValueError(
            f"The basis '{basis_file}' has none of the metabolites of the prior. Expected some of: "
            f"{', '.join(prior.metabolites)}. Received: {', '.join(basis.names)}. Give another basis."
        )
    return (prior.without(dropped) if dropped else prior), dropped


def _digest(path: Path) -> str:
    """Returns a hash of the content of a file, or of the names and contents of all files of a folder."""
    if not path.is_dir():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(file.name.encode() + file.read_bytes())
    return digest.hexdigest()
