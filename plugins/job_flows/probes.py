"""Probes of how job flows use what can be started, for the contract suite."""

from secrets import token_hex
from typing import Any

from aasim_core.clock import now
from aasim_core.data.records import create
from aasim_core.ids import new_id
from aasim_core.testing.switched_off import Probe, Probes, Trial, Use, told

from .models import MANUAL, JobFlow

_TRIGGER = {"type": MANUAL}


def _choosing(trial: Trial) -> Use:
    """A flow is to start something of the type, which does not exist."""
    target = {"type": trial.name, "id": new_id("probe")}
    body = {"name": f"Probe {token_hex(4)}", "target": target, "trigger": _TRIGGER, "input": {}}
    return lambda: told(trial.person.client.post("/job-flows", body))


def _firing(trial: Trial) -> Use:
    """A flow that was to start something is triggered."""
    target: dict[str, Any] = {"target_type": trial.name, "target_id": new_id("probe"), "target_label": "Probe"}
    about = {"owner_id": trial.person.user_id, "misfire": {"policy": "skip"}, "treated_until": now()}
    with trial.writing():
        flow = create(JobFlow, name=f"Probe {token_hex(4)}", trigger=_TRIGGER, input={}, **target, **about)
    return lambda: told(trial.person.client.post(f"/job-flows/{flow.id}/trigger", {}))


PROBES: Probes = {
    "startables": (
        Probe(_choosing, says="The plugin {plugin}, which brings the type"),
        Probe(_firing, says="The plugin {plugin}, which brings the type"),
    )
}
