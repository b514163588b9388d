"""Events are sealed into a chain with signed anchors, and found by actor, subject and outcome."""

from typing import Any

from peewee import BigIntegerField, Model, TextField

_NUMBERED = "eventrow_organization_id_sequence"
_INDEXES = {
    "eventrow_organization_id_actor_id_at_id": "(organization_id, actor_id, at, id)",
    "eventrow_organization_id_subject_id_at_id": "(organization_id, subject_id, at, id)",
    "core_event_unsealed": "(organization_id, id) WHERE sequence IS NULL",
    "core_event_no_success": "(organization_id, at, id) WHERE outcome <> 'success'",
}


def up(migrator: Any, db: Any) -> None:
    """Make the table of anchors, and the indexes."""

    class EventAnchor(Model):
        id = TextField(primary_key=True)
        organization_id = TextField()
        kind = TextField()
        sequence = BigIntegerField()
        hash = TextField()
        at = TextField()
        seal = TextField()

        class Meta:
            database = db
            table_name = "core_event_anchor"
            indexes = ((("organization_id", "kind", "sequence"), True),)

    db.create_tables([EventAnchor])
    db.execute_sql(f"DROP INDEX {_NUMBERED}")
    db.execute_sql("CREATE UNIQUE INDEX core_event_sealed ON core_event (organization_id, sequence) WHERE sequence IS NOT NULL")
    for name, columns in _INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON core_event {columns}")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    for name in _INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    db.execute_sql("DROP INDEX core_event_sealed")
    db.execute_sql(f"CREATE UNIQUE INDEX {_NUMBERED} ON core_event (organization_id, sequence)")
    db.execute_sql("DROP TABLE core_event_anchor")
