"""Basis sets: the signals of pure metabolites."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "aliases": ["METABOLITE_ALIASES"],
        "basis": ["Basis"],
        "check": ["BasisCheck", "check_basis"],
        "default": ["basis_for", "default_basis"],
        "describe": ["describe_basis"],
        "formats.detect": ["FORMATS"],
        "macromolecules": ["BROAD_SIGNALS", "add_broad_signals", "simulate_broad_signals"],
        "match": ["match_acquisition"],
        "read": ["read_basis"],
        "spins.groups": ["Partner", "SpinGroup", "SpinSystem"],
        "spins.simulation": ["simulate_basis", "simulate_fid", "simulate_press"],
        "spins.systems": ["LITERATURE_SPIN_SYSTEMS", "SPIN_SYSTEMS", "spin_system"],
    },
)
