"""What the page asks for, as methods: the model, what is known about it, fits, scans, files and code."""

import dataclasses
import json
import logging
import threading
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mrs_keras.explore.code import code_of
from mrs_keras.explore.fits import Fit, Fitter
from mrs_keras.explore.latents import Latent, band_of, latents_of
from mrs_keras.explore.model_source import ModelSource
from mrs_keras.explore.nifti_mrs import nifti_mrs_file
from mrs_keras.explore.scans import MeasuredSpectrum, encoded, read_measured, typical_norm
from mrs_keras.explore.served_model import LOOKS_EVERY_S, ServedModel
from mrs_keras.explore.training_data import TrainingKnowledge, training_knowledge
from mrs_keras.run_folder import EVALUATION, NUMBERS_FILE
from mrs_keras.serving.client import ServingError

logger = logging.getLogger(__name__)

NO_NOISE = 1e-3
"""What `generate` and `decode` may differ by without noise, relative to the tallest point."""

KEPT_SCANS = 8
"""Scans that the process keeps for links."""


@dataclasses.dataclass(frozen=True, eq=False)
class Analysis:
    """What is known about one export of a model, apart from its description.

    Args:
      key: of the export, see `ServedModel.key`.
      knowledge: of its training data.
      latents: in the order of the sliders.
      band: 5th and 95th percentile of the training data, see `band_of`.
      norm: of typical spectra, see `typical_norm`.
      typical: median of each label in the training data.
    """

    key: str
    knowledge: TrainingKnowledge
    latents: list[Latent]
    band: dict[str, list]
    norm: float
    typical: list[float]


