"""The record of an event: one row of the log."""

import peewee
from peewee import SQL

from ..data.fields import IdField, InstantField, SortedJsonField
from ..data.records import Row

SUCCESS, DENIED, FAILED = "success", "denied", "failed"
# The condition of the partial index. Planners compare it with a query's text, so queries repeat it as a literal.
NO_SUCCESS = SQL("outcome <> 'success'")


class EventRow(Row):
    """One event. Its position in the organization's chain is a separate row, see `entries`, written in the background.

    `subject_revision` is the version that the transaction gave the subject's record; null if it changed none. It is set after the
    before-commit listeners were called.
    """

    id = IdField(primary_key=True)
    organization_id = IdField()
    at = InstantField()
    actor_type = peewee.TextField()
    actor_id = IdField(null=True)
    actor_label = peewee.TextField()
    actor_ip = peewee.TextField(null=True)
    name = peewee.TextField()
    subject_type = peewee.TextField()
    subject_id = IdField(null=True)
    subject_label = peewee.TextField()
    subject_revision = peewee.BigIntegerField(null=True)
    outcome = peewee.TextField(default=SUCCESS)
    changes = SortedJsonField(null=True)
    data = SortedJsonField(null=True)
    request_id = peewee.TextField(null=True)

    class Meta:
        table_name = "core_event"
        id_prefix = "evt"
        indexes = (
            (("organization_id", "at", "id"), False),
            (("organization_id", "actor_id", "at", "id"), False),
            (("organization_id", "subject_id", "at", "id"), False),
            peewee.Index("core_event_no_success", "core_event", [SQL("organization_id, at, id")], where=NO_SUCCESS),
        )
