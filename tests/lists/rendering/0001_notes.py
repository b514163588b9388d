"""A table with a column of every kind that answers show."""


def up(migrator, db):
    db.execute_sql(
        """CREATE TABLE desk_note (id TEXT NOT NULL PRIMARY KEY, organization_id TEXT NOT NULL, version BIGINT NOT NULL,
           created_at TEXT NOT NULL, updated_at TEXT NOT NULL, title TEXT NOT NULL, subtitle TEXT, length BIGINT, pinned BOOLEAN,
           labels TEXT, facts TEXT, read_at TEXT)"""
    )


def down(migrator, db):
    db.execute_sql("DROP TABLE desk_note")