class Explorer:
    """The server side of the page, without HTTP.

    Args:
      source: of the model.
    """

    def __init__(self, source: ModelSource):
        self.model = ServedModel(source)
        self._analysis: Analysis | None = None
        self._problem = ""
        self._fitter: Fitter | None = None
        self._scans: dict[str, MeasuredSpectrum] = {}
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._analyse, daemon=True, name="analysis of the model")

    def start(self) -> None:
        """Starts the model, and the analysis of its latents once it answers."""
        self.model.start()
        self._thread.start()

    def stop(self) -> None:
        """Stops the model."""
        self._stopping.set()
        self.model.stop()

    # === The model ===

    def status(self) -> dict:
        """Returns whether the model answers, and whether it is analysed."""
        analysed = self._analysis is not None and self._analysis.key == self.model.key
        return {**self.model.status(), "analysed": analysed or bool(self._problem)}

    def describe(self) -> dict:
        """Returns all that the page needs to draw its controls; while the model has not answered, `"waiting"`: why."""
        described = self.model.description
        if described is None:
            return {"waiting": self.model.status()["note"]}
        labels = described.labels
        return {
            "key": self.model.key,
            "words": self.model.source.words,
            "version": described.model_version,
            "latent_prior": described.latent_prior,
            "labels": [
                {"name": name, "unit": unit, "low": low, "high": high}
                for name, unit, (low, high) in zip(labels.names, labels.units, labels.ranges, strict=True)
            ],
            "quantity": labels.quantity,
            "latent_dim": described.latent_dim,
            "spectrum_scale": described.spectrum_scale,
            "ppm": described.ppm,
            "acquisition": described.acquisition.to_dict(),
            "encoder_note": self.model.encoder_note,
            "training": self._training(),
        }

    def _training(self) -> dict:
        analysis = self._analysis
        if analysis is None or analysis.key != self.model.key:
            note = self._problem or "What the latents move is being worked out."
            return {"known": False, "failed": bool(self._problem), "words": note}
        fitter = self._fitter
        return {
            "known": True,
            "words": analysis.knowledge.words,
            "missing": analysis.knowledge.missing,
            "latents": [dataclasses.asdict(latent) for latent in analysis.latents],
            "typical": analysis.typical,
            "band": analysis.band,
            "fit": None if fitter is None else {"words": fitter.words, "noisy": fitter.physics.noisy},
        }

    def _analyse(self) -> None:
        """Analyses each export that answers, once."""
        while not self._stopping.is_set():
            if self.model.wait(LOOKS_EVERY_S) and (self._analysis is None or self._analysis.key != self.model.key):
                try:
                    self._analyse_once()
                except ServingError as error:
                    logger.info("The model did not answer while it was analysed: %s", error)
                except Exception as error:  # the page works without it, and says what is missing
                    self._problem = f"The latents could not be analysed: {type(error).__name__}: {error}"
                    logger.exception("The analysis failed.")
                    return
            self._stopping.wait(LOOKS_EVERY_S)

    def _analyse_once(self) -> None:
        key, described, source = self.model.key, self.model.description, self.model.source
        knowledge = training_knowledge(described, source.folder)
        examples = knowledge.examples(self.model)
        latents = latents_of(self.model, examples, _reported(source.run_dir, described.latent_dim))
        spectrum = examples.arrays["spectrum"]
        norm = typical_norm(spectrum, described.acquisition)
        self._fitter = None if knowledge.physics is None else Fitter(knowledge.physics)
        typical = np.nanmedian(examples.arrays["concentrations"], axis=0).tolist()
        self._analysis = Analysis(key, knowledge, latents, band_of(spectrum), norm, typical)

    # === Spectra ===

    def decode(self, z: np.ndarray, concentrations: np.ndarray) -> np.ndarray:
        """Returns the spectrum of latents and concentrations of one row, float32 (points, 2)."""
        return self.model.call("decode", z=z[None], concentrations=concentrations[None])["spectrum"][0]

    def draw(self, concentrations: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray | None]:
        """Draws as `CVAE.generate` with this seed: latents, and the noise (points, 2) if the model adds some."""
        drawn = self.model.call("generate", concentrations=concentrations[None], seed=seed)
        spectrum, z = drawn["spectrum"][0], drawn["z"][0]
        noise = spectrum - self.decode(z, concentrations)
        return z, None if np.abs(noise).max() <= NO_NOISE * np.abs(spectrum).max() else noise

    def path(self, ends: Mapping[str, np.ndarray], alpha: np.ndarray, path: str) -> np.ndarray:
        """Returns the spectra on a path, float32 (steps, points, 2).

        Args:
          ends: `"z_a"`, `"z_b"`, `"concentrations_a"` and `"concentrations_b"`, each of one row.
          alpha: (steps,), from 0 to 1.
          path: `"straight"` or `"geodesic"`.
        """
        rows = {name: np.repeat(value[None], len(alpha), axis=0) for name, value in ends.items()}
        return self.model.call("interpolate", **rows, alpha=alpha, path=path)["spectrum"]

    def fit(self, spectra: np.ndarray, snr: float | None) -> list[Fit]:
        """Fits spectra, complex (n, points).

        Raises:
          ValueError: if there is no physical model, or they cannot be fitted.
        """
        if self._fitter is None:
            analysis = self._analysis
            raise ValueError(
                "Nothing can be fitted. "
                + (analysis.knowledge.missing if analysis else "The model is still being worked out.")
            )
        return self._fitter.fit(spectra, snr)

    # === Scans ===

    def add_scan(self, files: Mapping[str, bytes], concentrations: np.ndarray) -> dict:
        """Processes, encodes and keeps a scan; see `read_measured` and `encoded` for arguments and errors."""
        analysis = self._analysis
        if analysis is None:
            raise ValueError(f"Scans can be shown in a moment: {self._training()['words']}")
        if self.model.encoder_note:
            raise ValueError(self.model.encoder_note)
        measured = read_measured(files, self.model, analysis.knowledge, analysis.norm)
        z, found, words = encoded(measured, self.model, self._fitter, concentrations)
        while len(self._scans) >= KEPT_SCANS:
            self._scans.pop(next(iter(self._scans)))
        self._scans[measured.id] = measured
        return {**self.scan(measured.id), "z": z, "concentrations": found, "encoded": words}

    def scan(self, id: str) -> dict | None:
        """Returns a scan that this process has seen, `None` if it has not."""
        measured = self._scans.get(id)
        if measured is None:
            return None
        return {
            "id": measured.id,
            "name": measured.name,
            "spectrum": measured.spectrum,
            "noise_sigma": measured.noise_sigma,
            "numbers": measured.numbers,
            "remarks": measured.remarks,
        }

    # === Files and code ===

    def nifti_mrs(self, z: np.ndarray, concentrations: np.ndarray, drawn: tuple[np.ndarray, int] | None) -> bytes:
        """Returns a NIfTI-MRS file of a spectrum, with the noise of a draw (concentrations, seed) if one is given."""
        noise = None if drawn is None else self.draw(*drawn)[1]
        signal = self.decode(z, concentrations)
        return nifti_mrs_file(signal, z, concentrations, self.model.description, self.model.source.words, noise)

    def code(self, state: Mapping) -> str:
        """Returns Python code that makes the spectrum of a state; see `code_of`."""
        return code_of(self.model.source.code, state)


def _reported(run_dir: Path | None, latent_dim: int) -> dict[str, list[float]] | None:
    """Returns the mutual information in the report of a run, factor -> of each latent; `None` if there is none."""
    if run_dir is None:
        return None
    try:
        numbers = json.loads((run_dir / EVALUATION / NUMBERS_FILE).read_text(encoding="utf-8"))
        reported = numbers["latent_space"]["mutual_information"]
    except (OSError, ValueError, KeyError):  # not evaluated, or a model that failed
        return None
    return reported if all(len(values) == latent_dim for values in reported.values()) else None
