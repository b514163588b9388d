"""Use connected apps' operations as tools of runs, if the plugin executions is enabled."""

import re
from typing import TYPE_CHECKING, Any, cast

from aasim_core.access.rights import Rights
from aasim_core.text.slugs import slug_of

from ..executions.hookspecs import LOOK_AGAIN_SECONDS, Effect, Tool, ToolChanged, ToolError, ToolLater, ToolSource, ToolUse
from . import service
from .connecting import AppError

if TYPE_CHECKING:
    from aasim_core.app import App

#: How the refs of apps' operations begin.
KIND = "app"


def app_source(app: "App") -> ToolSource:
    """The tools ``app:<id of a connected app>/<operation>``."""
    about = "Operations of connected apps: app:<id of the app>/<name of the operation>."
    return ToolSource(KIND, lambda rest: _tool(app, rest), lambda use: _call(app, use), about=about)


def _tool(app: "App", rest: str) -> Tool | None:
    app_id, _, name = rest.partition("/")
    row = service.find_or_none(app_id)
    operation = service.find_operation(app_id, name) if row is not None else None
    if row is None or operation is None:
        return None

    def allowed(rights: Rights, user_id: str) -> bool:
        return service.may_use(rights, row, user_id)

    return Tool(
        _name(row.name, name),
        operation.description or f"{name} of {row.name}.",
        operation.parameters,
        allowed,
        effect=cast("Effect", operation.effect),
        idempotent=operation.idempotent,
        contract=service.contract_of(app, row, operation),
    )


def _name(app_name: str, operation: str) -> str:
    """Return the tool's name for models: it contains the app's name, so that two apps can offer operations of one name."""
    own = re.sub(r"[^A-Za-z0-9_-]", "_", operation)[:40]
    return f"{slug_of(app_name, 'app')[: 63 - len(own)]}_{own}"


def _call(app: "App", use: ToolUse) -> Any:
    app_id, _, name = use.rest.partition("/")
    try:
        return service.call_operation(
            app,
            app_id,
            name,
            use.arguments,
            idempotency_key=use.idempotency_key,
            execution_id=use.execution_id,
            step=str(use.step),
            seconds_left=use.seconds_left,
            should_stop=use.should_cancel,
            contract=use.contract,
        )
    except AppError as error:
        if error.code == "changed":
            raise ToolChanged from error
        message = f"{error.message[:1].upper()}{error.message[1:]}."
        if error.code == "not_connected" and service.needs_a_person(app_id):
            raise ToolLater(message, seconds=LOOK_AGAIN_SECONDS, missing=f"connected_app:{app_id}") from error
        raise ToolError(message, unknown=error.unknown, code=error.code) from error
