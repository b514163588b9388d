"""The records of a rota."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, JsonField


class Shift(TenantRecord):
    """A time in which somebody works."""

    name = peewee.TextField()

    class Meta:
        table_name = "rota_shift"
        id_prefix = "rota_shift"
        indexes = ((("organization_id", "created_at", "id"), False),)


class Swap(TenantRecord):
    """Shifts that change hands: one is given, any of the others is taken."""

    given_id = IdField()
    taken_ids = JsonField(default=list)

    class Meta:
        table_name = "rota_swap"
        id_prefix = "rota_swap"
        references = {"given_id": "rota_shift", "taken_ids": "rota_shift"}
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "given_id"), False))


class Note(TenantRecord):
    """What is to be known of a shift."""

    shift_id = IdField()
    name = peewee.TextField()

    class Meta:
        table_name = "rota_note"
        id_prefix = "rota_note"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "shift_id"), False))
