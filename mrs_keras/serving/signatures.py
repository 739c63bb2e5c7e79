"""The signatures of the SavedModels: what a server or another TensorFlow program can call."""

import json

import tensorflow as tf

from mrs_keras.models import CVAE
from mrs_keras.serving.graph_checks import FINITE, FROM_0_TO_1, checked, within

# Every function takes one dict: its keys become the names of the signature's inputs, and `TFSMLayer` can call it.


class ServedModule(tf.Module):
    """What encoder and generator have in common: the specs of inputs, their checks, and `describe`.

    Args:
      name: of the module.
      model: trained.
      description: what `describe` gives, from `mrs_keras.serving.description`, with version and id of the export.
    """

    def __init__(self, name: str, model: CVAE, description: dict):
        super().__init__(name)
        self.describe = _describe_function(model, description)
        self._inputs = _inputs(model)

    def _keep_weights(self, *models):
        """Makes the variables of Keras models, or of None, those that the SavedModel saves and restores.

        Keras hands TensorFlow a copy of each of its variables to save. A SavedModel that tracks the models themselves
        restores these copies, while its functions read the variables: Python's loader puts that right, TF-Serving and
        all other sessions find no value. Hence the variables, and the models in closures that TensorFlow does not see.
        """
        self.weights = [weight.value for model in models if model is not None for weight in model.variables]

    def _signature(self, function, names):
        """Returns a function of a dict with inputs of these names as a graph, behind their checks."""
        specs = {name: tf.TensorSpec(*self._inputs[name][:2], name) for name in names}
        rules = {name: self._inputs[name][2] for name in names if self._inputs[name][2]}
        return tf.function(lambda inputs: function(checked(inputs, rules)), input_signature=[specs])


class Encoder(ServedModule):
    """`encode`: spectrum and concentrations to the posterior of the latents."""

    def __init__(self, model: CVAE, description: dict):
        super().__init__("encoder", model, description)
        self._keep_weights(model.encoder)
        self.encode = self._signature(
            lambda inputs: model.encoder(inputs, training=False), ("spectrum", "concentrations")
        )

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        return {"serving_default": self.encode, "encode": self.encode, "describe": self.describe}


class Generator(ServedModule):
    """`decode` latents, `generate` from seeds, `interpolate` between latents: each to a spectrum."""

    def __init__(self, model: CVAE, description: dict):
        super().__init__("generator", model, description)
        self._keep_weights(model.generator, model.noise_variance, model.latent_density)

        def decode(inputs):
            return {"spectrum": model.generator(inputs, training=False)}

        def generate(inputs):
            return model.sample(inputs["concentrations"], inputs["seed"])

        def interpolate(inputs):
            alpha = inputs["alpha"][:, None]
            return decode(
                {
                    name: (1.0 - alpha) * inputs[f"{name}_a"] + alpha * inputs[f"{name}_b"]
                    for name in ("z", "concentrations")
                }
            )

        self.decode = self._signature(decode, ("z", "concentrations"))
        self.generate = self._signature(generate, ("concentrations", "seed"))
        self.interpolate = self._signature(interpolate, ("z_a", "z_b", "concentrations_a", "concentrations_b", "alpha"))

    def signatures(self) -> dict:
        """Returns signature name -> function."""
        return {
            "serving_default": self.decode,
            "decode": self.decode,
            "generate": self.generate,
            "interpolate": self.interpolate,
            "describe": self.describe,
        }


def _inputs(model: CVAE) -> dict:
    """Returns name -> (shape, dtype, rule of its values or None) of all inputs of all signatures."""
    z = (None, model.latent_dim), tf.float32, FINITE
    trained = within(model.metabolites, model.concentration_range_mm, "mM")
    concentrations = (None, len(model.metabolites)), tf.float32, trained
    return {
        "spectrum": ((None, model.acquisition.window_points, 2), tf.float32, FINITE),
        "seed": ((None,), tf.int64, None),
        "alpha": ((None,), tf.float32, FROM_0_TO_1),
        **dict.fromkeys(("z", "z_a", "z_b"), z),
        **dict.fromkeys(("concentrations", "concentrations_a", "concentrations_b"), concentrations),
    }


def _describe_function(model: CVAE, description: dict):
    """Returns the function that gives the description, once per row of its input.

    TF-Serving batches signatures with inputs alone, over their first axis, and so its REST API: hence the rows. The
    input has a default, so that gRPC clients and `loaded.describe()` can leave it out.
    """
    default = tf.constant([0], tf.int64)

    @tf.function(input_signature=[tf.TensorSpec((None,), tf.int64, "row")])
    def describe(row=default):
        rows = tf.shape(checked({"row": row}, {})["row"])
        values = {
            "ppm": tf.constant(model.acquisition.window_ppm_axis, tf.float32),
            "metabolites": tf.constant(description["metabolites"]),
            "concentration_range_mm": tf.constant(description["concentration_range_mm"], tf.float32),
            "acquisition": tf.constant(json.dumps(description["acquisition"])),
            "latent_dim": tf.constant(description["latent_dim"], tf.int64),
            "latent_prior": tf.constant(description["latent_prior"]),
            "spectrum_scale": tf.constant(description["spectrum_scale"], tf.float32),
            "model_version": tf.constant(description["model_version"], tf.int64),
            "export_id": tf.constant(description["export_id"]),
        }
        return {name: tf.broadcast_to(value, tf.concat([rows, tf.shape(value)], 0)) for name, value in values.items()}

    return describe
