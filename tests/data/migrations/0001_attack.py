"""The tables of the attack suite."""


def up(migrator, db):
    for statement in (
        "CREATE TABLE attack_country (code TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL)",
        """CREATE TABLE attack_owner (id TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, created_at TEXT NOT NULL,
           updated_at TEXT NOT NULL, organization_id TEXT NOT NULL, name TEXT NOT NULL)""",
        """CREATE TABLE attack_item (id TEXT NOT NULL PRIMARY KEY, version BIGINT NOT NULL, created_at TEXT NOT NULL,
           updated_at TEXT NOT NULL, organization_id TEXT NOT NULL, slug TEXT NOT NULL UNIQUE, name TEXT NOT NULL,
           rank BIGINT NOT NULL, country TEXT NOT NULL, owner_id TEXT REFERENCES attack_owner (id),
           parent_id TEXT REFERENCES attack_item (id))""",
    ):
        db.execute_sql(statement)


def down(migrator, db):
    for table in ("attack_item", "attack_owner", "attack_country"):
        db.execute_sql(f"DROP TABLE {table}")
