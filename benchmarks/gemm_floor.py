"""The floor of a training step, or of a generator: the time of its matrix products alone on this machine."""

import math
import time

import numpy as np
import tensorflow as tf

from mrs_keras.models import CVAE

Product = tuple[int, int, int, bool, bool]
"""Rows, inner size, columns, and whether the first and the second factor are read transposed."""


def training_products(model: CVAE, batch_size: int) -> list[Product]:
    """Returns the matrix products of a step.

    Three for each dense layer: forward, gradient of the weights, gradient of the input. The last is absent in the
    encoder's first layer, whose input is the data.
    """
    found = []
    for network in (model.encoder, model.generator):
        for layer in network.layers:
            if not hasattr(layer, "kernel"):
                continue
            inputs, outputs = layer.kernel.shape
            found += [(batch_size, inputs, outputs, False, False), (inputs, batch_size, outputs, True, False)]
            if (network, layer.name) != (model.encoder, "hidden_1"):
                found.append((batch_size, outputs, inputs, False, True))
    return found


def forward_products(network, batch_size: int) -> list[Product]:
    """Returns the matrix products of a network's own call, one for each dense layer."""
    kernels = [layer.kernel.shape for layer in network.layers if hasattr(layer, "kernel")]
    return [(batch_size, inputs, outputs, False, False) for inputs, outputs in kernels]


def flop(products: list[Product]) -> int:
    """Returns the floating point operations of these products; a multiply-add counts as two."""
    return sum(2 * m * k * n for m, k, n, *_ in products)


class Floor:
    """Measures products one by one, each with the fastest available library.

    The factors are in the caches, which is not always so in real work: the result is a lower bound, out of reach.

    Args:
      products: of a training step, or of a network's call.
      with_torch: whether PyTorch is among the libraries, beside TensorFlow (plain and XLA) and, on a CPU, NumPy.
    """

    def __init__(self, products: list[Product], with_torch: bool):
        self.calls = [_libraries(*product, with_torch) for product in products]
        self.fastest = [dict.fromkeys(calls, math.inf) for calls in self.calls]

    def turn(self, seconds: float = 0.02) -> float:
        """Measures once more and returns the total seconds, with each product at its fastest so far."""
        for calls, fastest in zip(self.calls, self.fastest, strict=True):
            for library, call in calls.items():
                fastest[library] = min(fastest[library], _seconds(call, seconds / len(calls)))
        return self.seconds()

    def seconds(self) -> float:
        return sum(min(fastest.values()) for fastest in self.fastest)


def _libraries(m: int, k: int, n: int, left: bool, right: bool, with_torch: bool) -> dict:
    """Returns library -> a function that computes the product."""
    rng = np.random.default_rng(0)
    a = rng.normal(size=(k, m) if left else (m, k)).astype(np.float32)
    b = rng.normal(size=(n, k) if right else (k, n)).astype(np.float32)
    tensors = tf.constant(a), tf.constant(b)
    calls = {}
    for name, compiled in (("TensorFlow", None), ("XLA", True)):
        function = tf.function(
            lambda x, y: tf.matmul(x, y, transpose_a=left, transpose_b=right), jit_compile=compiled
        ).get_concrete_function(*tensors)
        calls[name] = lambda function=function: function(*tensors)
    if not tf.config.list_physical_devices("GPU"):
        calls["NumPy"] = lambda: (a.T if left else a) @ (b.T if right else b)
    if with_torch:
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        x, y = torch.tensor(a, device=device), torch.tensor(b, device=device)
        x, y = x.T if left else x, y.T if right else y
        calls["PyTorch"] = lambda: torch.mm(x, y)
    return calls


def _seconds(call, at_least: float) -> float:
    """Returns the seconds of a call; on a GPU the calls are queued and the last one is synchronised."""
    times = 1
    float(call()[0, 0])
    while True:
        start = time.perf_counter()
        for _ in range(times):
            product = call()
        float(product[0, 0])
        seconds = time.perf_counter() - start
        if seconds >= at_least:
            return seconds / times
        times *= 2
