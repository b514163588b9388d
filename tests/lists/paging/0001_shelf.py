"""A table with columns of every type that lists are sorted by."""


def up(migrator, db):
    db.execute_sql(
        """CREATE TABLE shelf_book (id TEXT NOT NULL PRIMARY KEY, organization_id TEXT NOT NULL, version BIGINT NOT NULL,
           created_at TEXT NOT NULL, updated_at TEXT NOT NULL, title TEXT NOT NULL, subtitle TEXT, pages BIGINT, lent BOOLEAN)"""
    )


def down(migrator, db):
    db.execute_sql("DROP TABLE shelf_book")
