"""Basis sets: the signals of pure metabolites."""

from mrs_keras.basis.basis import Basis, default_basis
from mrs_keras.basis.basis_for import basis_for
from mrs_keras.basis.check import BasisCheck, check_basis
from mrs_keras.basis.describe import describe_basis
from mrs_keras.basis.macromolecules import BROAD_SIGNALS, add_broad_signals, simulate_broad_signals
from mrs_keras.basis.read import FORMATS, read_basis
from mrs_keras.basis.spin_groups import Partner, SpinGroup, SpinSystem
from mrs_keras.basis.spin_simulation import simulate_basis, simulate_fid, simulate_press
from mrs_keras.basis.spin_systems import LITERATURE_SPIN_SYSTEMS, SPIN_SYSTEMS, spin_system

__all__ = [
    "BROAD_SIGNALS",
    "FORMATS",
    "LITERATURE_SPIN_SYSTEMS",
    "SPIN_SYSTEMS",
    "Basis",
    "BasisCheck",
    "Partner",
    "SpinGroup",
    "SpinSystem",
    "add_broad_signals",
    "basis_for",
    "check_basis",
    "default_basis",
    "describe_basis",
    "read_basis",
    "simulate_basis",
    "simulate_broad_signals",
    "simulate_fid",
    "simulate_press",
    "spin_system",
]
