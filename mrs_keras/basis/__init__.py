"""Basis sets: the signals of pure metabolites."""

from mrs_keras.basis.basis import Basis, default_basis
from mrs_keras.basis.check import BasisCheck, check_basis
from mrs_keras.basis.describe import describe_basis
from mrs_keras.basis.read import FORMATS, read_basis
from mrs_keras.basis.spin_simulation import simulate_press
from mrs_keras.basis.spin_systems import SPIN_SYSTEMS, SpinGroup, spin_system

__all__ = [
    "FORMATS",
    "SPIN_SYSTEMS",
    "Basis",
    "BasisCheck",
    "SpinGroup",
    "check_basis",
    "default_basis",
    "describe_basis",
    "read_basis",
    "simulate_press",
    "spin_system",
]
