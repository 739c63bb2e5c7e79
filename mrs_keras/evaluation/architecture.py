"""Topic: the layers of both networks and their connections."""

import dataclasses
from typing import Self

import keras
from matplotlib.figure import Figure

from mrs_keras import plotting
from mrs_keras.evaluation.topic import Topic
from mrs_keras.models import CVAE
from mrs_keras.plotting import LayerBox
from mrs_keras.plotting.html_page import Section


@dataclasses.dataclass(frozen=True, eq=False)
class Architecture(Topic):
    """The layers of a model.

    Attributes:
      encoder: layers of the encoder, inputs first.
      generator: layers of the generator.
      latent_dim: number of latents.
    """

    encoder: list[LayerBox]
    generator: list[LayerBox]
    latent_dim: int

    @classmethod
    def measure(cls, model: CVAE) -> Self:
        """Reads the layers of a model."""
        return cls(layer_graph(model.encoder), layer_graph(model.generator), model.latent_dim)

    def figures(self) -> dict[str, Figure]:
        return {"figure1_model": plotting.plot_model(self.encoder, self.generator, self.latent_dim)}

    def sections(self) -> list[Section]:
        return [
            Section(
                "Model",
                "The layers of both networks as they are connected. Spectra and concentrations are scaled inside.",
                figure="figure1_model",
                caption="Figure 1. The conditional VAE, drawn from its layers.",
            )
        ]


def layer_graph(network: keras.Model) -> list[LayerBox]:
    """Returns the layers of a functional model, inputs first.

    Args:
      network: functional model, such as `CVAE.encoder`.
    """
    inputs = {
        entry["name"]: tuple(dict.fromkeys(_sources(entry["inbound_nodes"])))
        for entry in network.get_config()["layers"]
    }
    to_output: dict[str, int] = {}
    for name in reversed(inputs):  # Keras lists a layer after its inputs
        followers = [other for other, sources in inputs.items() if name in sources]
        to_output[name] = 1 + max((to_output[other] for other in followers), default=-1)
    lowest = max(to_output.values())
    return [
        LayerBox(
            name, _label(network.get_layer(name)), _shape(network.get_layer(name)), lowest - to_output[name], sources
        )
        for name, sources in sorted(inputs.items(), key=lambda item: item[0] == "z_log_var")
    ]


def _sources(node) -> list[str]:
    """Returns the names of the layers whose outputs are in a serialised inbound node."""
    if isinstance(node, dict):
        if "keras_history" in node:
            return [node["keras_history"][0]]
        return [name for value in node.values() for name in _sources(value)]
    if isinstance(node, list | tuple):
        return [name for value in node for name in _sources(value)]
    return []


def _label(layer: keras.layers.Layer) -> str:
    kind = type(layer).__name__
    if kind == "InputLayer":
        return f"{layer.name} (input)"
    activation = getattr(getattr(layer, "activation", None), "__name__", "linear")
    return f"{layer.name} ({kind}{'' if activation == 'linear' else f', {activation}'})"


def _shape(layer: keras.layers.Layer) -> str:
    return " x ".join(str(size) for size in layer.output.shape[1:])
