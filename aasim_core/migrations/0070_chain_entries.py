"""The places of events in their chain are rows of a table of their own, so that sealing writes no event again."""

from typing import Any

from peewee import BigIntegerField, Model, PostgresqlDatabase, SmallIntegerField, TextField

_PLACE = ("sequence", "hash", "previous_hash")
#: They are put on again after the migrations, as the table is then.
_TRIGGERS = ("core_event_no_update", "core_event_sealed_once", "core_event_no_delete")


def up(migrator: Any, db: Any) -> None:
    """Move what is sealed, whose hashes are of the first format, into the new table."""

    class ChainEntry(Model):
        # Numbers first: so PostgreSQL pads none of them.
        sequence = BigIntegerField()
        version = SmallIntegerField()
        event_id = TextField(primary_key=True)
        organization_id = TextField()
        hash = TextField()
        previous_hash = TextField(null=True)
        salt = TextField(null=True)
        erased = TextField(null=True)

        class Meta:
            database = db
            table_name = "core_event_entry"
            indexes = ((("organization_id", "sequence"), True),)

    class SealingWalk(Model):
        id = TextField(primary_key=True)
        began_at = TextField()

        class Meta:
            database = db
            table_name = "core_event_walk"

    db.create_tables([ChainEntry, SealingWalk])
    db.execute_sql(
        "INSERT INTO core_event_entry (event_id, organization_id, sequence, version, hash, previous_hash) "
        "SELECT id, organization_id, sequence, 1, hash, previous_hash FROM core_event WHERE sequence IS NOT NULL"
    )
    _drop_triggers(db)
    for name in ("core_event_sealed", "core_event_unsealed"):
        db.execute_sql(f"DROP INDEX {name}")
    for column in _PLACE:
        db.execute_sql(f"ALTER TABLE core_event DROP COLUMN {column}")


def down(migrator: Any, db: Any) -> None:
    """Move them back. Hashes of a later format are not what they would have been, so those chains have to be begun anew."""
    _drop_triggers(db)
    for column, kind in zip(_PLACE, ("BIGINT", "TEXT", "TEXT"), strict=True):
        db.execute_sql(f"ALTER TABLE core_event ADD COLUMN {column} {kind}")
    db.execute_sql(
        "UPDATE core_event SET (sequence, hash, previous_hash) = "
        "(SELECT e.sequence, e.hash, e.previous_hash FROM core_event_entry e WHERE e.event_id = core_event.id)"
    )
    db.execute_sql("CREATE UNIQUE INDEX core_event_sealed ON core_event (organization_id, sequence) WHERE sequence IS NOT NULL")
    db.execute_sql("CREATE INDEX core_event_unsealed ON core_event (organization_id, sequence, id) WHERE sequence IS NULL")
    for table in ("core_event_entry", "core_event_walk"):
        db.execute_sql(f"DROP TABLE {table}")


def _drop_triggers(db: Any) -> None:
    for name in _TRIGGERS if isinstance(db, PostgresqlDatabase) else ():
        db.execute_sql(f"DROP TRIGGER IF EXISTS {name} ON core_event")
