"""Named models as data."""

CVAE_PRESETS: dict[str, dict] = {
    "base": {
        "description": "Multilayer perceptron, 16 latents, decoder variance fitted to the batch, KL weighed once.",
        "config": {
            "latent_dim": 16,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "kl_weight": 1.0,
            "decoder_variance": "optimal",
        },
        "training": {"epochs": 250, "batch_size": 64, "learning_rate": 1e-3},
    },
}
"""Preset name -> description, arguments of `CVAE` and of `train`."""
