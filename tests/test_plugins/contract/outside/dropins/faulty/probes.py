"""Probes of how wishes are used."""

from aasim_core.testing.switched_off import Probe


def ask(trial):
    """Says the wish, wherever its plugin is off."""
    return trial.app.offers("wishes")[trial.name].say


PROBES = {"wishes": (Probe(ask),)}
