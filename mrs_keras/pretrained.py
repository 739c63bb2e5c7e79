"""Location of the pretrained models: inside the package if installed from a wheel, beside it in a checkout."""

from pathlib import Path

from mrs_keras.run_folder import MODEL_FILE, SAVED_MODELS

KERAS_FILES = {"base": "base.keras", "brain": f"brain/{MODEL_FILE}"}
"""Preset of a pretrained model -> its file in the folder; `brain` is the folder of its training."""


def pretrained_dir() -> Path:
    """Returns the folder of the pretrained SavedModels and of `KERAS_FILES`.

    Raises:
      FileNotFoundError: if the package was installed without them.
    """
    package = Path(__file__).parent
    for folder in (package / SAVED_MODELS, package.parent / SAVED_MODELS):
        if (folder / "generator").is_dir():
            return folder
    raise FileNotFoundError(
        f"The pretrained models are not installed. Expected: the folder '{package / SAVED_MODELS}'. "
        "Install mrs_keras from a wheel or from a full checkout, or give the path of your own models."
    )


def default_saved_models() -> Path:
    """Returns `saved_models` in the working directory if it contains SavedModels, else the pretrained ones."""
    here = Path(SAVED_MODELS)
    return here if (here / "generator").is_dir() else pretrained_dir()
