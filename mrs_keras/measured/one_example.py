"""The examples of one file: each of its scans read, processed and measured."""

import functools
import warnings

import threadpoolctl

from mrs_keras.measured.check_scan import check_scan
from mrs_keras.measured.dimensions import ENTRY_KEY
from mrs_keras.measured.duplicates import fingerprint
from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.processing import process_scan
from mrs_keras.measured.resampling import resampled_noise
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.scan_target import ScanTarget
from mrs_keras.measured.skipped import Skipped
from mrs_keras.simulation import complex_to_channels


def examples_of_file(target: ScanTarget, file: ScanFile) -> tuple[list[dict], list[Skipped]]:
    """Returns the examples of a file, and its scans that cannot be used.

    Args:
      target: of the dataset.
      file: to read.

    Returns:
      A dict for each scan: `id`, `spectrum` float32 (points, 2), the numbers of `NUMBERS`, and what else is recorded.
    """
    examples, skipped = [], []
    # One thread: the processes share the cores, and sums are rounded in the same order on any number of them.
    with _threads().limit(limits=1):
        try:
            scans = target.read(file)
        except (ValueError, OSError) as error:
            return [], [Skipped(str(file.path), str(error))]
        for scan in scans:
            part = _part(scan) if file.entry is None else ""
            try:
                examples.append(_example(target, file, scan, part))
            except (ValueError, RuntimeError) as error:  # of SciPy, if an iteration does not converge
                skipped.append(Skipped(f"{file.path}{part and f'[{part[1:]}]'}", str(error)))
    return examples, skipped


@functools.cache
def _threads() -> threadpoolctl.ThreadpoolController:
    return threadpoolctl.ThreadpoolController()


def _part(scan: Scan) -> str:
    """Returns which spectrum of a file with several this is: of an image, or of generated ones."""
    part = "" if scan.voxel is None else "_voxel-" + "-".join(map(str, scan.voxel))
    return part + (f"_entry-{scan.header[ENTRY_KEY]}" if ENTRY_KEY in scan.header else "")


def _name(file: ScanFile) -> str:
    """Returns the name of a scan, with participant and session where only the folders have them."""
    name = file.name
    for entity in (file.session and f"ses-{file.session}", file.participant_id):
        if entity and entity not in name.split("_") and entity != name.split(".")[0]:
            name = f"{entity}_{name}" if entity == file.participant_id else _after_participant(name, entity)
    return name


def _after_participant(name: str, session: str) -> str:
    first, *rest = name.split("_")
    return "_".join([first, session, *rest]) if first.startswith("sub-") else f"{session}_{name}"


def _example(target: ScanTarget, file: ScanFile, scan: Scan, part: str) -> dict:
    check_scan(scan)
    target.check(scan)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        processed = process_scan(scan, target.steps)
    scale = target.scale_of(processed, scan)
    quality = processed.quality
    resampled = resampled_noise(len(processed.fid), processed.bandwidth_hz, target.acquisition)
    return {
        "id": f"{_name(file)}{part}",
        "spectrum": complex_to_channels(processed.spectrum(target.acquisition) / scale),
        "fingerprint": fingerprint(scan.fids),
        "white": processed.noise.white and resampled.white,
        "warnings": (*processed.warnings, *(str(warning.message) for warning in caught)),
        "header": {name: getattr(scan, name) for name in ("echo_time_ms", "repetition_time_ms", "sequence")},
        "noise_sigma": processed.noise_sigma(target.acquisition) / scale,
        "noise_lag1": processed.noise.lag1,
        **{name: getattr(quality, name) for name in ("snr", "snr_cr", "fwhm_naa_hz", "fwhm_cr_hz", "fwhm_water_hz")},
        "residual_water": processed.residual_water,
        "shift_hz": processed.shift_hz,
        "phase_rad": processed.phase_rad,
        "scale": scale,
    }
