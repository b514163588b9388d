"""Probes of how engines use providers and meters, for the contract suite."""

from dataclasses import asdict
from secrets import token_hex

from aasim_core.data.records import create
from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from .chat import Capabilities
from .models import Engine

#: Nothing answers there.
_NOWHERE = "http://127.0.0.1:9"


def _tested(trial: Trial, engine_id: str) -> Use:
    return lambda: told(trial.person.client.post(f"/engines/{engine_id}/test"))


def _of_provider(trial: Trial) -> Use:
    """An engine of the provider is tested."""
    facts = {"capabilities": asdict(Capabilities()), "base_url": _NOWHERE, "provider": trial.name, "model": "probe"}
    with trial.writing():
        return _tested(trial, create(Engine, name=f"Probe {token_hex(4)}", **facts).id)


def _metered(trial: Trial) -> Use:
    """An engine that answers by itself is tested."""
    return _tested(trial, trial.person.client.get("/engines?provider=scripted").data["items"][0]["id"])


PROBES: Probes = {
    "engine_providers": (Probe(_of_provider, says="the plugin {plugin}, which provides"),),
    "meters": (Probe(_metered),),
}
