"""A scan dropped on the page: processed as those of `measured_mrs`, encoded, and reconstructed."""

import dataclasses
import hashlib
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePath

import numpy as np

from mrs_keras.acquisition import Acquisition
from mrs_keras.explore.fits import Fitter
from mrs_keras.explore.served_model import ServedModel
from mrs_keras.explore.training_data import TrainingKnowledge
from mrs_keras.measured.folder import ScanFile
from mrs_keras.measured.names import NIFTI_SUFFIXES, parse_name
from mrs_keras.measured.one_example import examples_of_file
from mrs_keras.measured.scan import Scan
from mrs_keras.measured.scan_target import (
    ECHO_TIME_TOLERANCE_MS,
    FREQUENCY_TOLERANCE,
    METABOLITES_PPM,
    ScanTarget,
)
from mrs_keras.simulation import channels_to_complex

MOST_FILES = 4
"""A scan and its water reference, each of up to two files."""

LARGEST_FIELD_DIFFERENCE = 0.06
"""Relative difference of spectrometer frequencies up to which a scan is shown on the model's ppm axis: scanners of one
nominal field differ by 4 %."""

_COMPANIONS = (".spar", ".json")


@dataclasses.dataclass(frozen=True, eq=False)
class MeasuredSpectrum:
    """A processed scan in the units of the model.

    Args:
      id: of its content.
      name: of the file.
      spectrum: float32 (points, 2).
      noise_sigma: of the real part of each point.
      numbers: signal-to-noise ratio and linewidths, as `process_folder` records them.
      remarks: what is to be known about it, in words.
    """

    id: str
    name: str
    spectrum: np.ndarray
    noise_sigma: float
    numbers: dict[str, float]
    remarks: tuple[str, ...]


def read_measured(files: Mapping[str, bytes], model: ServedModel, knowledge: TrainingKnowledge, scale: float):
    """Reads and processes a scan.

    Args:
      files: name -> content: a scan, and if there is one its water reference.
      model: whose acquisition it is resampled to.
      knowledge: of the training data, whose processing it gets if they were measured.
      scale: norm that spectra of the training data have between 1.9 and 3.35 ppm; see `typical_norm`.

    Returns:
      `MeasuredSpectrum`.

    Raises:
      ValueError: if the files are no scan that the model can be shown.
      ModuleNotFoundError: if a format needs a package that is not installed.
    """
    scan_name, reference_name = _roles(files)
    origin = {} if knowledge.description is None else knowledge.description.origin
    measured = origin.get("kind") == "measured"
    with tempfile.TemporaryDirectory(prefix="mrs-keras-scan-") as folder:
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        file = ScanFile(
            path=Path(folder) / scan_name,
            reference=None if reference_name is None else Path(folder) / reference_name,
            participant_id="dropped",
            session=None,
            site="unknown",
            name=scan_name,
        )
        target = _FirstScan(
            acquisition=model.description.acquisition,
            echo_time_ms=None,
            sequence=None,
            scaling=origin["scale"] if measured else "metabolites",
            steps=None if origin.get("steps") is None else tuple(origin["steps"]),
            mask=None,
            conjugated=bool(origin.get("conjugated", False)),
        )
        examples, skipped = examples_of_file(target, file)
        if not examples:
            raise ValueError(" ".join(str(each) for each in skipped).replace(f"{folder}/", ""))
    example, remarks = examples[0], target.remarks(knowledge)
    if reference_name is None:
        remarks.append("Without its water reference, eddy currents may leave the phase off. Drop both files together.")
    factor = 1.0 if measured else scale / 100
    return MeasuredSpectrum(
        id=hashlib.sha256(b"".join(files[name] for name in sorted(files))).hexdigest()[:16],
        name=scan_name,
        spectrum=(example["spectrum"] * factor).astype(np.float32),
        noise_sigma=float(example["noise_sigma"] * factor),
        numbers={name: float(example[name]) for name in ("snr", "fwhm_naa_hz", "fwhm_cr_hz", "fwhm_water_hz")},
        remarks=(*remarks, *example["warnings"]),
    )


