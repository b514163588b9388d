"""Whether this process lives, whether it should get requests, and what exactly is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ..context import system_scope
from ..errors import Refused
from .fields import Boolean, Choice, Json
from .operations import PUBLIC, SELF, Resource, operation
from .request import Request, Response
from .schema import Schema

if TYPE_CHECKING:
    from ..app import App


@dataclass(frozen=True)
class Check:
    """A named question about what the platform depends on; `ask` returns facts, and raises when something is wrong.

    A `critical` check takes this process out of service while it fails.
    """

    name: str
    ask: Callable[[], Mapping[str, Any] | None]
    critical: bool = False


class StatusOut(Schema):
    """One word about the process."""

    status = Choice("live", "ready", required=True)


class HealthOut(Schema):
    """Every check with its outcome, and every plugin with its state."""

    ok = Boolean(required=True)
    checks = Json(object_only=True, required=True)
    plugins = Json(object_only=True, required=True)


STATUS, HEALTH = StatusOut(), HealthOut()


class Health(Resource):
    """The health of this process."""

    paths: ClassVar[Mapping[str, str]] = {"live": "/health/live", "ready": "/health/ready", "deep": "/health/deep"}

    def __init__(self, app: "App") -> None:
        self._app = app

    # A balancer asks often, from one network, and takes a 429 for a process that is down.

    @operation(PUBLIC, reply=STATUS, unlimited=True, message="The process is alive.")
    def on_get_live(self, req: Request, resp: Response) -> None:
        """Whether the process answers at all."""
        resp.media = {"status": "live"}

    @operation(PUBLIC, reply=STATUS, unlimited=True, message="The process is ready.", refusals=("unavailable",))
    def on_get_ready(self, req: Request, resp: Response) -> None:
        """Whether the process should get requests: not draining, the database writable and migrated."""
        failed = [name for name, outcome in self._outcomes(critical_only=True).items() if not outcome["ok"]]
        if failed:
            raise Refused("unavailable", "This process is not ready.", meta={"failed": failed}, retry_after=5)
        resp.media = {"status": "ready"}

    @operation(SELF, reply=HEALTH, message="Health in detail.")
    def on_get_deep(self, req: Request, resp: Response) -> None:
        """Every check by name, for platform administrators."""
        if not req.principal.is_platform_admin:
            raise Refused("permission_denied", "Only a platform administrator may see this.")
        outcomes = self._outcomes(critical_only=False)
        plugins = {plugin.name: plugin.state for plugin in self._app.plugins.found}
        resp.media = {"ok": all(outcome["ok"] for outcome in outcomes.values()), "checks": outcomes, "plugins": plugins}

    def _outcomes(self, *, critical_only: bool) -> dict[str, dict[str, Any]]:
        return {check.name: _outcome(check) for check in self._app.checks if check.critical or not critical_only}


def _outcome(check: Check) -> dict[str, Any]:
    try:
        with system_scope("health check"):
            return {"ok": True, **(check.ask() or {})}
    except Exception as error:  # noqa: BLE001 - a check that fails in any way has failed
        return {"ok": False, "problem": type(error).__name__}


def core_checks(app: "App") -> list[Check]:
    """The checks of the core: that this process is not draining, and that the database takes writes and is up to date."""
    return [
        Check("accepting", lambda: _refuse_draining(app), critical=True),
        Check("database", lambda: _probe(app), critical=True),
    ]


def _refuse_draining(app: "App") -> None:
    if app.draining.is_set():
        raise Refused("unavailable", "draining")


def _probe(app: "App") -> None:
    from ..data.migrations import refuse_pending

    with app.database.transaction():
        app.database.execute_sql("DELETE FROM core_migration WHERE name = ''")
    refuse_pending(app.database, app.migration_sources)
