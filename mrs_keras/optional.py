"""Checks that optional packages are installed."""

import importlib.util


def check_nifti_mrs_installed() -> None:
    """Raises `ModuleNotFoundError` unless the package nifti-mrs is installed."""
    if importlib.util.find_spec("nifti_mrs") is None:
        raise ModuleNotFoundError(
            "NIfTI-MRS files need the package nifti-mrs. Expected: the module `nifti_mrs` in this Python "
            'environment. Received: none. Install it with the extra `nifti`: `pip install ".[nifti]"` in a checkout, '
            'or `pip install "nifti-mrs>=1.4"`.'
        )


def check_spec2nii_installed() -> None:
    """Raises `ModuleNotFoundError` unless the package spec2nii is installed."""
    if importlib.util.find_spec("spec2nii") is None:
        raise ModuleNotFoundError(
            "Scans in the formats of vendors (SDAT/SPAR, RDA, ...) need the package spec2nii. Expected: the module "
            "`spec2nii` in this Python environment. Received: none. Install it with the extra `vendors`: "
            '`pip install ".[vendors]"` in a checkout, or `pip install "spec2nii>=0.8.6"`. Or convert the scans to '
            "NIfTI-MRS elsewhere."
        )
