"""Decide whether the caller may use an operation at all, before its object is read; resolve the holder of a token."""

from typing import TYPE_CHECKING

from ..access import grants
from ..context import system_scope
from ..errors import Refused, not_found
from ..http.operations import Endpoint, lacking
from ..http.request import Request
from ..identity.authentication import admitted
from ..tenancy.principal import TokenCaller

if TYPE_CHECKING:
    from ..app import App


def permit_anywhere(app: "App", endpoint: Endpoint, req: Request) -> None:
    """Refused if not; determines the caller's rights."""
    if endpoint.operation.session_only and req.principal.kind != "user":
        raise Refused("session_required", "An API key cannot do this; log in and use the access token.")
    if endpoint.needs_caller:
        req.rights = app.rights.of(req.principal)
    if not app.features.allowed(req.caller, endpoint.plugin):
        reason = app.features.reason(req.caller, endpoint.plugin)
        raise Refused("feature_disabled", f"This feature is switched off for the organization. {reason}".rstrip())
    if endpoint.permission is not None:
        if not (req.rights.has_anywhere(endpoint.permission) or _is_for_own(endpoint, req)):
            raise lacking(endpoint.permission)
        if endpoint.needs_organization:
            req.rights.require_at(endpoint.permission, None)
    if endpoint.operation.owners_only and not grants.owns(req.principal.user_id, None):
        raise Refused("permission_denied", "This is for the owners of the organization only.")


def caller_by_token(app: "App", endpoint: Endpoint, req: Request, ids: dict[str, str]) -> TokenCaller:
    """Return the holder of the token in the path; Refused with the uniform 404 for an unknown one, and with 403 where the organization
    is suspended."""
    try:
        with system_scope("find out whose the token in a path is"):
            caller = endpoint.resource.caller(req, **ids)
            if caller is None:
                raise not_found()
            caller = admitted(caller, while_closing=endpoint.operation.while_closing)
    except Refused:
        app.limiter.check(None, req.remote_addr)  # guessing tokens is limited like requests without a credential
        raise
    app.organization_states.note_epoch(caller.organization_id, caller.authz_epoch)
    return caller


def _is_for_own(endpoint: Endpoint, req: Request) -> bool:
    """Return whether people may use the operation on their own objects without the permission; the object's check refuses the others."""
    return endpoint.operation.own_always and req.principal.kind == "user"
