"""SavedModels that any TensorFlow pipeline can use without this package."""

import contextlib
import dataclasses
import json
import os
import uuid
from collections.abc import Iterator
from pathlib import Path

from mrs_keras.checks import check_count
from mrs_keras.files import replacing
from mrs_keras.serving.description import EXTRA, NOTICE
from mrs_keras.serving.signatures import FOLDERS, Servable, ServedModule
from mrs_keras.serving.tensorflow_alone import tensorflow as tf
from mrs_keras.serving.warm_up import WARM_UP, write_warm_up


def export(model: Servable, output_dir: str | os.PathLike, version: int = 1, *, notice: str = "") -> dict[str, Path]:
    """Writes the encoder and the generator as SavedModels, in the folder layout of TF-Serving.

    | folder | signature | inputs | outputs |
    |---|---|---|---|
    | `<output_dir>/encoder/<version>` | `encode` | spectrum, concentrations | z_mean, z_log_var |
    | `<output_dir>/generator/<version>` | `decode` | z, concentrations | spectrum |
    | | `generate` | concentrations, seed | spectrum, z |
    | | `interpolate` | z_a, z_b, concentrations_a, concentrations_b, alpha | spectrum |
    | | `interpolate_geodesic` | the same | spectrum |
    | both | `describe` | row (optional) | ppm, metabolites, acquisition, ... |

    Signatures have the names, inputs and outputs of the methods of `CVAE`; `interpolate_geodesic` is `interpolate` with
    `path="geodesic"`. `encode` and `decode` are also
    `serving_default`. `generate` takes one int64 seed per row. Other inputs are float32, in the units of the training
    data, with a free batch axis: spectrum (batch, points, 2), concentrations (batch, labels) in their units, z (batch,
    latent_dim), alpha (batch,) from 0 to 1.

    The graph itself rejects inputs that are not finite, have the wrong shape, or are outside the trained range of
    concentrations, with INVALID_ARGUMENT. In runtimes that drop assertions (XLA, TensorFlow Lite, ONNX), rows with
    invalid values return NaN.

    Other versions are unchanged; an existing version is replaced once the new one is complete. The folder also contains
    warm-up requests for TF-Serving, and the output of `describe` as `assets.extra/mrs_keras.json`.

    Args:
      model: a trained `CVAE`.
      output_dir: folder for both.
      version: Defaults to `1`.
      notice: what users of the model must know, such as `NOTICE.txt` in the folder of its training; written beside the
        models as `assets.extra/NOTICE.txt`. Defaults to `""`: nothing.

    Returns:
      `{"encoder": path, "generator": path}`.

    Raises:
      ValueError: if the version is not a positive integer.
    """
    version = check_count("version", version, 1)
    paths = {name: Path(output_dir) / name / str(version) for name in FOLDERS}
    description = dataclasses.replace(model.description, export_id=uuid.uuid4().hex, model_version=version)
    # Both are written before either is renamed, so that the two models of a version always match. TF-Serving loads only
    # folders with an integer name, which a partial one does not have.
    with contextlib.ExitStack() as stack:
        partials = {name: stack.enter_context(replacing(path)) for name, path in paths.items()}
        for name, partial in partials.items():
            module = ServedModule(name, model, description)
            signatures = module.signatures()
            tf.saved_model.save(module, partial, signatures=signatures)
            (partial / EXTRA).parent.mkdir()
            (partial / EXTRA).write_text(json.dumps(description.to_dict(), indent=2) + "\n")
            if notice:
                (partial / NOTICE).write_text(notice + "\n", encoding="utf-8")
            write_warm_up(partial / WARM_UP, name, signatures, description)
    return paths


def load_export(output_dir: str | os.PathLike = "saved_models", version: int | None = None) -> tuple:
    """Loads an exported encoder and generator, after checking that both are complete and from the same export.

    Any TensorFlow program can load them with `tf.saved_model.load` instead, without this package and these checks.

    Args:
      output_dir: as in `export`. Defaults to `"saved_models"`.
      version: Defaults to `None`: the highest version number.

    Returns:
      The SavedModels of the encoder and of the generator.

    Raises:
      FileNotFoundError: if a model is missing or not complete.
      ValueError: if a file cannot be read, or the models come from different exports.
    """
    version = newest_version(Path(output_dir)) if version is None else check_count("version", version, 1)
    remedy = f"Export the model again: `mrs-keras export --output {output_dir} --version {version}`."
    exports = {}
    for name in FOLDERS:
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
    """Returns the highest version of the encoder or the generator; 1 if there is none."""
    folders = [path for name in FOLDERS for path in (output_dir / name).glob("[0-9]*")]
    return max((int(path.name) for path in folders if path.name.isdecimal()), default=1)


@contextlib.contextmanager
def _named_if_damaged(path: Path, remedy: str) -> Iterator[None]:
    """Converts errors of json, protobuf and TensorFlow on damaged files to a `ValueError` that names the folder."""
    try:
        yield
    except KeyError as error:
        raise ValueError(f"The export '{path}' is damaged: '{EXTRA}' has no {error}. {remedy}") from error
    except (OSError, ValueError, TypeError, tf.errors.OpError) as error:
        raise ValueError(f"The export '{path}' is damaged: {error} {remedy}") from error
