"""The source of generated spectra: a trained model, or the SavedModels exported from one."""

import dataclasses
import hashlib
import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf

from mrs_keras.data.training_data import TrainingData, training_data_of
from mrs_keras.models import CVAE, load_trained
from mrs_keras.models.row_random import row_normal
from mrs_keras.random_streams import RowStream
from mrs_keras.run_folder import MODEL_FILE, read_notice
from mrs_keras.serving import load_export
from mrs_keras.serving.description import EXTRA, NOTICE, ModelDescription
from mrs_keras.serving.saved_models import newest_version

Generate = Callable[[np.ndarray, np.ndarray], dict[str, np.ndarray]]

Decode = Callable[[np.ndarray, np.ndarray], np.ndarray]

EXPLAINED = 0.99
"""Share of the power of the noise from which it is that of the row's seed."""

ROUNDING = 1e-3
"""What `generate` and `decode` may differ by without noise, relative to the tallest point: GPUs round coarsely."""


@dataclasses.dataclass(frozen=True)
class SpectrumSource:
    """A trained generator.

    Attributes:
      description: of its training data.
      generate: takes concentrations, float32 (batch, labels) in their units, and a seed per row, int64 (batch,), and
        returns `"spectrum"`, float32 (batch, points, 2), and its latents `"z"`, float32 (batch, latent_dim). A row
        depends only on its seed and its concentrations.
      decode: takes latents and concentrations of rows, and returns their spectra without noise, float32
        (batch, points, 2). `None`: `generate` adds no noise.
      extrapolates: whether `generate` accepts labels outside the trained range, which SavedModels refuse.
      origin: description of the model for the spectra's metadata, as plain JSON data.
      notice: what users of the spectra must know; `""` for nothing.
      training_data: what is known about them: how labels are drawn, and the sequence.
    """

    description: ModelDescription
    generate: Generate
    decode: Decode | None = None
    extrapolates: bool = True
    origin: dict = dataclasses.field(default_factory=dict)
    notice: str = ""
    training_data: TrainingData = dataclasses.field(default_factory=TrainingData)

    def with_labels(
        self, generated: dict[str, np.ndarray], earlier: np.ndarray, concentrations: np.ndarray
    ) -> dict[str, np.ndarray]:
        """Returns generated spectra with other labels, and the same latents and noise.

        Args:
          generated: output of `generate`.
          earlier: its input, float32 (batch, labels).
          concentrations: float32 (batch, labels), the new labels.
        """
        z, spectrum = generated["z"], generated["spectrum"]
        noise = spectrum - self.decode(z, earlier)
        return {"spectrum": self.decode(z, concentrations) + noise, "z": z}

    def signal_and_sigma(
        self, generated: dict[str, np.ndarray], concentrations: np.ndarray, row_seeds: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray]:
        """Splits generated spectra into signal and noise.

        The noise is what `generate` has and `decode` has not: sigma times normal numbers that the row's seed gives.
        Their product with the noise gives sigma to rounding; in an export whose numbers were others, the root mean
        square does, to 3 % in 252 points.

        Args:
          generated: output of `generate`.
          concentrations: its input, float32 (batch, labels).
          row_seeds: its input, int64 (batch,).

        Returns:
          The spectra without noise, float32 (batch, points, 2), and the standard deviation of the noise of the real,
          and of the imaginary part of each point, float32 (batch,); 0 where there is none.
        """
        spectrum = generated["spectrum"]
        if self.decode is None:
            return spectrum, np.zeros(len(spectrum), np.float32)
        signal = self.decode(generated["z"], concentrations)
        noise = (spectrum - signal).reshape(len(spectrum), -1).astype(np.float64)
        unit = row_normal(tf.constant(row_seeds), noise.shape[1], RowStream.NOISE).numpy().astype(np.float64)
        power = (noise**2).mean(axis=1)
        sigma = (noise * unit).mean(axis=1) / (unit**2).mean(axis=1)
        explained = sigma**2 * (unit**2).mean(axis=1) >= EXPLAINED * power
        # What the unit noise does not explain is other noise, or the rounding of a model that has none.
        rounding = np.sqrt(power) <= ROUNDING * np.abs(signal).max(axis=(1, 2))
        none = (power == 0) | (~explained & rounding)
        sigma = np.where(none, 0, np.where(explained, sigma, np.sqrt(power)))
        return np.where(none[:, None, None], spectrum, signal), sigma.astype(np.float32)


def check_trained_range(source: SpectrumSource, concentrations: np.ndarray, stacklevel: int) -> bool:
    """Returns whether labels, float (rows, labels), lie outside the trained range of a source; then it warns.

    Raises:
      ValueError: if they do, and the source does not extrapolate.
    """
    outside = source.description.labels.out_of_range(concentrations)
    if not outside:
        return False
    found = f"Some labels lie outside the trained range: {outside}."
    if not source.extrapolates:
        raise ValueError(f"{found} SavedModels refuse these; the model of a training (`--run RUN`) extrapolates.")
    warnings.warn(f"{found} The spectra there are extrapolations.", stacklevel=stacklevel)
    return True


