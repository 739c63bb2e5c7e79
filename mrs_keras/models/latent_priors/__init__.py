"""Distributions that latents are drawn from when spectra are generated: one module for each latent prior."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "flow": ["FlowPrior"],
        "kernel": ["KernelPrior"],
        "latent_prior": ["LatentPrior"],
        "mixture": ["GaussianMixturePrior"],
        "registry": ["LATENT_PRIORS", "make_latent_prior"],
        "standard_normal": ["StandardNormalPrior"],
    },
)
