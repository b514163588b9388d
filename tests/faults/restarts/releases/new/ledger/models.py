"""The record of an entry."""

import peewee

from aasim_core import TenantRecord


class Entry(TenantRecord):
    """A line of the ledger; `booked`, `audited` and `counted` are how often that was done."""

    name = peewee.TextField()
    memo = peewee.TextField(null=True)
    booked = peewee.BigIntegerField(default=0)
    audited = peewee.BigIntegerField(default=0)
    counted = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "ledger_entry"
        id_prefix = "ledger_entry"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "name"), True))
