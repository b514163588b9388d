"""The endpoints of engines."""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Refused, Request, Response, emit, operation
from aasim_core.clock import now, to_text
from aasim_core.context import current_organization
from aasim_core.data import records
from aasim_core.data.conditions import Condition
from aasim_core.ids import new_id
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived
from aasim_core.resources.haltable import Halting
from aasim_core.secrets import Secret
from aasim_core.tenancy import epoch

from . import schemas, service
from .built_in import ensure_built_in, write
from .chat import EngineError, Message
from .checking import checked
from .health import circuit
from .models import ACTIVE, DEGRADED, Engine
from .providers import default_provider
from .usage.metering import Payer

if TYPE_CHECKING:
    from aasim_core import App

_TEST = (Message("user", "Say hello in one short sentence."),)
_TEST_SECONDS = 30
_READ = "engines:read"


class Engines(Halting, Collection):
    """Engines: the models that agents run on."""

    record = Engine
    events = "engines"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/engines",
        "one": "/engines/{engine_id}",
        "test": "/engines/{engine_id}/test",
        "halt": "/engines/{engine_id}/halt",
        "resume": "/engines/{engine_id}/resume",
    }
    body = schemas.EngineIn()
    reply = schemas.EngineOut()
    test_reply = schemas.TestOut()
    unique = ("name",)
    permissions: ClassVar[Mapping[str, str]] = dict.fromkeys(("create", "update", "delete"), "manage")
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "create": {"summary": "Create {one}: a provider's model, with its API key."},
        "replace": {"summary": "Replace {one}. Omitted fields return to their defaults, and an omitted key is deleted."},
        "delete": {"summary": "Delete {one}. A built-in one can only be disabled."},
    }
    secret_fields = ("api_key",)
    query = ListQuery(
        schemas.EngineOut(),
        filters=("name", "provider", "model", "status", "kind", "created_at", "updated_at"),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "model"),
    )

    def __init__(self, app: "App") -> None:
        self.derived = {  # type: ignore[misc]  # one of them asks the app
            "has_api_key": Derived(("api_key",), lambda row: row["api_key"] is not None),
            "built_in": Derived(("built_in_of",), lambda row: row["built_in_of"] is not None),
            "health": Derived(("health", "status"), circuit.shown),
            "is_default": Derived(("built_in_of",), self._is_default),
        }
        super().__init__(app)

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """Holders of the permission at any node see all engines, because runs anywhere may use one of them."""
        return req.rights.has_anywhere(permission) if permission == _READ else super().allows(req, permission, target)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return []

    @operation("read", query="query", reply="reply", many=True, reach="rows", message="{plural} listed.")
    def on_get(self, req: Request, resp: Response, **ids: str) -> None:
        """List the {plural} of the organization, including the built-in ones."""
        ensure_built_in(self.app)
        resp.media = self.page(req)

    @operation("manage", reply="test_reply", transaction=False, message="{singular} tested.", refusals=("budget_exceeded",))
    def on_post_test(self, req: Request, resp: Response, engine_id: str) -> None:
        """Test an {singular} with one short request, and report the result."""
        resp.media = self._test(req.target, Payer(api_key_id=req.principal.api_key_id, initiator_id=req.principal.user_id))

    def check(self, req: Request, values: dict[str, Any], record: Engine | None = None) -> dict[str, Any]:
        """Return the completed values, with the key sealed for the engine's row."""
        values = checked(self.app, values, record)
        if record is None:
            values["id"] = new_id("engine")
        if values.get("api_key") is not None:
            row = Engine(id=record.id if record is not None else values["id"])
            values["api_key"] = self.app.keyring.seal(
                Secret(values["api_key"]), Engine.api_key.place(row.id, row.organization_id)
            )
        return values

    def create(self, req: Request, values: dict[str, Any]) -> Engine:
        """Write a new engine and its event."""
        return write(values)

    def change(self, req: Request, record: Engine, values: dict[str, Any]) -> Engine:
        """Write changed values, and the event; a changed connection resets the engine's health."""
        anew = circuit.is_new_start(record, values)
        if anew and record.status == DEGRADED:
            values = {"status": ACTIVE, **values}
        epoch.bump(current_organization())  # first, to serialize concurrent changes; `finding` caches engines
        super().change(req, record, values)
        if anew:
            circuit.forget(record)
        return record

    def switching(self, target: Engine) -> None:
        """A halt or its end acts on the next call."""
        epoch.bump(current_organization())

    def remove(self, req: Request, record: Engine) -> None:
        """Delete an engine of the organization, unless something depends on it."""
        if record.built_in_of is not None:
            raise Refused("invalid_state", "A built-in engine cannot be deleted; set its status to disabled.")
        self.refuse_in_use(record)
        epoch.bump(current_organization())
        super().remove(req, record)

    def _is_default(self, row: Mapping[str, Any]) -> bool:
        return row["built_in_of"] is not None and row["built_in_of"] == default_provider(self.app)

    def _test(self, engine: Engine, payer: Payer) -> dict[str, Any]:
        began = time.monotonic()
        outcome: dict[str, Any] = dict.fromkeys(("text", "model", "input_tokens", "output_tokens", "cost", "currency", "error"))
        try:
            answer = service.ask_one(
                self.app, engine, _TEST, layers=({"max_output_tokens": 24},), timeout_seconds=_TEST_SECONDS, payer=payer
            )
            usage = answer.reply.usage
            outcome |= {"text": answer.reply.text[:2000], "model": answer.reply.raw_model, "cost": answer.cost}
            outcome["currency"] = answer.currency
            outcome |= {"input_tokens": usage.input_tokens, "output_tokens": usage.output_tokens}
        except EngineError as error:
            outcome["error"] = {"code": error.code, "message": error.message, "retryable": error.retryable}
        outcome |= {"ok": outcome["error"] is None, "duration_ms": round((time.monotonic() - began) * 1000)}
        self._remember(engine, outcome)
        return outcome

    def _remember(self, engine: Engine, outcome: Mapping[str, Any]) -> None:
        """Store the test's result."""
        kept = {
            "ok": outcome["ok"],
            "occurred_at": to_text(now()),
            "error": outcome["error"],
            "duration_ms": outcome["duration_ms"],
        }
        with records.database_of(Engine).transaction():
            circuit.remember_test(engine, kept)
            emit("engines.tested", engine, data={"ok": outcome["ok"]})
