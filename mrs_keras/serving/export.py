"""SavedModels that any TensorFlow pipeline can use without this package."""

import contextlib
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import tensorflow as tf

from mrs_keras.checks import check_count
from mrs_keras.files import replacing
from mrs_keras.models import CVAE

EXTRA = "assets.extra/mrs_keras.json"
"""What an export says of itself, in the folder that SavedModels have for that."""


class Encoder(tf.Module):
    """`encode`: spectrum and concentrations to the posterior of the latents."""

    def __init__(self, model: CVAE):
        super().__init__("encoder")
        self.network = model.encoder
        spectrum, concentrations = _specs(model)

        # One dict argument: its keys become the names of the signature's inputs.
        @tf.function(input_signature=[{"spectrum": spectrum, "concentrations": concentrations}])
        def encode(inputs):
            return self.network(inputs, training=False)

        self.encode = encode

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        return {"serving_default": self.encode, "encode": self.encode}


class Generator(tf.Module):
    """`decode`: latents and concentrations to a spectrum; `generate`: concentrations and row seeds to a new one."""

    def __init__(self, model: CVAE):
        super().__init__("generator")
        self.network = model.generator
        self.noise_variance = model.noise_variance
        self.latent_density = model.latent_density
        _, concentrations = _specs(model)
        z = tf.TensorSpec((None, model.latent_dim), tf.float32, "z")

        @tf.function(input_signature=[{"z": z, "concentrations": concentrations}])
        def decode(inputs):
            return {"spectrum": self.network(inputs, training=False)}

        seed = tf.TensorSpec((None,), tf.int64, "seed")

        @tf.function(input_signature=[{"concentrations": concentrations, "seed": seed}])
        def generate(inputs):
            return model.sample(inputs["concentrations"], inputs["seed"])

        self.decode = decode
        self.generate = generate

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        return {"serving_default": self.decode, "decode": self.decode, "generate": self.generate}


def export(model: CVAE, output_dir: str | os.PathLike, version: int = 1) -> dict[str, Path]:
    """Writes the encoder and the generator as SavedModels, in the folders that TF-Serving watches.

    `<output_dir>/encoder/<version>` has the signature `encode(spectrum, concentrations) -> z_mean, z_log_var`, and
    `<output_dir>/generator/<version>` has `decode(z, concentrations) -> spectrum`; each is `serving_default` too. The
    generator has `generate(concentrations, seed) -> spectrum, z` besides: one int64 seed per row, which gives what
    `CVAE.generate` gives. All else is float32, with a free batch axis, in the units of the training data; scaling
    happens inside. Other versions stay
    as they are; the same version is replaced once the new one is complete. The file `assets.extra/mrs_keras.json`
    holds metabolites, their range in mM, and the acquisition.

    Args:
      model: trained.
      output_dir: folder of both.
      version: Defaults to `1`.

    Returns:
      `{"encoder": path, "generator": path}`.

    Raises:
      ValueError: if the version is not a whole number above 0.
    """
    version = check_count("version", version, 1)
    paths = {name: Path(output_dir) / name / str(version) for name in ("encoder", "generator")}
    description = {"export_id": uuid.uuid4().hex, **describe(model)}
    # Both are written before either is renamed: the two of a version always belong together. TF-Serving takes folders
    # with whole numbers for names, and a partial one has none.
    with replacing(paths["encoder"]) as encoder, replacing(paths["generator"]) as generator:
        for module, partial in ((Encoder(model), encoder), (Generator(model), generator)):
            tf.saved_model.save(module, partial, signatures=module.signatures())
            (partial / EXTRA).parent.mkdir()
            (partial / EXTRA).write_text(json.dumps(description, indent=2) + "\n")
    return paths


def load_export(output_dir: str | os.PathLike = "saved_models", version: int | None = None) -> tuple:
    """Loads an exported encoder and generator, after a check that both are whole and belong together.

    Any TensorFlow program can load them with `tf.saved_model.load` instead, without this package and this check.

    Args:
      output_dir: as in `export`. Defaults to `"saved_models"`.
      version: Defaults to `None`: the newest, by its number.

    Returns:
      The SavedModels of the encoder and of the generator.

    Raises:
      FileNotFoundError: if one of them is missing or not complete.
      ValueError: if a file of them cannot be read, or they come from different exports.
    """
    version = newest_version(Path(output_dir)) if version is None else check_count("version", version, 1)
    remedy = f"Export the model again: `mrs-keras export --output {output_dir} --version {version}`."
    exports = {}
    for name in ("encoder", "generator"):
        path = Path(output_dir) / name / str(version)
        files = ("saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001", EXTRA)
        missing = [file for file in files if not (path / file).exists()]
        if missing:
            state = "is not complete" if path.exists() else "is not there"
            raise FileNotFoundError(
                f"The exported {name} '{path}' {state}. Expected: {', '.join(files)}. Missing: {', '.join(missing)}. "
                f"{remedy}"
            )
        with _named_if_damaged(path, remedy):
            exports[path] = json.loads((path / EXTRA).read_text())["export_id"]
    if len(set(exports.values())) > 1:
        raise ValueError(
            "Encoder and generator must come from one export. "
            f"Received: {', '.join(f'{path} of export {key}' for path, key in exports.items())}. "
            f"{remedy}"
        )
    modules = []
    for path in exports:
        with _named_if_damaged(path, remedy):
            modules.append(tf.saved_model.load(str(path)))
    return tuple(modules)


def newest_version(output_dir: Path) -> int:
    """Returns the highest version that the encoder or the generator has; 1 where there is none."""
    folders = [path for name in ("encoder", "generator") for path in (output_dir / name).glob("[0-9]*")]
    return max((int(path.name) for path in folders if path.name.isdecimal()), default=1)


@contextlib.contextmanager
def _named_if_damaged(path: Path, remedy: str) -> Iterator[None]:
    """Turns what json, protobuf and TensorFlow raise over damaged files into a `ValueError` that names the folder."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"The export '{path}' is damaged: '{EXTRA}' has no {error}. {remedy}") from error
    except (OSError, ValueError, TypeError, tf.errors.OpError) as error:
        raise ValueError(f"The export '{path}' is damaged: {error} {remedy}") from error


def _specs(model: CVAE) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    points, metabolites = model.acquisition.window_points, len(model.metabolites)
    return (
        tf.TensorSpec((None, points, 2), tf.float32, "spectrum"),
        tf.TensorSpec((None, metabolites), tf.float32, "concentrations"),
    )


def describe(model: CVAE) -> dict:
    """Returns what an export says of its model, as plain JSON data."""
    return {
        "metabolites": list(model.metabolites),
        "concentration_range_mm": [list(limits) for limits in model.concentration_range_mm],
        "acquisition": model.acquisition.to_dict(),
        "latent_dim": model.latent_dim,
        "spectrum_scale": model.spectrum_scale,
        # A density that nobody fitted is the standard normal prior.
        "latent_prior": "fitted" if model.has_fitted_density else "standard_normal",
    }