def open_source(source: "SpectrumSource | CVAE | str | os.PathLike") -> SpectrumSource:
    """Returns the source of a model, of the folder of a finished training, or of a folder of SavedModels.

    Raises:
      FileNotFoundError: if a folder contains neither.
      ValueError: if a file in it is damaged.
    """
    if isinstance(source, SpectrumSource):
        return source
    if isinstance(source, CVAE):
        return _source_of(source, {})
    return open_export(source) if (Path(source) / "generator").is_dir() else open_run(source)


def open_run(run_dir: str | os.PathLike, site: str | None = None) -> SpectrumSource:
    """Opens the model of a finished training.

    Args:
      run_dir: the folder that `train` wrote.
      site: where the spectra are to be from, if the model knows sites. Defaults to `None`: from any.

    Raises:
      FileNotFoundError: if there is no training, or it is not finished.
      ValueError: if the model file is damaged, or the model does not know the site.
    """
    model = load_trained(run_dir)
    model.check_site(site)
    digest = hashlib.sha256((Path(run_dir) / MODEL_FILE).read_bytes()).hexdigest()
    origin = {"run": os.fspath(run_dir), "model_sha256": digest, **({} if site is None else {"site": site})}
    source = _source_of(model, origin, site)
    return dataclasses.replace(source, notice=read_notice(run_dir), training_data=training_data_of(run_dir))


def open_export(saved_models_dir: str | os.PathLike, version: int | None = None) -> SpectrumSource:
    """Opens an exported generator.

    Args:
      saved_models_dir: the folder that `export` wrote.
      version: Defaults to `None`: the newest.

    Raises:
      FileNotFoundError: if there is no complete export.
      ValueError: if one of its files is damaged, or an older version wrote it, without the signature `generate`.
    """
    folder = Path(saved_models_dir)
    versions = sorted(path.name for path in (folder / "generator").glob("[0-9]*"))
    version = newest_version(folder) if version is None else version
    if str(version) not in versions:
        found = f"no version {version}, but {', '.join(versions)}" if versions else "none"
        raise FileNotFoundError(
            f"SavedModels were looked for in '{saved_models_dir}', seen from '{Path.cwd()}'. Found: {found}. "
            "Give the folder that `mrs-keras export` wrote with --saved-models DIR, or a training with --run RUN."
        )
    _, generator = load_export(folder, version)
    path = Path(saved_models_dir) / "generator" / str(version)
    described = json.loads((path / EXTRA).read_text())
    missing = [f"the signature {name!r}" for name in ("generate", "decode") if name not in generator.signatures]
    try:
        description = ModelDescription.from_dict(described)
    except KeyError as error:
        missing.append(f"{error} in '{EXTRA}'")
    if missing:
        raise ValueError(
            f"The exported generator '{path}' was written by an older version of this package and cannot generate. "
            f"Missing: {', '.join(missing)}. Export the model again: "
            f"`mrs-keras export --output {saved_models_dir} --version {version}`."
        )
    signature, decode = generator.signatures["generate"], generator.signatures["decode"]
    origin = {"saved_models": os.fspath(saved_models_dir), "version": version, "export_id": described["export_id"]}
    return SpectrumSource(
        description,
        _in_numpy(lambda inputs: signature(**inputs)),
        _decode_in_numpy(lambda inputs: decode(**inputs)),
        extrapolates=False,
        origin={**origin, "latent_prior": description.latent_prior},
        notice=(path / NOTICE).read_text(encoding="utf-8").strip() if (path / NOTICE).exists() else "",
    )


def _source_of(model: CVAE, origin: dict, site: str | None = None) -> SpectrumSource:
    description = model.description
    latent_prior = model.latent_priors[0]
    generate = tf.function(lambda inputs: model.generate_tensors(inputs, latent_prior, site))
    return SpectrumSource(
        description,
        _in_numpy(generate),
        _decode_in_numpy(tf.function(model.signature_functions()["decode"])),
        origin={**origin, "latent_prior": description.latent_prior},
    )


def _in_numpy(function: Callable[[dict], dict]) -> Generate:
    def generate(concentrations, row_seeds):
        output = function({"concentrations": tf.constant(concentrations), "seed": tf.constant(row_seeds)})
        return {name: output[name].numpy() for name in ("spectrum", "z")}

    return generate


def _decode_in_numpy(function: Callable[[dict], dict]) -> Decode:
    def decode(z, concentrations):
        return function({"z": tf.constant(z), "concentrations": tf.constant(concentrations)})["spectrum"].numpy()

    return decode
