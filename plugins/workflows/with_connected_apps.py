"""Requests of nodes with the credentials of connected apps, if the plugin connected_apps is enabled."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aasim_core.access.rights import Rights

from ..connected_apps import service as connected_apps
from ..connected_apps.hookspecs import AppError, HttpRequest
from ..executions.hookspecs import LOOK_AGAIN_SECONDS, ToolChanged, ToolLater, ToolUse
from .hookspecs import NodeFailed, Used

if TYPE_CHECKING:
    from aasim_core.app import App

_FIELD = "connected_app_id"
_REFUSAL = "There is no such connected app, or you may not use it; write the id of one that you may use."
#: What the failures of apps are called where those of requests without one have another name.
_CODES: Mapping[str, str] = {
    "unavailable": "connection_failed", "too_large": "output_too_large", "invalid_arguments": "invalid_request",
    "not_found": "app_not_found", "halted": "app_halted", "not_connected": "app_not_connected",
}  # fmt: skip


def used(app: "App", app_id: str, method: str, url: str) -> Used:
    """The app of a node; of a URL that is filled in later, what stands before that has to lead below the app's address."""
    if not app.features.is_here("connected_apps"):
        return Used(_FIELD, "", flaws=[(_FIELD, "feature_disabled", app.features.explain_off("connected_apps", "apps"))])
    row = connected_apps.find_or_none(app_id)
    if row is None:
        return Used(_FIELD, _REFUSAL, flaws=[(_FIELD, "invalid_reference", _REFUSAL)])

    def allowed(rights: Rights, user_id: str) -> bool:
        return connected_apps.may_use(rights, row, user_id)

    reason = None if "{{" in method else connected_apps.why_not_requested(app, row, method, _with_a_name(url))
    flaws = [] if reason is None else [(reason[0], "not_allowed", reason[1])]
    return Used(_FIELD, _REFUSAL, allowed=allowed, contract=connected_apps.request_contract_of(app, row), flaws=flaws)


def _with_a_name(url: str) -> str:
    """The URL with a name for all that is filled in."""
    known, brace, _ = url.partition("{{")
    return f"{known}x" if brace else url


def send(
    app: "App", use: ToolUse, method: str, headers: Mapping[str, str], query: Mapping[str, Any], content: bytes | None
) -> dict[str, Any]:
    """What the service answered, as ``{status, headers, body}`` without secrets; raises NodeFailed, ToolLater and ToolChanged."""
    if not app.features.is_here("connected_apps"):
        reason = app.features.explain_off("connected_apps", "the app of a request")
        raise ToolLater(reason, seconds=LOOK_AGAIN_SECONDS, missing="plugin:connected_apps")
    app_id = use.arguments[_FIELD]
    try:
        answer = connected_apps.send_request(
            app,
            app_id,
            HttpRequest(method, use.arguments["url"], headers, query, content),
            execution_id=use.execution_id,
            step=str(use.step),
            seconds_left=use.seconds_left,
            should_stop=use.should_cancel,
            contract=use.contract,
        )
    except AppError as error:
        raise _failure(error, app_id) from error
    return asdict(answer)


def _failure(error: AppError, app_id: str) -> Exception:
    message = f"{error.message[:1].upper()}{error.message[1:]}."
    if error.code == "changed":
        return ToolChanged()
    if error.code == "not_connected" and connected_apps.needs_a_person(app_id):
        return ToolLater(message, seconds=LOOK_AGAIN_SECONDS, missing=f"connected_app:{app_id}")
    return NodeFailed(_CODES.get(error.code, error.code), message, unknown=error.unknown)