def encoded(
    measured: MeasuredSpectrum, model: ServedModel, fitter: Fitter | None, concentrations: np.ndarray
) -> tuple[np.ndarray, np.ndarray, str]:
    """Encodes a scan.

    Args:
      measured: the scan.
      model: that encodes it.
      fitter: of the model's training data, which finds the concentrations, or `None`.
      concentrations: float32 (labels,), in their ranges, for a model without one.

    Returns:
      latents float32 (latent_dim,), concentrations float32 (labels,), and where these come from, in words.

    Raises:
      ServingError: if the model server does not answer.
      ValueError: if the spectrum cannot be fitted.
    """
    labels = model.description.labels
    words = "Encoded with the concentrations that the sliders showed: without a physical model, nothing measures them."
    if fitter is not None:
        spectrum = channels_to_complex(measured.spectrum[None]).astype(np.complex128)
        (fit,) = fitter.fit(spectrum)
        found = {parameter.name: parameter.value for parameter in fit.parameters}
        fitted = np.array([found[name] for name in labels.names])
        concentrations = np.clip(fitted, labels.low, labels.high).astype(np.float32)
        words = "Encoded with the concentrations that the physical fit finds"
        outside = [
            f"{name} {value:.3g} {unit}".rstrip()
            for name, value, inside, unit in zip(labels.names, fitted, concentrations, labels.units, strict=True)
            if not np.isclose(value, inside, rtol=1e-5, atol=1e-6)
        ]
        words += f", cut to the trained range ({', '.join(outside)})." if outside else "."
    # In single precision, the ends of the ranges may round to outside.
    low, high = labels.low.astype(np.float32), labels.high.astype(np.float32)
    concentrations = np.clip(concentrations, low, high)
    posterior = model.call("encode", spectrum=measured.spectrum[None], concentrations=concentrations[None])
    return posterior["z_mean"][0], concentrations, words


def typical_norm(spectrum: np.ndarray, acquisition: Acquisition) -> float:
    """Returns the median norm of spectra, float32 (n, points, 2), between 1.9 and 3.35 ppm."""
    ppm = acquisition.window_ppm_axis
    inside = (ppm >= METABOLITES_PPM[0]) & (ppm <= METABOLITES_PPM[1])
    return float(np.median(np.linalg.norm(spectrum[:, inside].reshape(len(spectrum), -1), axis=1)))


@dataclasses.dataclass(frozen=True)
class _FirstScan(ScanTarget):
    """As `ScanTarget`, for the first scan of a file, which may be of a scanner of another make and the same field."""

    _seen: list = dataclasses.field(default_factory=list)

    def read(self, file: ScanFile) -> list[Scan]:
        scans = super().read(file)
        self._seen[:] = [scans[0], len(scans)]
        expected = self.acquisition.spectrometer_frequency_mhz
        ratio = expected / scans[0].spectrometer_frequency_mhz
        if FREQUENCY_TOLERANCE < abs(ratio - 1) <= LARGEST_FIELD_DIFFERENCE and scans[0].nucleus == "1H":
            return [_on_axis(scans[0], expected, ratio)]
        return scans[:1]

    def remarks(self, knowledge: TrainingKnowledge) -> list[str]:
        """Returns what differs between the scan and the model, in words."""
        scan, count = self._seen
        remarks = []
        if count > 1:
            remarks.append(f"The file has {count} spectra; this is the first.")
        mhz, expected = scan.spectrometer_frequency_mhz, self.acquisition.spectrometer_frequency_mhz
        if abs(expected / mhz - 1) > FREQUENCY_TOLERANCE:
            remarks.append(
                f"The scan was measured at {mhz:.2f} MHz, the model is of {expected:.2f} MHz. It is shown on the ppm "
                f"axis of the model; splittings by J coupling are off by {100 * abs(expected / mhz - 1):.1f} %."
            )
        echo_times_ms = scan.echo_time_ms, knowledge.echo_time_ms
        if None not in echo_times_ms and abs(echo_times_ms[0] - echo_times_ms[1]) > ECHO_TIME_TOLERANCE_MS:
            remarks.append(f"Its echo time is {echo_times_ms[0]:g} ms, that of the model {echo_times_ms[1]:g} ms.")
        return remarks


def _on_axis(scan: Scan, frequency_mhz: float, ratio: float) -> Scan:
    """Returns a scan with another spectrometer frequency, and its peaks at the same ppm."""
    reference = None if scan.reference is None else _on_axis(scan.reference, frequency_mhz, ratio)
    return dataclasses.replace(
        scan,
        spectrometer_frequency_mhz=frequency_mhz,
        bandwidth_hz=scan.bandwidth_hz * ratio,
        reference=reference,
    )


def _roles(files: Mapping[str, bytes]) -> tuple[str, str | None]:
    """Returns the names of the scan and of its water reference."""
    scans, references = [], []
    for name in files:
        parsed = parse_name(PurePath(name))
        if parsed is not None and parsed.kind == "reference":
            references.append(name)
        elif parsed is not None or not name.lower().endswith(_COMPANIONS):
            scans.append(name)
    if not scans and len(references) == 1:
        scans, references = references, []  # somebody wants to see the water
    if len(scans) != 1 or len(references) > 1:
        raise ValueError(
            "One scan is shown at a time. Expected: one file, and its water reference (`*_mrsref.nii.gz`) if there is "
            f"one. Received: {', '.join(files) or 'nothing'}. Drop one scan."
        )
    if not scans[0].lower().endswith(NIFTI_SUFFIXES) and parse_name(PurePath(scans[0])) is None:
        raise ValueError(
            f"'{scans[0]}' is no scan. Expected: NIfTI-MRS (`.nii.gz`), or the format of a vendor (SDAT with SPAR, "
            "RDA, twix). Convert it with spec2nii."
        )
    return scans[0], references[0] if references else None
