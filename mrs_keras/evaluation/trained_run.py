"""The data of a trained model."""

from mrs_keras.models import CVAE


def check_same_data(model: CVAE, metadata: dict) -> None:
    """Raises `ValueError` where a dataset is not of the model's metabolites and acquisition."""
    ours = {"metabolites": list(model.metabolites), "acquisition": model.acquisition.to_dict()}
    theirs = {name: metadata[name] for name in ours}
    if ours != theirs:
        raise ValueError(
            "The dataset must be of the model's metabolites, in their order, and of its acquisition. "
            f"Expected: {ours}. Received: {theirs}. Give the dataset that the model was trained on, with `config`."
        )
