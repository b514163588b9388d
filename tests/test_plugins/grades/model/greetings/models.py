"""The record of a greeting."""

import peewee

from aasim_core import TenantRecord


class Greeting(TenantRecord):
    """A text that greets."""

    name = peewee.TextField()

    class Meta:
        table_name = "greetings_greeting"
        id_prefix = "greetings_greeting"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "name"), True))
