"""Probes of how the dashboard uses cards, for the contract suite."""

from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told


def _shown(trial: Trial) -> Use:
    return lambda: told(trial.person.client.get(f"/organizations/{trial.person.organization_id}/dashboard"))


PROBES: Probes = {"dashboard_cards": (Probe(_shown),)}
