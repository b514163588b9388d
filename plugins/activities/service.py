"""What the log of events shows to whom, and how long each organization keeps it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aasim_core import App, emit, not_found
from aasim_core.access.records import Membership, Organization
from aasim_core.clock import now
from aasim_core.data.records import database_of, find_or_none
from aasim_core.data.statements import Bind, Condition
from aasim_core.data.views import View
from aasim_core.events.log import NO_SUCCESS, EventRow, Subject
from aasim_core.ids import is_id, new_id

#: Events under the names that the API has for them.
VIEW = View(EventRow, {"action": EventRow.name})
#: The columns of an export as CSV.
COLUMNS = (
    "id", "sequence", "at", "actor_type", "actor_id", "actor_label", "actor_ip", "action", "subject_type", "subject_id",
    "subject_label", "outcome", "changes", "data", "request_id", "hash", "previous_hash",
)  # fmt: skip


def done_by(actor_id: str) -> Condition:
    """What restricts a list to what one user or key did."""
    return Condition(lambda: EventRow.actor_id == Bind("done_by"), {"done_by": actor_id}, "done by")


def until_now() -> Condition:
    """What keeps a list from growing while it is read: ids sort by time."""
    return Condition(lambda: EventRow.id < Bind("until"), {"until": new_id("evt")}, "until")


def without_success(asked: Mapping[str, Any]) -> list[Condition]:
    """The condition in which an index finds the few attempts that were refused or failed, where only those are asked for."""
    wanted = {asked.get("outcome"), *asked.get("outcome[in]", ())} - {None}
    is_meant = asked.get("outcome[ne]") == "success" or (wanted and "success" not in wanted)
    return [Condition(lambda: NO_SUCCESS, {}, "no success")] if is_meant else []


def find_actor(user_id: str) -> str:
    """The id itself, if it is a member's, or somebody's who did something here; raises the one 404."""
    if not is_id(user_id, "user") or not (_exists(Membership.user_id, user_id) or _exists(EventRow.actor_id, user_id)):
        raise not_found()
    return user_id


def _exists(field: Any, value: str) -> bool:
    model = field.model
    database = database_of(model)
    statement = database.statement(
        ("any", model, field.name), lambda: model.select(model.id).where(field == Bind("value")).limit(1)
    )
    return statement.run(database, {"value": value}).fetchone() is not None


def note_export(app: App, organization_id: str, form: str, filters: str) -> None:
    """Keep in the log who took a copy of it."""
    organization = find_or_none(Organization, organization_id)
    about = Subject("organization", organization_id, getattr(organization, "name", organization_id))
    with app.database.transaction():
        emit("activities.exported", about, data={"format": form, "filters": filters})


def kept_since(app: App, organization_id: str) -> datetime:
    """The moment before which the organization keeps no activities. What belongs to none is kept as long as by default."""
    organization: Organization | None = find_or_none(Organization, organization_id)
    settled = app.organization_settings.completed(organization.settings if organization is not None else {})
    return now() - timedelta(days=settled["activities"]["retention_days"])
