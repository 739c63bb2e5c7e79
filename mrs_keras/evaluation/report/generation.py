"""What the report says about generated spectra."""

from mrs_keras.evaluation.coverage import COMPONENTS, NEIGHBOURS
from mrs_keras.evaluation.report.figures import IDEAL_COVERAGE
from mrs_keras.evaluation.report.format import SOURCES, small_percent


def generation_sections(numbers: dict, images: dict[str, bytes]) -> list[dict]:
    """Returns the sections on labels, physicality, marginals and coverage of generated spectra.

    Args:
      numbers: as `mrs_keras.evaluate` returns them.
      images: name of the figure -> PNG.
    """
    spectra = numbers["spectra"]
    sources = {name: values for name, values in numbers["generation"].items() if name != "default_prior"}
    default = SOURCES[numbers["generation"]["default_prior"]]
    metabolites = list(next(iter(sources.values()))["concentrations"])
    made = (
        f"{spectra['generated']} spectra are generated at uniformly drawn concentrations with each prior of the "
        f"latents that the model has (by default it uses the {default}), and as many are simulated: what a perfect "
        f"generator would make. {spectra['fitted']} of each are fitted."
    )
    return [
        {
            "title": "Generated spectra: do they carry the requested concentrations?",
            "text": f"{made} Relative error of the recovered concentration (0 is best), and slope and R2 of recovered "
            "against requested (1 is best; R2 counts every deviation from the requested value).",
            "table": (
                ("metabolite", "spectra", "error, median", "95th percentile", "slope", "R2"),
                [
                    (
                        metabolite,
                        SOURCES[name],
                        small_percent(values["concentrations"][metabolite]["median"]),
                        small_percent(values["concentrations"][metabolite]["percentile_95"]),
                        f"{values['concentrations'][metabolite]['slope']:.3f}",
                        f"{values['concentrations'][metabolite]['r2']:.3f}",
                    )
                    for metabolite in metabolites
                    for name, values in sources.items()
                ],
            ),
            "figure": images["generated_labels"],
            "caption": "Good: dots far left, and points on the black line.",
        },
        {
            "title": "Generated spectra: are they physical?",
            "text": "Relative L2 distance from the nearest spectrum of the physical model, 0 is best. What lies beyond "
            "10 % should not be trained on. A fit that did not converge counts with the best point that it found.",
            "table": (
                ("spectra", "median", "95th percentile", "fits that did not converge"),
                [
                    (
                        SOURCES[name],
                        small_percent(values["distance_from_physical_model"]["median"]),
                        small_percent(values["distance_from_physical_model"]["percentile_95"]),
                        str(values["fits_not_converged"]),
                    )
                    for name, values in sources.items()
                ],
            ),
            "figure": images["generated_physicality"],
            "caption": "Left: share of spectra within a distance; good curves rise far left. Right: generated spectra "
            "and what physics cannot explain of them (red).",
        },
        {
            "title": "Generated spectra: is each parameter spread as in the training data?",
            "text": "Kolmogorov-Smirnov statistic of each recovered parameter against its uniform training range: the "
            f"largest distance between the cumulative distributions, 0 is best. {spectra['fitted']} spectra that "
            f"follow the range stay below {1.36 / spectra['fitted'] ** 0.5:.3f} in 95 of 100 cases. Of the baseline, "
            "the coefficient with the largest statistic counts. In brackets: the share of spectra that lie outside the "
            "training range, by more than 1 % of its width; of the baseline, with any coefficient.",
            "table": (
                ("spectra", *next(iter(sources.values()))["ks"]),
                [
                    (
                        SOURCES[name],
                        *(
                            f"{value:.3f} ({100 * values['outside_range'][parameter]:.1f} %)"
                            for parameter, value in values["ks"].items()
                        ),
                    )
                    for name, values in sources.items()
                ],
            ),
            "figure": images["generated_marginals"],
            "caption": "Good: steps along the dashed line. The first and the last bin hold all that lies beyond. Of "
            "the baseline, the coefficient that the default prior generates worst.",
        },
        {
            "title": "Generated spectra: do they cover the data?",
            "text": f"Generated and validation spectra as points: their first {COMPONENTS} principal components (of "
            "the training spectra), each divided by its standard deviation. Density (Naeem et al. 2020, k = "
            f"{NEIGHBOURS}) is low where generated spectra lie away from the data, 1 is best; coverage is the share of "
            f"validation spectra that a generated one comes near to, {IDEAL_COVERAGE:.2f} is best. Accuracy is that "
            "of a classifier that was trained to tell generated from validation spectra (Lopez-Paz and Oquab 2017): "
            "0.5 is best, 1 means that it is never fooled; further than two standard errors from 0.5, the two sets "
            "are told apart. The simulated spectra show what a perfect generator gets.",
            "table": (
                ("spectra", "density", "coverage", "classifier accuracy (standard error)"),
                [
                    (
                        SOURCES[name],
                        f"{values['density']:.3f}",
                        f"{values['coverage']:.3f}",
                        f"{values['classifier']['accuracy']:.3f} ({values['classifier']['standard_error']:.3f})",
                    )
                    for name, values in sources.items()
                ],
            ),
            "figure": images["generated_coverage"],
            "caption": "Left: the two components in which the default prior's spectra differ most from the data; blue "
            "points should lie as the grey ones do. Right: bars should reach the dashed lines.",
        },
    ]
