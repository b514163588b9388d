"""The endpoints of API keys."""

from collections.abc import Mapping
from typing import Any, ClassVar

from aasim_core import Collection, Refused, Request, Response, operation
from aasim_core.data.conditions import Condition
from aasim_core.identity.records import ApiKey
from aasim_core.lists.query import ListQuery
from aasim_core.secrets import Secret

from . import schemas, service
from .checking import Granters, check_change, is_service_user, require_service_user

_NOT_BY_KEY = ("session_required",)


class ApiKeys(Collection):
    """API keys: credentials of programs."""

    record = ApiKey
    events = "api_keys"
    others = service.MANAGE
    node_field = "project_id"
    view = service.VIEW
    paths: ClassVar[Mapping[str, str]] = {
        "": "/api-keys",
        "one": "/api-keys/{api_key_id}",
        "regenerate": "/api-keys/{api_key_id}/regenerate",
        "toggle": "/api-keys/{api_key_id}/toggle",
    }
    operations: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "delete": {
            "summary": "Revoke an API key for good, on its next request.",
            "message": "API key revoked.",
            "session_only": True,
            "refusals": _NOT_BY_KEY,
        }
    }
    body = schemas.ApiKeyIn()
    reply = schemas.ApiKeyOut()
    create_body = schemas.NewApiKeyIn()
    regenerate_body, toggle_body = schemas.RegenerateIn(), schemas.ToggleIn()
    shown_reply = schemas.ShownApiKeyOut()
    query = ListQuery(
        schemas.ApiKeyOut(),
        filters=(
            "name", "user_id", "status", "scopes", "project_id", "prefix", "last_four", "expires_at", "last_used_at", "created_at",
            "updated_at",
        ),
        sorts=("created_at", "updated_at", "name", "expires_at", "last_used_at"),
        search=("name", "description"),
    )  # fmt: skip

    # A key is visible to the user that it represents, and to managers of keys at its node.

    def visible(self, req: Request, record: ApiKey) -> bool:
        """Return whether the key is visible to the caller."""
        return service.is_visible(req.principal, req.rights, record)

    def allows(self, req: Request, permission: str, target: ApiKey) -> bool:
        """Callers may use their own keys with the permission anywhere; for others' keys they need to manage keys too."""
        if service.is_own(req.principal, req.rights, target):
            return True
        manages = req.rights.allows_at(service.MANAGE, target.project_id)
        return manages and (permission == service.READ or req.rights.allows_at(permission, target.project_id))

    def reach(self, req: Request) -> list[Condition]:
        """The same for lists; revoked keys are on them where the status is asked for."""
        with_revoked = any(name.partition("[")[0] == "status" for name in req.query)
        return service.reach(req.principal, req.rights, with_revoked=with_revoked)

    def present(self, record: ApiKey) -> dict[str, Any]:
        """The key with what it is now."""
        return {**record.row(), "status": service.status_of(record)}

    @operation(
        "create", body="create_body", reply="shown_reply", status=201, session_only=True, reach="own",
        message="API key made; it is shown this once.", refusals=_NOT_BY_KEY,
    )  # fmt: skip
    def on_post(self, req: Request, resp: Response, **ids: str) -> None:
        """Make an API key: the answer shows it, and no other one will."""
        values = {"user_id": req.principal.user_id, **req.body}
        if values["user_id"] != req.principal.user_id:
            require_service_user(req.rights, values["user_id"])
        req.rights.require_project(values["project_id"])
        self._granters(req, values["user_id"]).require(values["scopes"], values["project_id"])
        organization_id = req.principal.organization_id
        if "expires_at" in values:
            service.require_good_expiry(self.app, organization_id, values["expires_at"])
        else:
            values["expires_at"] = service.default_expiry(self.app, organization_id)
        key, secret = service.create({**values, "made_by": req.principal.user_id})
        resp.location = self.location(key)
        self._show(resp, key, secret)

    @operation("update", body="body", reply="reply", session_only=True, message="API key replaced.", refusals=_NOT_BY_KEY)
    def on_put_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Replace an API key's name, scopes and limits.

        Omitted fields return to their defaults, except expires_at, which stays.
        """
        self._put(req, resp)

    @operation("update", body="body", reply="reply", session_only=True, message="API key changed.", refusals=_NOT_BY_KEY)
    def on_patch_one(self, req: Request, resp: Response, **ids: str) -> None:
        """Change some of an API key's name, scopes and limits; null clears a field that may be empty."""
        self._put(req, resp)

    @operation(
        "update", body="regenerate_body", reply="shown_reply", session_only=True,
        message="API key regenerated; it is shown this once.", refusals=_NOT_BY_KEY,
    )  # fmt: skip
    def on_post_regenerate(self, req: Request, resp: Response, api_key_id: str) -> None:
        """Regenerate an API key; for overlap_seconds the previous key works too."""
        key = req.target
        self._require_may_have(req, key)
        expires_at = req.body.get("expires_at")
        if expires_at is not None:
            service.require_good_expiry(self.app, req.principal.organization_id, expires_at)
        secret = service.regenerate(key, req.body["overlap_seconds"], expires_at, made_by=req.principal.user_id)
        self._show(resp, key, secret)

    @operation("update", body="toggle_body", reply="reply", session_only=True, message="API key switched.", refusals=_NOT_BY_KEY)
    def on_post_toggle(self, req: Request, resp: Response, api_key_id: str) -> None:
        """Disable an API key, or let it work again, on its next request; one that is so already stays as it is."""
        service.switch(req.target, req.body["status"])
        resp.media = self.present(req.target)

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """A change may not give a key what its granters do not have."""
        check_change(self._granters(req, record.user_id), req.rights, record, values)
        if values.get("expires_at", record.expires_at) != record.expires_at:
            service.require_good_expiry(self.app, record.organization_id, values["expires_at"], record)
        return values

    def change(self, req: Request, record: ApiKey, values: dict[str, Any]) -> ApiKey:
        """Write what differs."""
        service.change(record, values)
        return record

    def remove(self, req: Request, record: ApiKey) -> None:
        """Revoke the key; its row stays."""
        service.revoke(record)

    def _put(self, req: Request, resp: Response) -> None:
        key = req.target
        values = self.check(req, req.body, key)
        place = values.get("project_id", key.project_id)
        if place != key.project_id and not service.is_own(req.principal, req.rights, key):
            for permission in ("api_keys:update", service.MANAGE):
                req.rights.require_at(permission, place)
        resp.media = self.present(self.change(req, key, values))

    def _require_may_have(self, req: Request, key: ApiKey) -> None:
        """Refused for a caller who would obtain a key of another person, or with more rights than their own."""
        if key.user_id == req.principal.user_id:
            return
        if not is_service_user(key.user_id):
            raise Refused(
                "permission_denied", "A key is shown only to the user it acts for; revoke it, and let them create another."
            )
        if not req.rights.holds_all(key.scopes, key.project_id):
            raise Refused("permission_denied", "The key has more rights than you; you can only grant rights that you hold.")

    def _granters(self, req: Request, user_id: str) -> Granters:
        return Granters(self.app, req.principal, req.rights, user_id)

    def _show(self, resp: Response, key: ApiKey, secret: Secret) -> None:
        resp.media = {**self.present(key), "key": secret.reveal()}
