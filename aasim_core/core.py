"""What the core itself declares, in the same terms as a plugin: records, jobs, resources and checks."""

from typing import TYPE_CHECKING

from .access.records import RECORDS as ACCESS
from .data.records import Row
from .events import restarting
from .events.anchors import EventAnchor
from .events.delivery import delivery_job
from .events.log import EventRow
from .events.sealing import sealing_job
from .http import installed, refusals
from .http.documentation import Documentation
from .http.health import Health, core_checks
from .http.idempotency import Idempotency, pruning_job
from .identity.records import RECORDS as IDENTITY
from .jobs.housekeeping import core_jobs
from .jobs.records import RECORDS as JOBS
from .plugins import Declarations
from .secrets.records import RECORDS as KEYS
from .secrets.resealing import resealing_job

if TYPE_CHECKING:
    from .app import App

MODELS: tuple[type[Row], ...] = (*IDENTITY, *ACCESS, EventRow, EventAnchor, *JOBS, Idempotency, *KEYS)


def core_declarations(app: "App") -> Declarations:
    """Everything that is there without any plugin."""
    return Declarations(
        models=MODELS,
        permissions=installed.PERMISSIONS,
        events=(*installed.EVENTS, *refusals.EVENTS, *restarting.EVENTS),
        jobs=(delivery_job(app), sealing_job(app), pruning_job(), resealing_job(app), *core_jobs(app)),
        routes=(Health(app), installed.InstalledPlugins(app), Documentation(app)),
        checks=tuple(core_checks(app)),
    )
