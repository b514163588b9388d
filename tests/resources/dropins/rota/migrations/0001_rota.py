"""Shifts, swaps and notes."""

from peewee import BigIntegerField, Model, TextField


def up(migrator, db):
    class Base(Model):
        id = TextField(primary_key=True)
        version = BigIntegerField()
        created_at = TextField()
        updated_at = TextField()
        organization_id = TextField()

        class Meta:
            database = db

    class Shift(Base):
        name = TextField()

        class Meta:
            table_name = "rota_shift"
            indexes = ((("organization_id", "created_at", "id"), False),)

    class Swap(Base):
        given_id = TextField()
        taken_ids = TextField()

        class Meta:
            table_name = "rota_swap"
            indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "given_id"), False))

    class Note(Base):
        shift_id = TextField()
        name = TextField()

        class Meta:
            table_name = "rota_note"
            indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "shift_id"), False))

    db.create_tables([Shift, Swap, Note])


def down(migrator, db):
    for table in ("shift", "swap", "note"):
        db.execute_sql(f"DROP TABLE rota_{table}")
