"""Named priors as data: every range with its unit and its source."""

from mrs_keras.simulation.priors import UniformPrior, UniformRange

WAND = "uniform set published with WAND for MRS, Merkofer, van de Sande, Amirrajab et al."
CHOICE = "choice of this package: abstract 5027 names the parameter, not its range"

PRIOR_PRESETS: dict[str, UniformPrior] = {
    "naa_pcr": UniformPrior(
        description="NAA and PCr, as in ISMRM 2023 abstract 5027 (van de Sande et al.)",
        concentrations={
            "NAA": UniformRange(7.5, 17.0, "mM", WAND),
            "PCr": UniformRange(3.0, 5.5, "mM", WAND),
        },
        gamma=UniformRange(2.0, 25.0, "1/s", WAND),
        sigma=UniformRange(2.0, 25.0, "1/s", WAND),
        eps=UniformRange(-20.0, 20.0, "rad/s", WAND),
        phi0=UniformRange(-1.5, 1.5, "rad", WAND),
        phi1=UniformRange(-1e-5, 1e-5, "rad/Hz", CHOICE),
        baseline=UniformRange(-0.05, 0.05, "fraction of the tallest metabolite peak", CHOICE),
        baseline_order=4,
    ),
}
"""Preset name -> prior."""
