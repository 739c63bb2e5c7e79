"""Named models as data."""

CVAE_PRESETS: dict[str, dict] = {
    "base": {
        "description": "The default: NAA and PCr, 6,000 spectra.",
        "config": {
            "latent_dim": 16,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.2,
            "decoder_variance": "optimal",
            "latent_prior": {"kind": "mixture", "components": 16},
        },
        "training": {
            "source": "dataset",
            "config": "naa_pcr",
            "epochs": 500,
            "batch_size": 64,
            "learning_rate": 1e-3,
            # A heavy KL orders the latent space first; a lighter one then lets all latents and fine detail in.
            "kl_weight": {"start": 4.0, "end": 1.2, "until": 0.6},
        },
    },
    "endless": {
        "description": "As `base`, trained on spectra simulated on the fly: none is seen twice.",
        "config": {
            # As many as the spectra have degrees of freedom that show: spare latents would learn the labels.
            "latent_dim": 14,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.0,
            "decoder_variance": "optimal",
            "latent_prior": {"kind": "mixture", "components": 128},
        },
        "training": {
            "source": "simulator",
            "config": "naa_pcr",
            "epochs": 200,
            "steps_per_epoch": 250,
            "batch_size": 128,
            "learning_rate": 1.5e-3,
            "kl_weight": {"start": 4.0, "end": 1.0, "until": 0.6},
        },
    },
    "paper": {
        "description": "The text of the abstract and little more: squared error plus KL, standard normal prior.",
        "config": {
            "latent_dim": 16,
            "hidden_units": (512, 256, 128),
            "activation": "relu",
            "modulated": False,
            "kl_weight": 1.0,
            "decoder_variance": 1e-4,
            "latent_prior": {"kind": "standard_normal"},
        },
        "training": {
            "source": "dataset",
            "config": "naa_pcr",
            "epochs": 100,
            "batch_size": 64,
            "learning_rate": 1e-3,
            "kl_weight": {"start": 1.0, "end": 1.0, "until": 0.0},
        },
    },
    "brain": {
        "description": "21 metabolites, macromolecules, lipids, residual water, eddy currents, and noise of its own.",
        "config": {
            "latent_dim": 32,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.0,
            "decoder_variance": "learned",
            "latent_prior": {"kind": "mixture", "components": 16},
        },
        "training": {
            "source": "dataset",
            "config": "brain_press_te30",
            "epochs": 100,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "kl_weight": {"start": 1.0, "end": 1.0, "until": 0.0},
        },
    },
}
"""Preset name -> description, arguments of `CVAE` and of `train`."""
