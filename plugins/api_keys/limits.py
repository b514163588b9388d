"""The endpoints of roles that are assigned to API keys, and limit them."""

from typing import Any

from aasim_core import Refused, Request, Response, operation
from aasim_core.access.records import Grant
from aasim_core.context import current_organization
from aasim_core.data.records import find_or_none
from aasim_core.errors import not_found
from aasim_core.identity.records import ApiKey
from aasim_core.ids import is_id
from aasim_core.resources.collection import DELETED
from aasim_core.resources.role_assignments import Assignments, Held
from aasim_core.tenancy import epoch

from . import service

_NOT_BY_KEY = ("session_required",)


class ApiKeyAssignments(Assignments):
    """The roles that limit API keys: a key that has any may do nothing but what one of them allows, where it does."""

    plugin = "api_keys"
    subject_type = "api_key"
    others = service.MANAGE
    paths = Assignments.under("/api-keys/{api_key_id}")

    def find(self, req: Request, **ids: str) -> Held:
        """Return the key, if it is visible to the caller, and the grant if the path names one."""
        held = super().find(req, **ids)
        if not service.is_visible(req.principal, req.rights, held.subject):
            raise not_found()
        return held

    def find_subject(self, req: Request, subject_id: str) -> ApiKey:
        """The key; raises the one 404."""
        key: ApiKey | None = find_or_none(ApiKey, subject_id) if is_id(subject_id, "apikey") else None
        if key is None or key.status == "revoked":
            raise not_found()
        return key

    def place_of(self, subject: ApiKey) -> str | None:
        """The project that the key is for."""
        project_id: str | None = subject.project_id
        return project_id

    def may_read(self, req: Request, subject: ApiKey) -> bool:
        """Callers' own keys, and others' for managers of keys there."""
        return service.is_visible(req.principal, req.rights, subject)

    @operation(
        "assign", body="body", reply="reply", status=201, session_only=True, message="Role assigned; the key is limited to it.",
        refusals=_NOT_BY_KEY,
    )  # fmt: skip
    def on_post_assign(self, req: Request, resp: Response, **ids: str) -> None:
        """Limit a key to a role at a place in the organization's tree; with several, it may do what one of them allows."""
        super().on_post_assign(req, resp, **ids)

    @operation("assign", reply=DELETED, session_only=True, message="Role taken back.", refusals=_NOT_BY_KEY)
    def on_delete_assignment(self, req: Request, resp: Response, **ids: str) -> None:
        """Take a role back from a key; without the last one, its scopes alone limit it."""
        _require_freeing(req, req.target.subject)
        super().on_delete_assignment(req, resp, **ids)


def _require_freeing(req: Request, key: Any) -> None:
    """Refused for a caller who would remove the last limit of another's key that has more rights than theirs."""
    epoch.bump(current_organization())  # first, so that two who take the last two back wait for each other
    is_last = Grant.select(Grant.id).where(Grant.subject_id == key.id).count() == 1
    if is_last and key.user_id != req.principal.user_id and not req.rights.holds_all(key.scopes, key.project_id):
        message = "Without this role the key has more rights than you; assign another one first."
        raise Refused("permission_denied", message)
