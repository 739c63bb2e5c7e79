"""Studies: questions that take many trainings or splits to answer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "cross_validation": ["Generator", "SplitResult", "cross_validate"],
        "realism": ["study_realism"],
    },
)
