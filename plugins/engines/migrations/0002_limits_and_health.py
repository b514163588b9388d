"""Engines have limits, and their health is more than how the last test went."""

from peewee import CompositeKey, DoubleField, Model, TextField

_NO_LIMITS = '{"rpm":null,"tpm":null,"concurrency":null}'


def up(migrator, db):
    class EngineUse(Model):
        organization_id = TextField()
        engine_id = TextField()
        slices = TextField()
        running = TextField()
        seconds = DoubleField()
        next_look = DoubleField()

        class Meta:
            database = db
            table_name = "engines_use"
            primary_key = CompositeKey("organization_id", "engine_id")

    db.create_tables([EngineUse])
    db.execute_sql(f"ALTER TABLE engines_engine ADD COLUMN limits TEXT NOT NULL DEFAULT '{_NO_LIMITS}'")
    db.execute_sql("UPDATE engines_engine SET health = NULL")


def down(migrator, db):
    db.execute_sql("UPDATE engines_engine SET health = NULL")
    db.execute_sql("ALTER TABLE engines_engine DROP COLUMN limits")
    db.execute_sql("DROP TABLE engines_use")
