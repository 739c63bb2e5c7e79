"""Named models as data."""

CVAE_PRESETS: dict[str, dict] = {
    "base": {
        "description": "Multilayer perceptron, 16 latents, decoder variance fitted to the batch, KL weighed 4 to 1.5.",
        "config": {
            "latent_dim": 16,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "kl_weight": 1.5,
            "decoder_variance": "optimal",
            "mixture_components": 16,
        },
        "training": {
            "source": "dataset",
            "config": "naa_pcr",
            "epochs": 500,
            "batch_size": 64,
            "learning_rate": 1e-3,
            # A heavy KL orders the latent space first; a lighter one then lets all latents and fine detail in.
            "kl_weight": {"start": 4.0, "end": 1.5, "until": 0.6},
        },
    },
}
"""Preset name -> description, arguments of `CVAE` and of `train`."""
