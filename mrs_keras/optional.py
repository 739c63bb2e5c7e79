"""Checks that optional packages are installed."""

import importlib.util


def check_nifti_mrs_installed() -> None:
    """Raises `ModuleNotFoundError` unless the package nifti-mrs is installed."""
    _check_installed("nifti_mrs", "NIfTI-MRS files need the package nifti-mrs", "nifti", "nifti-mrs>=1.4")


def check_spec2nii_installed() -> None:
    """Raises `ModuleNotFoundError` unless the package spec2nii is installed."""
    needed = "Scans in the formats of vendors (SDAT/SPAR, RDA, ...) need the package spec2nii"
    otherwise = " Or convert the scans to NIfTI-MRS elsewhere."
    _check_installed("spec2nii", needed, "vendors", "spec2nii>=0.8.6", otherwise)


def check_keras_tuner_installed() -> None:
    """Raises `ModuleNotFoundError` unless the package keras-tuner is installed."""
    _check_installed("keras_tuner", "The search needs the package keras-tuner", "tune", "keras-tuner>=1.4.7")


def _check_installed(module: str, needed: str, extra: str, requirement: str, otherwise: str = "") -> None:
    if importlib.util.find_spec(module) is None:
        raise ModuleNotFoundError(
            f"{needed}. Expected: the module `{module}` in this Python environment. Received: none. Install it with "
            f'the extra `{extra}`: `pip install ".[{extra}]"` in a checkout, or `pip install "{requirement}"`.'
            f"{otherwise}"
        )
