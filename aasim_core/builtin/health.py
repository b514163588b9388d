"""Health: liveness, readiness, and details of every check."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from shutil import disk_usage
from typing import TYPE_CHECKING, Any, ClassVar

from .. import processes
from ..clock import now, to_text
from ..context import system_scope
from ..data.installation import held_since
from ..errors import Refused
from ..http.operations import PUBLIC, SELF, Resource, operation
from ..http.request import Request, Response
from ..jobs.administration import oldest_ready, ready_of_others
from ..plugins.checks import Check, Unwell
from ..schemas.fields import Boolean, Choice, Json
from ..schemas.schema import Schema

if TYPE_CHECKING:
    from ..app import App

#: Free disk space below which the operator is warned.
_LEAST_FREE_BYTES = 100 * 1024 * 1024
_MOST_SKEW_MS = 2_000
#: A job that could be done and waits longer than this is one of many, or of a kind that no worker knows.
_LONGEST_WAIT_SECONDS = 15 * 60


class StatusOut(Schema):
    """The status of the process in one word."""

    status = Choice("live", "ready", required=True)


class HealthOut(Schema):
    """Every check with its result, and every plugin with its state."""

    ok = Boolean(required=True)
    checks = Json(object_only=True, required=True)
    plugins = Json(object_only=True, required=True)


STATUS, HEALTH = StatusOut(), HealthOut()


class Health(Resource):
    """The health of this process."""

    paths: ClassVar[Mapping[str, str]] = {"live": "/health/live", "ready": "/health/ready", "deep": "/health/deep"}

    def __init__(self, app: "App") -> None:
        self._app = app

    # Load balancers poll often, from one network, and treat a 429 as a process that is down.

    @operation(PUBLIC, reply=STATUS, unlimited=True, on_database=False, message="The process is alive.")
    def on_get_live(self, req: Request, resp: Response) -> None:
        """Return whether the process is alive."""
        resp.media = {"status": "live"}

    @operation(
        PUBLIC, reply=STATUS, unlimited=True, on_database=False, message="The process is ready.", refusals=("unavailable",)
    )
    def on_get_ready(self, req: Request, resp: Response) -> None:
        """Return whether the process accepts requests: not draining, database writable and migrated."""
        failed = [name for name, outcome in self._outcomes(critical_only=True).items() if not outcome["ok"]]
        if failed:
            raise Refused("unavailable", "This process is not ready.", meta={"failed": failed}, retry_after=5)
        resp.media = {"status": "ready"}

    @operation(SELF, reply=HEALTH, message="Health in detail.")
    def on_get_deep(self, req: Request, resp: Response) -> None:
        """Return every check by name, for platform administrators."""
        if not req.principal.is_platform_admin:
            raise Refused("permission_denied", "Only a platform administrator may see this.")
        outcomes = self._outcomes(critical_only=False)
        plugins = {plugin.name: plugin.state for plugin in self._app.plugins.found}
        resp.media = {"ok": all(outcome["ok"] for outcome in outcomes.values()), "checks": outcomes, "plugins": plugins}

    def _outcomes(self, *, critical_only: bool) -> dict[str, dict[str, Any]]:
        checks = [check for check in self._app.checks if check.critical or not critical_only]
        return {check.name: _outcome(self._app, check) for check in checks}


def _outcome(app: "App", check: Check) -> dict[str, Any]:
    try:
        return {"ok": True, **facts_of(app.database.connected, check)}
    except Unwell as unwell:
        return {"ok": False, "problem": str(unwell), **unwell.facts}
    except Exception as error:  # noqa: BLE001 - a check that fails in any way has failed
        return {"ok": False, "problem": type(error).__name__}


def facts_of(connected: Callable[[], AbstractContextManager[object]], check: Check) -> Mapping[str, Any]:
    """Ask the check, `connected` if it wants that; raises what it raises."""
    with connected() if check.on_database else nullcontext(), system_scope("health check"):
        return check.ask() or {}


def core_checks(app: "App") -> list[Check]:
    """Return the core's checks: not draining, database writable, disk space, clocks that agree, not held, and workers running the jobs."""
    return [
        Check("accepting", lambda: _refuse_draining(app), critical=True, on_database=False, of_process=True),
        Check("database", lambda: _probe(app), critical=True, of_process=True),
        Check("disk", lambda: _room(app), on_database=False),
        Check("clock_of_database", lambda: _skew(app)),
        Check("held", _refuse_held),
        Check("workers", lambda: _workers(app)),
        Check("jobs", lambda: _waiting(app)),
    ]


def _refuse_draining(app: "App") -> None:
    if app.draining.is_set():
        raise Refused("unavailable", "draining")


def _refuse_held() -> None:
    if (since := held_since()) is not None:
        told = to_text(since)
        raise Unwell(f"held since {told}: no job runs, and no call or mail leaves; to end that, run: aasim resume", since=told)


def _probe(app: "App") -> None:
    """Write something that changes a row: a write without effect needs no disk space."""
    from ..data.migrator.runner import refuse_pending

    app.process.beat()
    refuse_pending(app.database, app.migration_sources)


def _room(app: "App") -> Mapping[str, Any]:
    free = disk_usage(app.settings.data_dir).free
    if free < _LEAST_FREE_BYTES:
        raise Unwell("the disk of the data folder is nearly full; make room before writes fail", free_bytes=free)
    return {"free_bytes": free}


def _skew(app: "App") -> Mapping[str, Any]:
    """The database's clock decides what is due, and that of this machine what has expired."""
    skew = round((now() - app.database.time()).total_seconds() * 1000)
    if abs(skew) > _MOST_SKEW_MS:
        raise Unwell("The clock of this machine and that of the database differ by more than 2 seconds; set them.", skew_ms=skew)
    return {"skew_ms": skew}


def _workers(app: "App") -> Mapping[str, Any]:
    alive = [found.row for found in processes.seen(app.database) if found.row.kind == processes.WORKER and found.is_alive]
    if not alive:
        raise Unwell("no worker is alive, so that runs, events and mails wait; start one: aasim worker", count=0)
    return {"count": len(alive), "threads": sum(row.threads for row in alive), "busy": sum(row.busy for row in alive)}


def _waiting(app: "App") -> Mapping[str, Any]:
    """Return the wait of the oldest ready job, and the number of jobs that wait for a worker of another version."""
    oldest = oldest_ready()
    seconds = None if oldest is None else max(0, round((now() - oldest).total_seconds()))
    facts = {"oldest_ready_seconds": seconds, "unknown": ready_of_others(list(app.jobs))}
    if (seconds or 0) > _LONGEST_WAIT_SECONDS:
        raise Unwell(
            "a job waits for long that could be done; start more workers, or see: aasim jobs list --state queued", **facts
        )
    return facts
