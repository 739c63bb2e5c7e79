"""From a scan to one spectrum: the processing steps in the consensus order.

Near et al. 2021, doi 10.1002/nbm.4257, has the steps and their order; the module of each step has its formula.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mrs_keras.measured.alignment import align_transients
from mrs_keras.measured.averaging import average, outliers
from mrs_keras.measured.coils import coil_weights, combine_coils, noise_covariance
from mrs_keras.measured.eddy_currents import correct_eddy_currents
from mrs_keras.measured.first_point import first_point_is_halved, with_first_point_doubled
from mrs_keras.measured.generated_spectra import known_noise
from mrs_keras.measured.noise import measure_noise
from mrs_keras.measured.phase import apply_phase, find_phase
from mrs_keras.measured.processed_scan import ProcessedScan, Stage
from mrs_keras.measured.quality import measure_quality, residual_water_ratio
from mrs_keras.measured.referencing import find_shift, looks_conjugated, peak_positions_ppm, shift_frequency
from mrs_keras.measured.residual_water import remove_residual_water
from mrs_keras.measured.scan import Scan

STEPS = {
    "first_point": "the first point of the FID doubled, where the scanner stored half of it",
    "coils": "coil combination, weighted by the water reference, without one by the scan itself, noise prewhitened "
    "(doi 10.1002/mrm.22230)",
    "alignment": "alignment of the transients in frequency and phase (doi 10.1002/mrm.25094)",
    "outliers": "rejection of outlying transients",
    "eddy_currents": "eddy-current correction by the phase of the water reference (doi 10.1002/mrm.1910140104)",
    "residual_water": "removal of residual water by HSVD (doi 10.1016/0022-2364(92)90241-X)",
    "referencing": "frequency shift that puts NAA, Cr and Cho at 2.008, 3.027 and 3.21 ppm",
    "phase": "zero-order phase",
}
"""Step -> what it does, in the order in which the steps run. Transients are always averaged."""

FIRST_S = 0.005
"""Time in which the magnitude of a water reference is largest, s."""

LOWEST_SNR = 5.0
"""SNR of NAA and of Cr below which a scan gets a warning."""

WATER_OVER_SCAN = 1.5
"""Amplitude of a water reference over that of its water-suppressed scan below which it gets a warning."""

OFF_PPM = 0.05
"""Shift above which residual water is looked for again, after the shift."""


def step_list(steps: Sequence[str] | None) -> list[str]:
    """Returns steps with what they do, for metadata and reports; `None` is all of them."""
    return [f"{name}: {text}" for name, text in STEPS.items() if steps is None or name in steps]


def check_steps(steps: Sequence[str] | None) -> tuple[str, ...] | None:
    """Returns the steps in the order in which they run, or raises `ValueError` if one is unknown."""
    if steps is None:
        return None
    unknown = [name for name in steps if name not in STEPS]
    if unknown or isinstance(steps, str):
        raise ValueError(
            f"`steps` must be some of the processing steps. Expected some of: {', '.join(STEPS)}. Received: {steps!r}. "
            "Leave `steps` out for all of them."
        )
    return tuple(name for name in STEPS if name in steps)


def process_scan(scan: Scan, steps: Sequence[str] | None = None) -> ProcessedScan:
    """Processes a scan into one FID.

    Args:
      scan: with its water reference, if there is one.
      steps: names of `STEPS` to run; they always run in the order of `STEPS`. Defaults to `None`: all that the scan
        allows; without a water reference there is no eddy-current correction, which is a warning.

    Returns:
      `ProcessedScan`.

    Raises:
      ValueError: if a step is unknown, eddy-current correction is asked for and there is no reference, several coils
        are not to be combined, or the data look conjugated.

    Example:

    >>> processed = process_scan(read_scans("sub-01_svs.nii.gz")[0])  # doctest: +SKIP
    """
    asked = check_steps(steps)
    run = set(STEPS if asked is None else asked)
    warnings, stages = [], []
    axes = scan.bandwidth_hz, scan.spectrometer_frequency_mhz
    fids, reference = scan.fids.astype(np.complex128), None
    if scan.reference is not None:
        reference = scan.reference.fids.astype(np.complex128)
    elif "eddy_currents" in run:
        if asked is not None:
            raise ValueError(
                f"Eddy-current correction needs a water reference, and '{scan.path}' has none. Expected a file "
                "`*_mrsref.nii.gz` beside it. Add it, or leave 'eddy_currents' out of `steps`."
            )
        run.discard("eddy_currents")
        warnings.append("no water reference: no eddy-current correction")

    halved = "first_point" in run and first_point_is_halved(fids if reference is None else reference)
    strongest = int(np.argmax(np.linalg.norm(fids, axis=(1, 2))))
    stages.append(
        Stage(
            "raw", fids[strongest].mean(axis=0), f"{_count(scan.coils, 'coil')}, {_count(scan.transients, 'transient')}"
        )
    )
    if halved:
        fids, reference = (None if one is None else with_first_point_doubled(one) for one in (fids, reference))
        stages.append(Stage("first_point", fids[strongest].mean(axis=0), "doubled"))
    transients, reference = _one_coil(scan, fids, reference, run, stages)

    if "alignment" in run and len(transients) > 1:
        aligned = align_transients(transients, *axes)
        transients = aligned.fids
        note = f"shifts {np.min(aligned.shift_hz):.1f} to {np.max(aligned.shift_hz):.1f} Hz, phases "
        note += f"{np.rad2deg(np.min(aligned.phase_rad)):.0f} to {np.rad2deg(np.max(aligned.phase_rad)):.0f} degrees"
        stages.append(Stage("alignment", transients.mean(axis=0), note))
    kept = np.ones(len(transients), bool)
    if "outliers" in run and len(transients) > 3:
        kept = outliers(transients, *axes)
        stages.append(Stage("outliers", average(transients, kept), f"{np.sum(kept)} of {len(kept)} transients kept"))
    fid = raw = average(transients, kept)

    if "eddy_currents" in run:
        fid = correct_eddy_currents(fid, reference)
        stages.append(Stage("eddy_currents", fid))
    with_water, off_hz = fid, 0.0
    if "residual_water" in run:
        fid = remove_residual_water(with_water, *axes).fid
    shift = find_shift(fid, *axes) if "referencing" in run else None
    if "residual_water" in run:
        if shift is not None and shift.found and abs(shift.shift_hz) > OFF_PPM * scan.spectrometer_frequency_mhz:
            off_hz = float(shift.shift_hz)
            with_water = shift_frequency(with_water, scan.bandwidth_hz, -off_hz)
            fid = remove_residual_water(with_water, *axes).fid
            shift = find_shift(fid, *axes)
        stages.append(Stage("residual_water", fid, f"after a shift by {-off_hz:.1f} Hz" if off_hz else ""))
    if looks_conjugated(fid, *axes):
        raise ValueError(
            f"'{scan.path}' looks conjugated: the peaks of NAA, Cr and Cho are on the wrong side of water. On disk, "
            "NIfTI-MRS is the conjugate of ppm = 4.65 + f / f0. Convert the file again; or, if all are like this, "
            'change `conjugated` (on the command line `--conjugated`, in a config "conjugated": true).'
        )
    shift_hz = phase_rad = 0.0
    if shift is not None:
        if not shift.found:
            warnings.append(f"NAA, Cr and Cho not found (match {shift.match:.2f}): not shifted")
        else:
            fid = shift_frequency(fid, scan.bandwidth_hz, -float(shift.shift_hz))
            shift_hz = off_hz + float(shift.shift_hz)
            stages.append(Stage("referencing", fid, f"shifted by {-shift_hz:.2f} Hz, match {shift.match:.2f}"))
            with_water = shift_frequency(with_water, scan.bandwidth_hz, off_hz - shift_hz)
    if "phase" in run:
        phase_rad = float(find_phase(fid, *axes))
        fid = apply_phase(fid, -phase_rad)
        stages.append(Stage("phase", fid, f"{np.rad2deg(-phase_rad):.0f} degrees"))

    noise = known_noise(scan) or measure_noise(fid, *axes)
    if not noise.white:
        warnings.append(f"the noise is not white: {noise.reason}")
    quality = measure_quality(fid, *axes, noise, reference)
    lost = [name for name, snr in (("NAA", quality.snr), ("Cr", quality.snr_cr)) if not snr >= LOWEST_SNR]
    if lost and noise.sigma > 0:  # generated spectra can be without noise
        warnings.append(f"no clear peak of {' or '.join(lost)} where it belongs: is this a brain spectrum?")
    if reference is not None and np.abs(reference).max() < WATER_OVER_SCAN * np.abs(raw).max():
        warnings.append("the water reference is no stronger than the scan: is it a water reference?")
    return ProcessedScan(
        fid=fid,
        bandwidth_hz=scan.bandwidth_hz,
        spectrometer_frequency_mhz=scan.spectrometer_frequency_mhz,
        noise=noise,
        quality=quality,
        residual_water=float(residual_water_ratio(with_water, *axes)),
        shift_hz=shift_hz,
        phase_rad=phase_rad,
        transients=(len(kept), int(np.sum(kept))),
        water_amplitude=np.nan if reference is None else _amplitude(reference, scan.bandwidth_hz),
        peaks_ppm=peak_positions_ppm(fid, *axes),
        stages=tuple(stages),
        warnings=tuple(warnings),
    )


def _one_coil(scan: Scan, fids: np.ndarray, reference: Any, run: set[str], stages: list[Stage]):
    """Returns the transients of the combined coils, (transients, points), and the averaged reference, (points,)."""
    if scan.coils == 1:
        return fids[0], None if reference is None else reference[0].mean(axis=0)
    if "coils" not in run:
        raise ValueError(
            f"'{scan.path}' has {scan.coils} coils, and `steps` does not combine them. Expected one coil, or the step "
            "'coils'. Add 'coils' to `steps`."
        )
    weights = coil_weights(fids if reference is None else reference, noise_covariance(fids))
    transients = combine_coils(fids, weights)
    by = "by the scan itself" if reference is None else "by the water reference"
    stages.append(Stage("coils", transients.mean(axis=0), f"{scan.coils} coils, weighted {by}"))
    return transients, None if reference is None else combine_coils(reference, weights).mean(axis=0)


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _amplitude(reference: np.ndarray, bandwidth_hz: float) -> float:
    """Returns the largest magnitude of the first 5 ms: a digital filter can delay the beginning of the signal."""
    return float(np.abs(reference[: max(1, round(FIRST_S * bandwidth_hz))]).max())
