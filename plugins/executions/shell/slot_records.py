"""The records of admission: the state of each key, and its holders and queue."""

import peewee

from aasim_core.data.fields import IdField, JsonField
from aasim_core.data.records import Row


class AdmissionRow(Row):
    """What is known of a key besides its tickets: the last rule, and the times of the last admissions, in milliseconds, for a rate."""

    organization_id = IdField()
    key = peewee.TextField()
    rule = JsonField()
    recent = JsonField()

    class Meta:
        table_name = "executions_admission"
        primary_key = peewee.CompositeKey("organization_id", "key")


class TicketRow(Row):
    """A run that holds or awaits a slot; see `kernel.slots.Ticket`. `number` is its place among those that hold one, or await one."""

    organization_id = IdField()
    key = peewee.TextField()
    id = peewee.TextField()
    execution_id = IdField()
    group_name = peewee.TextField()
    priority = peewee.BigIntegerField()
    round = peewee.BigIntegerField()
    number = peewee.BigIntegerField()
    is_held = peewee.BooleanField()
    is_leaving = peewee.BooleanField()

    class Meta:
        table_name = "executions_ticket"
        primary_key = peewee.CompositeKey("organization_id", "key", "id")
