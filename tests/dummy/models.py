"""The record of a greeting."""

import peewee

from aasim_core import TenantRecord


class Greeting(TenantRecord):
    """A name, and the answer once there is one."""

    name = peewee.TextField()
    answer = peewee.TextField(null=True)

    class Meta:
        table_name = "dummy_greeting"
        id_prefix = "dummy_greeting"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "name"), True))
