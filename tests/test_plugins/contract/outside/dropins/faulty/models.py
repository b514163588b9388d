"""The record of a thing."""

import peewee

from aasim_core import TenantRecord


class Thing(TenantRecord):
    """A thing."""

    name = peewee.TextField()

    class Meta:
        table_name = "faulty_thing"
        id_prefix = "faulty_thing"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "name"), True))
