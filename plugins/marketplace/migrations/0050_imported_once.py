"""Listings that were imported are found by what they came from."""


def up(migrator, db):
    db.execute_sql("ALTER TABLE marketplace_listing ADD COLUMN origin_key TEXT")
    db.execute_sql(
        "CREATE INDEX marketplace_listing_origin ON marketplace_listing (organization_id, origin_key) WHERE (origin_key IS NOT NULL)"
    )


def down(migrator, db):
    db.execute_sql("DROP INDEX marketplace_listing_origin")
    db.execute_sql("ALTER TABLE marketplace_listing DROP COLUMN origin_key")
