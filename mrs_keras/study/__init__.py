"""Studies: questions that take many trainings or splits to answer."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "criteria": ["Criterion"],
        "cross_validation": ["CrossValidation", "Generator", "SplitResult", "StudiedGenerator", "TrainedGenerator"],
        "enrichment.noisy_task": ["write_noisy_scans"],
        "enrichment.study": ["study_enrichment"],
        "realism": ["study_realism"],
        "splits": ["Split", "splits_by_site", "splits_by_subject"],
        "trained_models": ["model_generator", "trained_generator"],
        "verdicts": ["Verdict", "verdicts_on"],
    },
)
