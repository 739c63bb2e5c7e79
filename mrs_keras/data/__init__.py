"""Batches for a model, from the TFDS dataset or simulated on the fly."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "dataset": ["build_dataset", "describe_dataset", "load_arrays", "open_dataset", "split_of"],
        "description": ["DatasetDescription"],
        "endless": ["simulated", "simulated_batch"],
        "label_columns": ["LabelColumns"],
        "pipeline": ["evaluation_batches", "training_batches"],
    },
)
