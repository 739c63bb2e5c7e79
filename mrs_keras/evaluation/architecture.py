"""The layers of a network and their connections, for a figure of the real model."""

import keras

from mrs_keras.plotting.network import LayerBox


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
    for name in reversed(inputs):  # Keras lists a layer after those that feed it
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
    """Returns the names of the layers whose outputs a serialised inbound node holds."""
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
