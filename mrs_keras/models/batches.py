"""The batches that a conditional VAE takes: their checks, and the labels that are inferred."""

from collections.abc import Mapping

import keras
import tensorflow as tf

from mrs_keras.models.label_inference import LABEL_DEVIATION, LABEL_KNOWN, OPTIONAL, combine, half_ranges


class Batches:
    """The part of `CVAE` that reads batches, and encodes them."""

    def _checked_inputs(self, data, for_training=True) -> dict:
        """Returns the parts of a batch that the model takes, or raises if their shapes are not the model's."""
        data, _, weights = keras.utils.unpack_x_y_sample_weight(data)
        if weights is not None:
            raise ValueError(
                "The model takes no sample weights. Expected: only spectra and concentrations. "
                "Received: sample weights. Leave them out, or repeat examples instead."
            )
        expected = {"spectrum": (self.acquisition.window_points, 2), "concentrations": (len(self.labels),)}
        if for_training and self.decoder_variance == "known":
            expected["noise_sigma"] = ()
        received = {key: tuple(data[key].shape) for key in data} if isinstance(data, Mapping) else type(data).__name__
        if isinstance(data, Mapping) and all(received.get(key) == shape for key, shape in expected.items()):
            raise ValueError(
                "The batch axis is missing. Expected: `spectrum` (batch, points, 2) and `concentrations` (batch, "
                f"labels). Received: {received}. Call `.batch(64)` on the dataset."
            )
        if not isinstance(data, Mapping) or any(
            key not in received or received[key][1:] != shape for key, shape in expected.items()
        ):
            raise ValueError(
                f"The model takes a dict of {', '.join(f'`{key}`' for key in expected)}, each with a batch axis. "
                f"Expected after the batch axis: {expected}, for the labels {', '.join(self.labels.names)} and the "
                f"window {self.acquisition.ppm_window} ppm. Received: {received}. "
                "Use data of the model's acquisition, or build a model with `CVAE.from_preset(dataset=...)`."
            )
        # Data from NumPy and pandas are float64.
        checked = {key: keras.ops.cast(data[key], "float32") for key in expected}
        if self.infer_labels:
            checked |= {key: keras.ops.cast(data[key], kind) for key, kind in OPTIONAL.items() if key in data}
            if LABEL_KNOWN in checked:
                missing = ~checked[LABEL_KNOWN]
                for key in ("concentrations", LABEL_DEVIATION):
                    if key in checked:  # NaN where missing, and NaN times 0 is NaN
                        checked[key] = tf.where(missing, 0.0, checked[key])
        return checked

    def _with_labels(self, inputs, training=False):
        """Returns inputs with the most probable labels, and the loss of their inference (batch,), 0 without it."""
        if not self.infer_labels:
            return inputs, 0.0
        low, scale = self.labels.low.astype("float32"), half_ranges(self.labels)
        deviation = inputs.get(LABEL_DEVIATION, tf.zeros_like(inputs["concentrations"])) / scale
        labels, loss = combine(
            (inputs["concentrations"] - low) / scale - 1.0,
            self.label_network(inputs["spectrum"], training=training),
            inputs.get(LABEL_KNOWN),
            tf.square(deviation),
        )
        return {**inputs, "concentrations": low + scale * (labels + 1.0)}, loss

    def posterior(self, inputs, training=False):
        """Returns `"z_mean"` and `"z_log_var"` of a batch, each float32 (batch, latent_dim)."""
        return self.encoder({name: inputs[name] for name in ("spectrum", "concentrations")}, training=training)
