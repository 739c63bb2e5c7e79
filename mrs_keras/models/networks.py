"""The networks of the conditional VAE, as independent functional models."""

from collections.abc import Sequence

import keras

from mrs_keras.models.layers import Dense

NOISE_UNITS = 64
"""Width of the hidden layer of the noise network."""


def build_encoder(
    points: int,
    label_ranges: Sequence[Sequence[float]],
    spectrum_scale: float,
    latent_dim: int,
    hidden_units: Sequence[int],
    activation: str,
) -> keras.Model:
    """Builds the encoder, which maps spectrum and concentrations to the posterior of the latents.

    Args:
      points: complex points of a spectrum.
      label_ranges: (labels, 2), lowest and highest value of each label; mapped to -1 and 1.
      spectrum_scale: divisor of the spectra, in their units.
      latent_dim: number of latents.
      hidden_units: width of each hidden layer.
      activation: of the hidden layers.

    Returns:
      Model from `{"spectrum": (batch, points, 2), "concentrations": (batch, labels)}` to
      `{"z_mean": (batch, latent_dim), "z_log_var": (batch, latent_dim)}`.
    """
    spectrum = keras.Input((points, 2), name="spectrum")
    concentrations = keras.Input((len(label_ranges),), name="concentrations")
    hidden = _channels(spectrum, spectrum_scale)
    label = scale_concentrations(label_ranges)(concentrations)
    hidden = keras.layers.Concatenate(name="add_label")([hidden, label])
    for number, units in enumerate(hidden_units, 1):
        hidden = Dense(units, activation, name=f"hidden_{number}")(hidden)
    # Outputs are float32 under mixed precision, too: loss and spectra need full precision.
    outputs = {name: Dense(latent_dim, name=name, dtype="float32")(hidden) for name in ("z_mean", "z_log_var")}
    return keras.Model({"spectrum": spectrum, "concentrations": concentrations}, outputs, name="encoder")


def build_generator(
    points: int,
    label_ranges: Sequence[Sequence[float]],
    spectrum_scale: float,
    latent_dim: int,
    hidden_units: Sequence[int],
    activation: str,
    modulated: bool,
) -> keras.Model:
    """Builds the generator (decoder), from latents and concentrations to a spectrum; arguments as in `build_encoder`.

    Args:
      modulated: whether latents and concentrations also multiply every hidden layer, by gains linear in them
        (feature-wise modulation, Perez et al., AAAI 2018, arXiv 1709.07871).

    Returns:
      Model from `{"z": (batch, latent_dim), "concentrations": (batch, labels)}` to the spectrum,
      (batch, points, 2), in the units of the data. `hidden_units` are used in reverse.
    """
    z = keras.Input((latent_dim,), name="z")
    concentrations = keras.Input((len(label_ranges),), name="concentrations")
    label = scale_concentrations(label_ranges)(concentrations)
    condition = keras.layers.Concatenate(name="add_label")([z, label])
    hidden = hidden_layers(condition, hidden_units, activation, modulated)
    hidden = Dense(2 * points, name="real_then_imaginary", dtype="float32")(hidden)
    hidden = keras.layers.Reshape((2, points), name="channels_first", dtype="float32")(hidden)
    hidden = keras.layers.Permute((2, 1), name="channels_last", dtype="float32")(hidden)
    spectrum = keras.layers.Rescaling(spectrum_scale, name="spectrum", dtype="float32")(hidden)
    return keras.Model({"z": z, "concentrations": concentrations}, spectrum, name="generator")


def hidden_layers(condition, hidden_units: Sequence[int], activation: str, modulated: bool):
    """Returns the output of the hidden layers of a generator: symbolic tensors in and out, (batch, units)."""
    hidden = condition
    for number, units in enumerate(reversed(hidden_units), 1):
        hidden = Dense(units, activation, name=f"hidden_{number}")(hidden)
        if modulated:
            gain = Dense(units, bias_initializer="ones", name=f"gain_{number}")(condition)
            hidden = keras.layers.Multiply(name=f"modulate_{number}")([hidden, gain])
    return hidden


def build_label_network(
    points: int, labels: int, spectrum_scale: float, hidden_units: Sequence[int], activation: str
) -> keras.Model:
    """Builds the network that infers labels from a spectrum; arguments as in `build_encoder`.

    Returns:
      Model from the spectrum, (batch, points, 2), to `{"label_mean": (batch, labels), "label_log_var": (batch,
      labels)}`, of labels scaled so that their range is -1 to 1.
    """
    spectrum = keras.Input((points, 2), name="spectrum")
    hidden = _channels(spectrum, spectrum_scale)
    for number, units in enumerate(hidden_units, 1):
        hidden = Dense(units, activation, name=f"hidden_{number}")(hidden)
    outputs = {name: Dense(labels, name=name, dtype="float32")(hidden) for name in ("label_mean", "label_log_var")}
    return keras.Model(spectrum, outputs, name="label_network")


def build_noise_variance(label_ranges: Sequence[Sequence[float]], latent_dim: int, activation: str) -> keras.Model:
    """Builds the network that predicts the decoder variance of each spectrum; arguments as in `build_encoder`.

    Returns:
      Model from `{"z": (batch, latent_dim), "concentrations": (batch, labels)}` to the variance of each real
      number of the spectrum, (batch, 1), in units of the spectrum's scale squared.
    """
    z = keras.Input((latent_dim,), name="z")
    concentrations = keras.Input((len(label_ranges),), name="concentrations")
    label = scale_concentrations(label_ranges)(concentrations)
    hidden = keras.layers.Concatenate(name="add_label")([z, label])
    hidden = Dense(NOISE_UNITS, activation, name="hidden")(hidden)
    # It starts at exp(-5): near 1 the KL term would outweigh the spectrum, and the latents would collapse.
    start = keras.initializers.Constant(-5.0)
    hidden = Dense(1, bias_initializer=start, name="log_variance", dtype="float32")(hidden)
    variance = keras.layers.Activation("exponential", name="variance", dtype="float32")(hidden)
    return keras.Model({"z": z, "concentrations": concentrations}, variance, name="noise_variance")


def _channels(spectrum, spectrum_scale: float):
    """Returns a spectrum, (batch, points, 2), scaled, and as real and imaginary part beside each other."""
    hidden = keras.layers.Rescaling(1 / spectrum_scale, name="scale_spectrum", dtype="float32")(spectrum)
    hidden = keras.layers.Permute((2, 1), name="channels_first")(hidden)
    return keras.layers.Flatten(name="real_then_imaginary")(hidden)


def scale_concentrations(label_ranges: Sequence[Sequence[float]]) -> keras.layers.Layer:
    """Returns the layer that maps the range of each label to -1 ... 1, before anything is rounded to half precision."""
    scale = [2 / (high - low) if high > low else 1.0 for low, high in label_ranges]
    offset = [-(low + high) / 2 * factor for (low, high), factor in zip(label_ranges, scale, strict=True)]
    return keras.layers.Rescaling(scale, offset, name="scale_concentrations", dtype="float32")
