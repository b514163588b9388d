"""Probes of how executions use runners, for the contract suite."""

from aasim_core.errors import Refused
from aasim_core.testing.switched_off import Everywhere, Probe, Probes, Trial, Use

from . import service


def _start(trial: Trial) -> str:
    """Start a run of nothing; what else than a refusal a runner makes of that is no matter."""
    try:
        with trial.writing():
            service.start(trial.app, trial.name, None, label="Probe", initiator_id=trial.person.user_id)
    except Refused as refused:
        return f"{refused.code}: {refused.message}"
    except Exception as error:  # noqa: BLE001
        return str(error)
    return "started"


def _run(trial: Trial) -> Use:
    """One run is in the queue where its runner accepts it, and another one is to be started."""
    _start(trial)

    def use() -> str:
        trial.work_off()
        return _start(trial)

    return use


PROBES: Probes = {
    "runners": (Probe(_run, says="The plugin {plugin}, which brings this run, is off"),),
    "keepers": (Everywhere("what a plugin has stored about a run is deleted with the run"),),
}
