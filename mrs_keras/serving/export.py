"""SavedModels that any TensorFlow pipeline can use without this package."""

import json
import os
from pathlib import Path

import tensorflow as tf

from mrs_keras.checks import check_count
from mrs_keras.files import replacing
from mrs_keras.models import CVAE


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
    """`decode`: latents and concentrations to a spectrum."""

    def __init__(self, model: CVAE):
        super().__init__("generator")
        self.network = model.generator
        _, concentrations = _specs(model)
        z = tf.TensorSpec((None, model.latent_dim), tf.float32, "z")

        @tf.function(input_signature=[{"z": z, "concentrations": concentrations}])
        def decode(inputs):
            return {"spectrum": self.network(inputs, training=False)}

        self.decode = decode

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        return {"serving_default": self.decode, "decode": self.decode}


def export(model: CVAE, output_dir: str | os.PathLike = "saved_models", version: int = 1) -> dict[str, Path]:
    """Writes the encoder and the generator as SavedModels, in the folders that TF-Serving watches.

    `<output_dir>/encoder/<version>` has the signature `encode(spectrum, concentrations) -> z_mean, z_log_var`, and
    `<output_dir>/generator/<version>` has `decode(z, concentrations) -> spectrum`; each is `serving_default` too. All
    are float32 with a free batch axis, in the units of the training data; scaling happens inside. Other versions stay
    as they are; the same version is replaced once the new one is complete. The file `assets.extra/mrs_keras.json`
    holds metabolites, their range in mM, and the acquisition.

    Args:
      model: trained.
      output_dir: Defaults to `"saved_models"`.
      version: Defaults to `1`.

    Returns:
      `{"encoder": path, "generator": path}`.

    Raises:
      ValueError: if the version is not a whole number above 0.
    """
    version = check_count("version", version, 1)
    paths = {}
    for module in (Encoder(model), Generator(model)):
        path = Path(output_dir) / module.name / str(version)
        # TF-Serving takes folders with whole numbers for names: a partial one is not among them.
        with replacing(path) as partial:
            tf.saved_model.save(module, partial, signatures=module.signatures())
            extra = partial / "assets.extra"
            extra.mkdir()
            (extra / "mrs_keras.json").write_text(json.dumps(_description(model), indent=2) + "\n")
        paths[module.name] = path
    return paths


def _specs(model: CVAE) -> tuple[tf.TensorSpec, tf.TensorSpec]:
    points, metabolites = model.acquisition.window_points, len(model.metabolites)
    return (
        tf.TensorSpec((None, points, 2), tf.float32, "spectrum"),
        tf.TensorSpec((None, metabolites), tf.float32, "concentrations"),
    )


def _description(model: CVAE) -> dict:
    return {
        "metabolites": list(model.metabolites),
        "concentration_range_mm": [list(limits) for limits in model.concentration_range_mm],
        "acquisition": model.acquisition.to_dict(),
        "latent_dim": model.latent_dim,
    }
