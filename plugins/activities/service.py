"""Visibility and retention of the event log."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from aasim_core import App, emit, not_found
from aasim_core.clock import now
from aasim_core.data.conditions import Condition, equals
from aasim_core.data.records import database_of, find_or_none
from aasim_core.data.statements import Bind
from aasim_core.data.views import View
from aasim_core.events.chain.entries import ChainEntry
from aasim_core.events.log import Subject
from aasim_core.events.records import NO_SUCCESS, EventRow
from aasim_core.ids import is_id, new_id
from aasim_core.tenancy.records import Membership, Organization

#: The job that erases a person from the log of an organization.
ERASE = "activities.erase"
#: Events under the names that the API has for them, with their places in the chain.
VIEW = View(
    EventRow,
    {
        "action": EventRow.name,
        "occurred_at": EventRow.at,
        "sequence": ChainEntry.sequence,
        "hash": ChainEntry.hash,
        "previous_hash": ChainEntry.previous_hash,
        "hash_version": ChainEntry.version,
        "salt": ChainEntry.salt,
        "erased": ChainEntry.erased,
    },
    ((ChainEntry, ChainEntry.event_id == EventRow.id),),
)
#: The columns of an export as CSV.
COLUMNS = (
    "id", "sequence", "occurred_at", "actor_type", "actor_id", "actor_label", "actor_ip", "action", "subject_type", "subject_id",
    "subject_label", "outcome", "changes", "data", "request_id", "hash", "previous_hash", "hash_version",
    "salt", "erased", "subject_revision",
)  # fmt: skip


def done_by(actor_id: str) -> Condition:
    """What restricts a list to what one user or key did."""
    return equals(EventRow.actor_id, actor_id)


def until_now() -> Condition:
    """A bound that keeps a list from growing while it is read: ids sort by time."""
    return Condition(lambda until: EventRow.id < until, until=new_id("evt"))


def without_success(asked: Mapping[str, Any]) -> list[Condition]:
    """The condition in which an index finds the few attempts that were refused or failed, where only those are asked for."""
    wanted = {asked.get("outcome"), *asked.get("outcome[in]", ())} - {None}
    is_meant = asked.get("outcome[ne]") == "success" or (wanted and "success" not in wanted)
    return [Condition(lambda: NO_SUCCESS)] if is_meant else []


def find_actor(user_id: str) -> str:
    """The id itself, if it is a member's, or somebody's who did something here; raises the one 404."""
    if not is_id(user_id, "user") or not (_exists(Membership.user_id, user_id) or _exists(EventRow.actor_id, user_id)):
        raise not_found()
    return user_id


def _exists(field: Any, value: str) -> bool:
    model = field.model
    database = database_of(model)
    return database.statement(_one_row, model, field).run(database, {"value": value}).fetchone() is not None


def _one_row(model: Any, field: Any) -> Any:
    return model.select(model.id).where(field == Bind("value")).limit(1)


def note_export(app: App, organization_id: str, form: str, filters: str) -> None:
    """Keep in the log who took a copy of it."""
    organization = find_or_none(Organization, organization_id)
    about = Subject("organization", organization_id, getattr(organization, "name", organization_id))
    with app.database.transaction():
        emit("activities.exported", about, data={"format": form, "filters": filters})


def kept_since(app: App, organization_id: str) -> datetime:
    """Return the time before which the organization's activities have expired. Those without an organization have the default retention."""
    return now() - timedelta(days=_settled(app, organization_id)["retention_days"])


def erases_removed_members(app: App, organization_id: str) -> bool:
    """Whether the organization wants those who are removed from it to be erased from its log."""
    return bool(_settled(app, organization_id)["erase_removed_members"])


def _settled(app: App, organization_id: str) -> Mapping[str, Any]:
    organization: Organization | None = find_or_none(Organization, organization_id)
    settled = app.organization_settings.completed(organization.settings if organization is not None else {})
    return settled["activities"]
