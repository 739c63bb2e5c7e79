"""Simulation of the signals of spin systems."""
