"""Probes of gauges, for the contract suite."""

from aasim_core.testing.switched_off import Everywhere, Probes

PROBES: Probes = {"gauges": (Everywhere("they are about the whole installation, and reveal nothing of a single organization"),)}
