"""What the report says about the latents."""

from mrs_keras.evaluation.report.format import number


def latent_space_sections(numbers: dict, images: dict[str, bytes]) -> list[dict]:
    """Returns the sections on labels in the latents, and on which latent carries what.

    Args:
      numbers: as `mrs_keras.evaluate` returns them.
      images: name of the figure -> PNG.
    """
    latent_space = numbers["latent_space"]
    information, dci = latent_space["mutual_information"], latent_space["dci"]
    predicted = {**latent_space["labels"], **latent_space["parameters"]}
    total = sum(latent_space["kl_per_unit"])
    carriers = []
    for name, values in information.items():
        order = sorted(range(len(values)), key=lambda latent: -values[latent])[:3]
        carriers.append(
            (
                f"{name} (label)" if name in latent_space["labels"] else name,
                ", ".join(f"{latent} ({values[latent]:.2f})" for latent in order),
                f"{predicted[name]['linear']:.3f}",
                f"{predicted[name]['nonlinear']:.3f}",
            )
        )
    return [
        {
            "title": "Latent space: which latent carries what?",
            "text": f"{numbers['active_units']} of {numbers['latent_dim']} latents are active, with {total:.1f} nats "
            "of KL divergence in all. R2 is how well a parameter is predicted from all latents (five-fold "
            "cross-validation; a linear and a kernel ridge regression): near 1 for what the model has to know of a "
            "spectrum, but near 0 for the labels, which the generator is given anyway: a label that leaks into the "
            "latents fights the requested one. Chance lies a little below 0.",
            "table": (
                ("parameter", "strongest latents (mutual information, nats)", "R2, linear", "nonlinear"),
                carriers,
            ),
            "figure": images["latent_space"],
            "caption": "Top: KL divergence of each latent, 0 where it is unused. Bottom left: mutual information; good "
            "is one bright cell per row, and dark rows for labels. Bottom right: R2; good are long bars, but none for "
            "labels. phi1 changes a spectrum so little that a model may leave it out.",
        },
        {
            "title": "Latent space: disentanglement",
            "text": "Disentanglement, completeness and informativeness (Eastwood and Williams 2018) of gamma, sigma, "
            "eps, phi0 and the baseline, from 0 to 1, 1 is best: whether a latent carries one parameter alone, whether "
            "a parameter is carried by one latent alone, and how well trees predict it (R2). A model can generate well "
            "with entangled latents; they are only harder to steer.",
            "table": (
                ("", "value"),
                [
                    ("disentanglement", number(dci["disentanglement"])),
                    ("completeness", number(dci["completeness"])),
                    *((f"informativeness: {name}", number(value)) for name, value in dci["informativeness"].items()),
                ],
            ),
        },
    ]
