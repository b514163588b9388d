"""Listings, what is published of them, purchases, and the ledger of credits."""

from peewee import BigIntegerField, Model, TextField


class Record(Model):
    id = TextField(primary_key=True)
    version = BigIntegerField()
    created_at = TextField()
    updated_at = TextField()
    organization_id = TextField()


class Listing(Record):
    project_id = TextField(null=True)
    title = TextField()
    summary = TextField()
    description = TextField()
    category = TextField()
    tags = TextField()
    license = TextField()
    price = TextField()
    visibility = TextField()
    agent_version = BigIntegerField()
    effects = TextField()
    requirements = TextField()
    scorecard = TextField()
    purchases_count = BigIntegerField()
    agent_id = TextField()
    status = TextField()
    review_notes = TextField()
    revenue = BigIntegerField()
    published_at = TextField(null=True)
    created_by = TextField()

    class Meta:
        table_name = "marketplace_listing"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "title", "id"), False),
            (("organization_id", "agent_id"), False),
        )


class Offer(Record):
    project_id = TextField(null=True)
    title = TextField()
    summary = TextField()
    description = TextField()
    category = TextField()
    tags = TextField()
    license = TextField()
    price = TextField()
    visibility = TextField()
    agent_version = BigIntegerField()
    effects = TextField()
    requirements = TextField()
    scorecard = TextField()
    purchases_count = BigIntegerField()
    listing_id = TextField()
    number = BigIntegerField()
    status = TextField()
    seller_name = TextField()
    name_key = TextField()
    document = TextField()
    published_at = TextField()

    class Meta:
        table_name = "marketplace_offer"
        indexes = (
            (("organization_id", "listing_id"), True),
            (("listing_id",), True),
            (("status", "visibility", "published_at", "listing_id"), False),
            (("name_key",), False),
        )


class Purchase(Record):
    listing_id = TextField()
    seller_id = TextField()
    seller_name = TextField()
    title = TextField()
    license = TextField()
    number = BigIntegerField()
    agent_id = TextField()
    effects = TextField()
    document = TextField()
    paid = BigIntegerField()
    transaction_id = TextField(null=True)
    refunded_at = TextField(null=True)
    created_by = TextField()

    class Meta:
        table_name = "marketplace_purchase"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "listing_id"), False))


class Account(Record):
    type = TextField()
    amount = BigIntegerField()

    class Meta:
        table_name = "marketplace_account"
        indexes = ((("organization_id", "type"), True),)


class Entry(Record):
    transaction_id = TextField()
    account = TextField()
    type = TextField()
    amount = BigIntegerField()
    listing_id = TextField(null=True)
    reason = TextField()

    class Meta:
        table_name = "marketplace_entry"
        indexes = ((("organization_id", "created_at", "id"), False), (("transaction_id",), False))


Purchase.add_index(
    Purchase.organization_id,
    Purchase.listing_id,
    unique=True,
    where=Purchase.refunded_at.is_null(),
    name="marketplace_purchase_licence",
)
TABLES = (Listing, Offer, Purchase, Account, Entry)


def up(migrator, db):
    with db.bind_ctx(TABLES):
        db.create_tables(TABLES)


def down(migrator, db):
    for table in TABLES:
        db.execute_sql(f"DROP TABLE {table._meta.table_name}")
