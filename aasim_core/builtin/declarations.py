"""The core's own declarations, in the same form as a plugin's: records, jobs, resources and checks."""

from typing import TYPE_CHECKING

from ..access.records import RECORDS as ACCESS
from ..catalog import plugins as installed
from ..catalog.event_types import EventTypes
from ..catalog.part_list import Parts
from ..data.installation import RECORDS as INSTALLATION
from ..data.records import Row
from ..error_codes import CORE_CODES
from ..events.chain import erasing, restarting
from ..events.chain.anchors import EventAnchor
from ..events.chain.entries import ChainEntry
from ..events.chain.sealing import SealingWalk
from ..events.declarations import Event
from ..events.records import EventRow
from ..http import denial_log
from ..identity import administrators
from ..identity.records import RECORDS as IDENTITY
from ..jobs.pruning import core_jobs
from ..jobs.records import RECORDS as JOBS
from ..key_rotation.records import RECORDS as KEYS
from ..key_rotation.resealing import resealing_job
from ..plugins import Declarations
from ..processes import RECORDS as PROCESSES
from ..schemas.fields import Id, Integer
from ..serving.idempotency import Idempotency, pruning_job
from ..tenancy.records import RECORDS as TENANCY
from .api_reference import Documentation
from .event_jobs import delivery_job, sealing_job
from .health import Health, core_checks

if TYPE_CHECKING:
    from ..app import App

LOG: tuple[type[Row], ...] = (EventRow, ChainEntry, EventAnchor, SealingWalk)
MODELS: tuple[type[Row], ...] = (*TENANCY, *IDENTITY, *ACCESS, *LOG, *JOBS, *PROCESSES, *INSTALLATION, Idempotency, *KEYS)
#: Events emitted by modules that cannot import the schema fields.
EVENTS = (
    Event(
        administrators.RESET,
        "An operator set an administrator's password",
        "user",
        {"sessions": Integer(0, required=True, description="How many sessions ended.")},
    ),
    Event(
        restarting.RESTARTED,
        "An operator restarted the chain of the organization's events",
        "organization",
        {"after": Integer(0, required=True, description="The last event that is no longer vouched for.")},
    ),
    Event(
        erasing.ERASED,
        "Names and addresses of somebody were erased from the log of the organization",
        "organization",
        {
            "user_id": Id("user", required=True, description="Whose they were."),
            "events": Integer(1, required=True, description="How many events lost some."),
        },
    ),
)


def core_declarations(app: "App") -> Declarations:
    """Return everything that exists without any plugin."""
    return Declarations(
        models=MODELS,
        permissions=installed.PERMISSIONS,
        events=(*installed.EVENTS, *denial_log.EVENTS, *EVENTS),
        error_codes=tuple(CORE_CODES.values()),
        jobs=(delivery_job(app), sealing_job(app), pruning_job(), resealing_job(app), *core_jobs()),
        routes=(
            Health(app),
            installed.InstalledPlugins(app),
            installed.PluginDetails(app),
            Parts(app),
            EventTypes(app),
            Documentation(app),
        ),
        checks=tuple(core_checks(app)),
    )
