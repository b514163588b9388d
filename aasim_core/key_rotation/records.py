"""The database's record of keys: which ones have been in use, and which columns hold values that they sealed."""

import peewee

from ..clock import now
from ..data.fields import InstantField
from ..data.records import Row


class KeyRow(Row):
    """A key that was the newest in the ring of a process, and since when; processes do not start without it."""

    id = peewee.TextField(primary_key=True)
    known_since = InstantField(default=now)

    class Meta:
        table_name = "core_key"


class SealedColumn(Row):
    """A column of sealed values, stored here so that those of a disabled plugin are included."""

    table_name = peewee.TextField()
    column_name = peewee.TextField()

    class Meta:
        table_name = "core_sealed_column"
        primary_key = peewee.CompositeKey("table_name", "column_name")


RECORDS = (KeyRow, SealedColumn)
