"""The arms of the study: what a regression is trained on."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Arm:
    """What a regression is trained on.

    Attributes:
      title: as in tables and figures.
      about: what the training set is, one sentence.
    """

    title: str
    about: str


MEAN, REAL, NOISE = "mean", "real", "noise"
CLASSICAL, AGAIN, SIMULATIONS = "classical", "classical_again", "simulations"
OUTSIDE, RECALIBRATED = "outside", "outside_recalibrated"

ARMS: dict[str, Arm] = {
    MEAN: Arm("mean", "The mean of the labels of the n subjects is predicted for everybody."),
    REAL: Arm("real", "The spectra of the n subjects as they are."),
    NOISE: Arm("+ noise", "The n spectra, each with many draws of the noise of the task."),
    CLASSICAL: Arm("classical", "The n spectra with noise, phases, shifts, broadening and baselines."),
    AGAIN: Arm("classical, again", "Classical augmentation with other seeds: no difference is to be found."),
    "placebo": Arm("shuffled labels", "Spectra of the cVAE of the n with shuffled labels: no gain is to be found."),
    "mixup": Arm("mixup", "Mixtures of pairs of the n spectra and of their labels, classical augmentation."),
    "cvae": Arm("cVAE of the n", "A cVAE of the n spectra, classical augmentation."),
    SIMULATIONS: Arm("simulations", "Simulations of a prior from fits of the n spectra, classical augmentation."),
    "cvae_of_simulations": Arm("cVAE of simulations", "A cVAE of the simulations of the n, classical augmentation."),
    "simulations_of_all": Arm(
        "simulations, all scans",
        "Simulations of a prior from fits of all scans of the training sites, whose labels are not used.",
    ),
    "hybrid": Arm(
        "hybrid, all scans",
        "The model of measured spectra with a physical decoder, of all scans of the training sites without labels.",
    ),
    "simulations_and_hybrid": Arm(
        "simulations + hybrid", "Simulations of the n and spectra of the hybrid model, in equal parts."
    ),
    OUTSIDE: Arm("outside program", "Another program's answers on the noisy spectra."),
    RECALIBRATED: Arm("outside, recalibrated", "The same, recalibrated by a line through the n subjects."),
}
"""Name -> arm, in the order of tables. All that generate spectra train on real and generated ones in equal parts."""

TRAINED_ARMS = tuple(name for name in ARMS if name not in (MEAN, OUTSIDE, RECALIBRATED))
"""Arms that train a regression."""
