"""The spectrum of the page as a NIfTI-MRS file."""

import tempfile
from pathlib import Path

import numpy as np

import mrs_keras
from mrs_keras.data.description import DatasetDescription
from mrs_keras.generation.fid_header import scan_of, shared_header, truth_of_rows
from mrs_keras.generation.whole_fids import TAPER_PPM, whole_fids
from mrs_keras.measured.write_scan import write_scan
from mrs_keras.serving.description import ModelDescription
from mrs_keras.simulation import channels_to_complex


def nifti_mrs_file(
    signal: np.ndarray,
    z: np.ndarray,
    concentrations: np.ndarray,
    model: ModelDescription,
    words: str,
    noise: np.ndarray | None = None,
) -> bytes:
    """Returns a compressed NIfTI-MRS file of a generated spectrum, with its labels and latents in the header.

    Args:
      signal: float32 (points, 2), without noise.
      z: float32 (latent_dim,).
      concentrations: float32 (labels,).
      model: that generated it.
      words: where the model comes from.
      noise: float32 (points, 2), to add. Defaults to `None`: none.

    Raises:
      ModuleNotFoundError: if the package nifti-mrs is not installed.
    """
    description = DatasetDescription(
        acquisition=model.acquisition,
        labels=model.labels,
        spectrum_scale=model.spectrum_scale,
        backend="cvae",
        origin={
            "concentrations_are": "given",
            "generator": {
                "model": "conditional variational autoencoder",
                "software": f"mrs_keras {mrs_keras.__version__}",
                "explored": words,
                "export_id": model.export_id,
                "version": model.model_version,
            },
            "fids": {
                "taper_ppm": TAPER_PPM,
                "residual_water": None,
                "echo_time_ms": None,
                "repetition_time_ms": None,
                "transients": None,
            },
        },
    )
    latents = {
        "Latents": {"Value": [float(str(value)) for value in z], "Description": "What the model generated it from"}
    }
    sigma = np.array([0.0 if noise is None else noise.std()], np.float32)
    (truth,) = truth_of_rows(description, concentrations[None], sigma, [latents])
    spectrum = signal if noise is None else signal + noise
    fids = whole_fids(
        channels_to_complex(spectrum[None]),
        model.acquisition,
        signal=channels_to_complex(signal[None]),
        noise_sigma=sigma,
    )
    header = {**shared_header(description, noisy=noise is not None), **truth}
    with tempfile.TemporaryDirectory(prefix="mrs-keras-nifti-") as folder:
        path = Path(folder) / "spectrum_svs.nii.gz"
        write_scan(path, scan_of(fids[None], description), header=header)
        return path.read_bytes()
