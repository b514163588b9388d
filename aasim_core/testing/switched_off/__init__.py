"""Probes of how plugins use what others bring for their hooks, for the tests of organizations that have a plugin off."""

from .probes import Everywhere, Probe, Probes, Trial, Use, told

__all__ = ["Everywhere", "Probe", "Probes", "Trial", "Use", "told"]
