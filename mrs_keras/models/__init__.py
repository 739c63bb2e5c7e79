"""Models: the conditional VAE and its presets."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cvae": ["CVAE"],
        "latent_priors": ["LATENT_PRIORS", "LatentPrior"],
        "metrics": ["ActiveUnits"],
        "presets": ["CVAE_PRESETS"],
        "trained": ["load_pretrained", "load_trained"],
    },
)
