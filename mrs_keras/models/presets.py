"""Named models as data."""

LINES = ("gamma", "sigma", "eps", "phi0", "phi1")

CVAE_PRESETS: dict[str, dict] = {
    "base": {
        "description": "The default: NAA and PCr, 6,000 spectra.",
        "config": {
            "latent_dim": 16,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.2,
            "label_penalty": 150.0,
            "decoder_variance": "optimal",
            "latent_prior": {"kind": "flow"},
        },
        "training": {
            "source": "dataset",
            "config": "naa_pcr",
            "epochs": 1000,
            "batch_size": 64,
            "learning_rate": 1e-3,
            # A large KL weight first orders the latent space; a smaller one then admits all latents and fine detail.
            "kl_weight": {"start": 4.0, "end": 1.2, "until": 0.6},
        },
        "targets": {
            "reconstruction.model.median": ("at most", 0.012),
            "reconstruction.model_over_pca": ("less than", 0.5),
            "reconstruction.parameters.model.all_concentrations.median": ("at most", 0.005),
            "generation.fitted.concentration_error.median": ("at most", 0.0032),
            "generation.fitted.concentration_error.percentile_95": ("at most", 0.015),
            "generation.fitted.distance_from_physical_model.median": ("at most", 0.0029),
            "generation.fitted.distance_from_physical_model.percentile_95": ("at most", 0.009),
            "generation.fitted.ks.gamma": ("at most", 0.06),
            "generation.fitted.ks.sigma": ("at most", 0.06),
            "generation.fitted.ks.eps": ("at most", 0.06),
            "generation.fitted.ks.phi0": ("at most", 0.06),
            # As a mean over several seeds; a single seed may exceed it.
            "latent_space.labels.*.nonlinear": ("at most", 0.05),
            "interpolation.phi0.monotone.phi0": ("is", True),
            "interpolation.phi0.end_point_error.phi0": ("at most", 0.05),
            "random_pairs.phi0.numbers.varied.phi0.monotone": ("at least", 0.98),
            "random_pairs.gamma.numbers.varied.gamma.monotone": ("at least", 0.98),
            "random_pairs.sigma.numbers.varied.sigma.monotone": ("at least", 0.98),
            "random_pairs.phi0.geodesic_numbers.drift.gamma.median": ("at most", 0.10),
            "random_pairs.broadening.geodesic_numbers.varied.sigma.monotone": ("at least", 0.90),
        },
    },
    "endless": {
        "description": "As `base`, trained on spectra simulated on the fly: none is seen twice.",
        "config": {
            # As many as the visible degrees of freedom of the spectra: spare latents would learn the labels.
            "latent_dim": 14,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.0,
            "label_penalty": 150.0,
            "decoder_variance": "optimal",
            "latent_prior": {"kind": "flow", "fit_steps": 20_000},
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
        "targets": {
            "reconstruction.model.median": ("at most", 0.004),
            "reconstruction.parameters.model.all_concentrations.median": ("at most", 0.002),
            "generation.fitted.concentration_error.median": ("at most", 0.0013),
            "generation.fitted.concentration_error.percentile_95": ("at most", 0.006),
            "generation.fitted.distance_from_physical_model.median": ("at most", 0.0012),
            "generation.fitted.distance_from_physical_model.percentile_95": ("at most", 0.0035),
            "generation.fitted.ks.gamma": ("at most", 0.05),
            "generation.fitted.ks.sigma": ("at most", 0.05),
            "generation.fitted.ks.eps": ("at most", 0.05),
            "generation.fitted.ks.phi0": ("at most", 0.05),
            "latent_space.labels.*.nonlinear": ("at most", 0.05),
            "random_pairs.phi0.numbers.varied.phi0.monotone": ("at least", 0.995),
            "random_pairs.gamma.numbers.varied.gamma.monotone": ("at least", 0.995),
            "random_pairs.sigma.numbers.varied.sigma.monotone": ("at least", 0.995),
            "random_pairs.broadening.numbers.varied.gamma.monotone": ("at least", 0.995),
            "random_pairs.broadening.numbers.varied.sigma.monotone": ("at least", 0.995),
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
        "description": "21 metabolites, macromolecules, lipids, baseline, water and noise, by published statistics.",
        "config": {
            "latent_dim": 32,
            "hidden_units": (512, 256, 128),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.0,
            # The forward model makes all that the prior has: there is no residual to learn.
            "decoder": {"kind": "hybrid", "residual": False},
            "decoder_variance": "known",
            "latent_prior": {"kind": "flow", "fit_steps": 4_000},
        },
        "training": {
            "source": "simulator",
            "config": "brain_press_te30",
            "epochs": 32,
            "steps_per_epoch": 250,
            "batch_size": 128,
            "learning_rate": 1.2e-3,
            "kl_weight": {"start": 1.0, "end": 1.0, "until": 0.0},
        },
        # Of the medians over spectra generated at labels of the prior; simulated ones are the reference.
        "targets": {
            **{f"generation.fitted.above_simulated.ks.{name}": ("at most", 0.03) for name in LINES},
            "generation.fitted.above_simulated.concentration_error": ("at most", 0.05),
            "generation.fitted.classifier.accuracy": ("at most", 0.53),
            "noise.generated_off": ("at most", 0.03),
        },
    },
    "invivo": {
        "description": "From few scans: pre-trained on simulations of a prior from their fits, tuned on the scans.",
        "config": {
            "latent_dim": 48,
            "hidden_units": (384, 192),
            "activation": "gelu",
            "modulated": True,
            "kl_weight": 1.0,
            "decoder_variance": "known",
            "decoder": {"kind": "hybrid"},
            "infer_labels": True,
        },
        "training": {
            "source": "measured",
            # Of the acquisition and labels of `CVAE.from_preset` without a dataset; it is trained on none but measured.
            "config": "brain_press_te30",
            "epochs": 32,
            "steps_per_epoch": 100,
            "batch_size": 128,
            "learning_rate": 1e-3,
            "kl_weight": {"start": 1.0, "end": 1.0, "until": 0.0},
            "fine_tuning": {
                "learning_rate": 1e-4,
                "batch_size": 16,
                # A round ends with a look at the validation subjects; the best one counts.
                "steps_per_round": 20,
                "rounds": 12,
                "patience": 6,
                # As many simulated spectra in a step as measured ones: fewer forget what only these can teach.
                "simulated": 16,
                "input_noise": 0.0,
            },
        },
    },
}
"""Preset name -> description, arguments of `CVAE` and of `train`, and targets: path of a number in `numbers.json` of an
evaluation, with `*` for the largest of all -> relation and value, in the unit of the number."""
