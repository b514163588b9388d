"""Probes of how connected apps use connectors, for the contract suite."""

from secrets import token_hex

from aasim_core.data.records import create
from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from .models import CONNECTED, ConnectedApp


def _tested(trial: Trial) -> Use:
    """An app of the connector, without any credentials, is tested."""
    facts = {"provider": trial.name, "auth_type": "api_key", "status": CONNECTED}
    with trial.writing():
        app_id = create(ConnectedApp, name=f"Probe {token_hex(4)}", **facts).id
    return lambda: told(trial.person.client.post(f"/connected-apps/{app_id}/test"))


PROBES: Probes = {"connectors": (Probe(_tested, says="the plugin {plugin}, which provides the connector"),)}
