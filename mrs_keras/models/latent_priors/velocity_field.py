"""The network of a flow: the velocity of latents on their way from a normal distribution to the data."""

import keras
import numpy as np
import tensorflow as tf

FREQUENCIES = 16
"""Sines and cosines of the time that the network sees: multiples of a quarter period."""

TIME_UNITS = 64
"""Width of the layer that the time passes through."""


@keras.saving.register_keras_serializable("mrs_keras")
class VelocityField(keras.layers.Layer):
    """Velocity v(z, t | c) of latents: a residual perceptron; time and labels shift and scale every hidden layer.

    With e a layer of sines and cosines of t, and h_1 linear in z, block k adds to h

        W_k' [gelu(W_k h + A_k e + B_k c) * (1 + C_k e + D_k c)]

    and v is linear in the last h. It is 0 everywhere until `draw_weights`.

    Args:
      latent_dim: number of latents.
      labels: number of labels.
      width: of the hidden layers.
      blocks: number of blocks.
    """

    def __init__(self, latent_dim: int, labels: int, width: int, blocks: int, **kwargs):
        super().__init__(**{"dtype": "float32", **kwargs})
        self.latent_dim, self.labels, self.width, self.blocks = latent_dim, labels, width, blocks
        shapes = {
            "time_kernel": (2 * FREQUENCIES, TIME_UNITS),
            "time_bias": (TIME_UNITS,),
            "first_kernel": (latent_dim, width),
            "first_bias": (width,),
            "inner_kernel": (blocks, width, width),
            "inner_bias": (blocks, 1, width),
            "inner_time": (blocks, TIME_UNITS, width),
            "inner_labels": (blocks, labels, width),
            "gain_time": (blocks, TIME_UNITS, width),
            "gain_labels": (blocks, labels, width),
            "outer_kernel": (blocks, width, width),
            "outer_bias": (blocks, width),
            "last_kernel": (width, latent_dim),
            "last_bias": (latent_dim,),
        }
        for name, shape in shapes.items():
            setattr(self, name, self.add_weight(shape=shape, initializer="zeros", name=name))
        self.built = True

    def draw_weights(self, seed: int) -> None:
        """Draws initial weights (Glorot's uniform distribution); the gains start at 1 and the velocity at 0."""
        for name in ("time_kernel", "first_kernel", "inner_kernel", "inner_time", "inner_labels", "outer_kernel"):
            weight = getattr(self, name)
            inputs, outputs = weight.shape[-2:]
            limit = np.sqrt(6 / (inputs + outputs)) * (0.5 if name == "outer_kernel" else 1.0)
            key = [seed, *name.encode()]
            weight.assign(np.random.default_rng(key).uniform(-limit, limit, weight.shape))

    def of_labels(self, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what labels (batch, labels) add to each block, (blocks, batch, width): needed once for all times."""
        return tf.matmul(labels, self.inner_labels) + self.inner_bias, tf.matmul(labels, self.gain_labels) + 1.0

    def call(self, z: tf.Tensor, time: tf.Tensor, of_labels: tuple[tf.Tensor, tf.Tensor]) -> tf.Tensor:
        """Computes velocities.

        Args:
          z: float32 (batch, latent_dim).
          time: float32 (batch,), or (1,) for one time, from 0 to 1.
          of_labels: what `of_labels` returned.

        Returns:
          float32 (batch, latent_dim).
        """
        shifts, gains = self._of_time(time)
        hidden = z @ self.first_kernel + self.first_bias
        for block in range(self.blocks):
            inner = keras.activations.gelu(hidden @ self.inner_kernel[block] + shifts[block] + of_labels[0][block])
            modulated = inner * (gains[block] + of_labels[1][block])
            hidden += modulated @ self.outer_kernel[block] + self.outer_bias[block]
        return hidden @ self.last_kernel + self.last_bias

    def with_divergence(self, z: tf.Tensor, time: tf.Tensor, of_labels: tuple) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what `call` does, and the divergence sum_i dv_i / dz_i, float32 (batch,).

        The derivatives with respect to each latent, (batch, latent_dim, width), go forward with the hidden layers: some
        hundred times as fast as the Jacobian by backpropagation.
        """
        shifts, gains = self._of_time(time)
        hidden = z @ self.first_kernel + self.first_bias
        tangents = tf.repeat(tf.convert_to_tensor(self.first_kernel)[None], tf.shape(z)[0], axis=0)
        for block in range(self.blocks):
            inner = hidden @ self.inner_kernel[block] + shifts[block] + of_labels[0][block]
            gain = gains[block] + of_labels[1][block]
            # Of gelu(x) = x Phi(x): Phi(x) + x phi(x), with the normal distribution's function and density.
            below = 0.5 * (1.0 + tf.math.erf(inner * np.sqrt(0.5)))
            slope = below + inner * tf.exp(-0.5 * tf.square(inner)) / np.sqrt(2 * np.pi)
            hidden += (inner * below * gain) @ self.outer_kernel[block] + self.outer_bias[block]
            tangents += ((tangents @ self.inner_kernel[block]) * (slope * gain)[:, None]) @ self.outer_kernel[block]
        divergence = tf.einsum("biw,wi->b", tangents, tf.convert_to_tensor(self.last_kernel))
        return hidden @ self.last_kernel + self.last_bias, divergence

    def _of_time(self, time: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Returns what times (times,) add to shift and gain of each block, each (blocks, times, width)."""
        angles = time[:, None] * (np.pi / 2 * np.arange(1, FREQUENCIES + 1, dtype=np.float32))
        waves = tf.concat([tf.sin(angles), tf.cos(angles)], axis=1)
        embedded = keras.activations.gelu(waves @ self.time_kernel + self.time_bias)
        return tf.matmul(embedded, self.inner_time), tf.matmul(embedded, self.gain_time)

    def get_config(self):
        sizes = {"latent_dim": self.latent_dim, "labels": self.labels, "width": self.width, "blocks": self.blocks}
        return {**super().get_config(), **sizes}


def follow(field: VelocityField, z: tf.Tensor, labels: tf.Tensor, steps: int) -> tf.Tensor:
    """Returns latents at time 1 of those at time 0, (batch, latent_dim), in equal steps of Heun's method."""
    of_labels = field.of_labels(labels)
    for step in range(steps):
        begin, end = (tf.constant([(step + part) / steps], tf.float32) for part in (0, 1))
        velocity = field(z, begin, of_labels)
        z += (velocity + field(z + velocity / steps, end, of_labels)) / (2 * steps)
    return z
