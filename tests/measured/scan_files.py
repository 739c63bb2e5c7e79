"""Files of scans for tests, right and wrong ones."""

import json
from pathlib import Path

import numpy as np
import pytest

from mrs_keras.measured.scan import Scan, frequency_axis_hz, ppm_axis
from mrs_keras.simulation import fid_to_spectrum
from tests.conftest import SHARED_DATA

HEADER = {"SpectrometerFrequency": [127.7], "ResonantNucleus": ["1H"], "EchoTime": 0.035, "RepetitionTime": 2.0}
BANDWIDTH_HZ = 2000.0


def shared(*parts: str) -> Path:
    """Path of real data, which the project does not contain; skips the test where they are absent."""
    path = SHARED_DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"the scans of '{parts[0]}' are not beside this checkout")
    return path


def random_data(*shape: int, seed: int = 0) -> np.ndarray:
    """Complex noise, complex64."""
    rng = np.random.default_rng(seed)
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)).astype(np.complex64)


def write_scan(
    path: Path,
    data: np.ndarray | None = None,
    header: dict | bytes | None = None,
    *,
    intent: str = "mrs_v0_9",
    dwell_time_s: float = 1 / BANDWIDTH_HZ,
    without: str = "",
    version: int = 2,
    **fields,
) -> Path:
    """Writes a NIfTI-MRS file as given, checked by nothing.

    Args:
      path: to write.
      data: as on disk, the conjugate of what is in memory. A single voxel of noise by default.
      header: the header extension; bytes are written as they are, and `{}` means that there is none.
      intent: intent name.
      dwell_time_s: of the NIfTI header.
      without: field of the header to leave out.
      version: of NIfTI.
      **fields: of the header, beside those of `HEADER`.
    """
    import nibabel

    data = random_data(1, 1, 1, 64) if data is None else data
    image = {1: nibabel.Nifti1Image, 2: nibabel.Nifti2Image}[version](data, np.eye(4), dtype=data.dtype)
    image.header["pixdim"][4] = dwell_time_s
    image.header["intent_name"] = intent.encode()
    if header is None:
        header = {key: value for key, value in {**HEADER, **fields}.items() if key != without}
    if header:
        content = header if isinstance(header, bytes) else json.dumps(header).encode()
        image.header.extensions.append(nibabel.nifti1.Nifti1Extension(44, content))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.to_filename(path)
    return path


def phased_spectrum(scan: Scan) -> tuple[np.ndarray, np.ndarray]:
    """Returns ppm axis and real part of a scan, coils and transients added with the phase of their first point.

    Zero-filled to 16,384 points, with 3 Hz of exponential weighting.
    """
    fids = scan.fids.astype(complex)
    fid = (fids * fids[:, :, :1].conj()).sum((0, 1))
    fid *= np.exp(-3 * np.pi * np.arange(scan.points) / scan.bandwidth_hz)
    padded = np.pad(fid, (0, 16_384 - scan.points))
    ppm = ppm_axis(len(padded), scan.bandwidth_hz, scan.spectrometer_frequency_mhz)
    return ppm, fid_to_spectrum(padded)


def peak_ppm(scan: Scan, window: tuple[float, float]) -> float:
    """Returns the highest point in a window of ppm of the magnitude, above the line through the edges of the window."""
    ppm, spectrum = phased_spectrum(scan)
    inside = (ppm >= window[0]) & (ppm <= window[1])
    ppm, height = ppm[inside], np.abs(spectrum[inside])
    line = np.interp(ppm, ppm[[0, -1]], height[[0, -1]])
    return float(ppm[np.argmax(height - line)])


def fid_of_peak(ppm: float, points: int = 512, frequency_mhz: float = 127.7) -> np.ndarray:
    """FID of one line, as in memory."""
    time_s = np.arange(points) / BANDWIDTH_HZ
    frequency_hz = (ppm - 4.65) * frequency_mhz
    assert abs(frequency_hz) < frequency_axis_hz(points, BANDWIDTH_HZ)[-1]
    return np.exp(2j * np.pi * frequency_hz * time_s - 10 * time_s)
