"""The endpoints of connected apps."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from aasim_core import Collection, Request, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.errors import Invalid, Problem
from aasim_core.lists.query import ListQuery
from aasim_core.lists.render_plan import Derived, Viewer
from aasim_core.resources.haltable import Halting
from aasim_core.resources.prefer_wait import wait_until

from . import checking, schemas, service
from .connecting import AppError, Connector, refusal
from .credentials import revoking
from .models import ConnectedApp
from .operations import sharing, syncing
from .registry import connectors_of

if TYPE_CHECKING:
    from aasim_core import App


class _Asked(Derived):
    """Facts about each app, read for all rows together."""

    def __init__(self, ask: Callable[[Sequence[str]], Mapping[str, Any]]) -> None:
        self._ask = ask
        super().__init__(("id",), lambda row: ask([row["id"]])[row["id"]])

    def of(self, held: Mapping[str, Sequence[Any]]) -> list[Any]:
        found = self._ask(held["id"])
        return [found[app_id] for app_id in held["id"]]


class _AskedFor(_Asked):
    """Facts about each app that depend on the caller; without a caller, there are none."""

    def __init__(self, ask: Callable[[Viewer, Sequence[str]], Mapping[str, Any]]) -> None:
        self._ask_for = ask
        super().__init__(lambda app_ids: {app_id: [] for app_id in app_ids})

    def seen_by(self, viewer: Viewer) -> Derived:
        return _Asked(partial(self._ask_for, viewer))


class ConnectedApps(Halting, Collection):
    """Connected apps: external services that agents use."""

    record = ConnectedApp
    events = "connected_apps"
    node_field = "project_id"
    paths: ClassVar[Mapping[str, str]] = {
        "": "/connected-apps",
        "one": "/connected-apps/{connected_app_id}",
        **{
            verb.replace("-", "_"): f"/connected-apps/{{connected_app_id}}/{verb}"
            for verb in (
                "authorize", "refresh-token", "revoke", "sync", "test", "confirm", "effect", "halt", "resume",
            )
        },
    }  # fmt: skip
    body = schemas.ConnectedAppIn()
    reply = schemas.ConnectedAppOut()
    test_reply = schemas.TestOut()
    authorization_reply = schemas.AuthorizationOut()
    operation_reply = schemas.OperationOut()
    confirm_body, effect_body = schemas.ConfirmIn(), schemas.EffectIn()
    unique = ("name",)
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "create": {"summary": "Connect an app: an external service, with its credentials."},
        "replace": {
            "summary": "Replace a {singular}. Omitted fields return to their defaults, and omitted credentials are deleted.",
            "refusals": ("invalid_state",),
        },
        "update": {
            "summary": "Change fields of a {singular}. config and credentials are replaced as a whole.",
            "refusals": ("invalid_state",),
        },
        "delete": {"summary": "Delete a {singular} that no agent uses, with its secret and its log.", "refusals": ("in_use",)},
    }
    secret_fields = ("secret",)
    query = ListQuery(
        schemas.ConnectedAppOut(),
        filters=(
            "name", "provider", "auth_type", "status", "project_id", "expires_at", "last_used_at", "created_at", "updated_at",
        ),
        sorts=("created_at", "updated_at", "name"),
        search=("name", "description"),
    )  # fmt: skip

    def __init__(self, app: "App") -> None:
        self.derived = {  # type: ignore[misc]  # two of them ask the app
            "has_credentials": Derived(("secret",), lambda row: row["secret"] is not None),
            "used_by": _AskedFor(self._used_by),
            "used_by_count": _Asked(self._used_by_count),
        }
        super().__init__(app)

    # An app is for its project or the whole organization, and for those with whom it is shared.

    def allows(self, req: Request, permission: str, target: Any) -> bool:
        """The permission at its node, or through a share."""
        return sharing.allows(req.rights, permission, target, req.principal.user_id)

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists."""
        return sharing.reach(req.rights, req.principal.user_id)

    def check(self, req: Request, values: dict[str, Any], record: ConnectedApp | None = None) -> dict[str, Any]:
        """The connector must accept the values, and the address must be allowed for apps."""
        try:
            self._check_connection(values, record)
        except AppError as error:
            raise refusal(error) from error
        if "shared_with" in values:
            sharing.refuse_strangers(req.rights, values["shared_with"])
        project_id = values.get("project_id")
        if project_id is not None and not sharing.is_place(req.rights, sharing.READ, project_id):
            raise Invalid({"project_id": [Problem("invalid_reference", "There is no such project.")]})
        return values

    def _check_connection(self, values: dict[str, Any], record: ConnectedApp | None) -> None:
        connector = checking.connector_for(self.app, values, record)
        auth_type = values["auth_type"] if record is None else record.auth_type
        if "config" in values:
            checking.refuse_bad_config(self.app, connector, values["config"], auth_type)
            syncing.refuse_bad_operations(connector.operations(values["config"]))
        if record is not None:
            checking.refuse_to_move_secrets(connector, values, record)
        if "credentials" in values:
            values["credentials"] = values["credentials"] or {}
            checking.refuse_bad_credentials(connector, values["credentials"], auth_type)

    def create(self, req: Request, values: dict[str, Any]) -> ConnectedApp:
        """Write the app, with its secret sealed, and its operations."""
        return service.create(self.app, values, self._connector(values["provider"]))

    def change(self, req: Request, record: ConnectedApp, values: dict[str, Any]) -> ConnectedApp:
        """Write changed values; new credentials reset its state."""
        return service.change(self.app, record, values, self._connector(record.provider))

    def remove(self, req: Request, record: ConnectedApp) -> None:
        """Delete an app that no agent uses."""
        ids = [record.id]
        service.remove(record, self._used_by(req, ids)[record.id], self._used_by_count(ids)[record.id])

    def _used_by(self, viewer: Viewer, app_ids: Sequence[str]) -> Mapping[str, list[dict[str, str]]]:
        if not app_ids or not self._has_agents():
            return {app_id: [] for app_id in app_ids}
        from . import with_agents

        return with_agents.used_by(app_ids, viewer.rights, viewer.principal.user_id)

    def _used_by_count(self, app_ids: Sequence[str]) -> Mapping[str, int]:
        if not app_ids or not self._has_agents():
            return dict.fromkeys(app_ids, 0)
        from . import with_agents

        return with_agents.used_by_count(app_ids)

    def _has_agents(self) -> bool:
        return self.app.plugins.is_on("agents")

    def _connector(self, provider: str) -> Connector:
        return connectors_of(self.app)[provider]

    # The verbs

    @operation(
        "update", reply="authorization_reply", message="Send the person to the address.", refusals=("invalid_state",),
        keep_seconds=60,
    )  # fmt: skip
    def on_post_authorize(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Start the authorization of an app.

        A person opens the returned address, and is sent back to the platform.
        """
        url, expires_at = service.begin_authorization(self.app, req.target, req.principal.user_id)
        resp.media = {"url": url, "expires_at": expires_at}

    @operation(
        "update",
        reply="reply",
        message="Token refreshed.",
        refusals=("invalid_state", "unavailable", "upstream_timeout"),
        transaction=False,
    )
    def on_post_refresh_token(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Refresh an app's tokens now.

        Requests within ten seconds refresh once.
        """
        resp.media = self.present(service.refresh_token(self.app, req.target))

    @operation("update", reply="reply", message="{singular} revoked.", while_archived=True, transaction=False)
    def on_post_revoke(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Revoke the access at the provider, if it supports that, and delete the secret.

        The record and its log stay.
        """
        resp.media = self.present(revoking.revoke(self.app, req.target))

    @operation("test", reply="test_reply", message="{singular} tested.", transaction=False)
    def on_post_test(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Test an app step by step: its name, its certificate, its credentials, and a call without effects."""
        outcome = service.test(self.app, req.target)
        resp.media = {"ok": outcome.error is None, "steps": outcome.steps}

    @operation(
        "sync",
        reply="reply",
        status=202,
        also=(200,),
        waits=True,
        message="The app's operations are being refreshed.",
        refusals=("invalid_state",),
    )
    def on_post_sync(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Refresh an app's operations.

        Changed operations must be confirmed before agents can use them. With ``Prefer: wait=N`` the response comes when the app has
        answered or failed; `last_error` then has the reason.
        """
        service.request_sync(req.target)
        resp.location = self.location(req.target)
        resp.set_header("Retry-After", "1")
        resp.media = self.present(req.target)
        wait_until(self, req, resp, partial(syncing.answered_since, req.target), "The app's operations were refreshed.")

    @operation("update", body="confirm_body", reply="reply", message="Operations confirmed.", refusals=("action_changed",))
    def on_post_confirm(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Allow agents to use operations in the form that you have read, by their digests."""
        syncing.confirm(req.target, req.body["digests"])
        resp.media = self.present(req.target)

    @operation("update", body="effect_body", reply="operation_reply", message="Effect set.", refusals=("action_changed",))
    def on_post_effect(self, req: Request, resp: Response, connected_app_id: str) -> None:
        """Override an operation's effect, by its digest.

        The effect decides whether approval is required.
        """
        resp.media = syncing.set_effect(req.target, **req.body)
