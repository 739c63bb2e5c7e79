"""Measured spectra: from scans on disk to processed spectra with noise, quality and labels."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "example": ["write_example"],
        "examples": ["NUMBERS", "MeasuredExamples", "process_folder"],
        "folder": ["ScanFile", "find_scans"],
        "folder_check": ["FolderCheck", "check_folder", "check_replaceable"],
        "label_sums": ["DEFAULT_LABEL_NAMES", "LabelValues", "labels_of"],
        "label_worth": ["agreement", "conditioning_worth"],
        "label_tables": ["LabelTable", "read_label_table"],
        "one_file": ["process_file"],
        "processed_scan": ["ProcessedScan", "Stage"],
        "processing": ["STEPS", "process_scan", "step_list"],
        "read_scan": ["read_scans"],
        "recipe": ["MeasuredRecipe"],
        "scan": ["Scan"],
        "splits": ["split_subjects"],
    },
)
