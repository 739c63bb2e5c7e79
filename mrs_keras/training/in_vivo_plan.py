"""The recipe of a training on measured spectra: what a preset says, and what replaces it."""

import dataclasses
from collections.abc import Mapping

from mrs_keras.checks import check_choice
from mrs_keras.models.presets import CVAE_PRESETS


@dataclasses.dataclass(frozen=True)
class Plan:
    """The recipe of a training.

    Args:
      preset: of the model.
      seed: of all random numbers.
      config: arguments of `CVAE`.
      training: numbers of the recipe.
      prior_options: arguments of `prior_from_fits`.
      checkpoint_every: epochs of the pre-training between checkpoints.
    """

    preset: str
    seed: int
    config: Mapping
    training: Mapping
    prior_options: Mapping
    checkpoint_every: int

    @classmethod
    def of(cls, preset, seed, changes, training, prior_options, checkpoint_every) -> "Plan":
        """Returns the recipe of a preset with changes; arguments as in `train_in_vivo`."""
        names = [name for name, each in CVAE_PRESETS.items() if each["training"]["source"] == "measured"]
        chosen = CVAE_PRESETS[check_choice("preset", preset, names)]
        recipe, changed = chosen["training"], dict(training or {})
        unknown = [
            *(name for name in changed if name not in recipe),
            *(name for name in changed.get("fine_tuning", {}) if name not in recipe["fine_tuning"]),
        ]
        if unknown:
            raise ValueError(
                f"`training` must have names of the recipe. Expected some of: {', '.join(recipe)}; in `fine_tuning`: "
                f"{', '.join(recipe['fine_tuning'])}. Received: {', '.join(unknown)}."
            )
        tuning = {**recipe["fine_tuning"], **changed.pop("fine_tuning", {})}
        config = {**chosen["config"], **(changes or {})}
        recipe = {**recipe, **changed, "fine_tuning": tuning}
        return cls(preset, seed, config, recipe, dict(prior_options or {}), checkpoint_every)

    def settings(self) -> dict:
        """Returns the settings of the run, as plain data."""
        recipe = {name: value for name, value in self.training.items() if name != "config"}
        return {
            "preset": self.preset,
            "model": dict(self.config),
            "training": recipe,
            "prior_options": dict(self.prior_options),
            "seed": self.seed,
        }
