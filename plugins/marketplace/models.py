"""The records of the marketplace: listings and their releases, purchases, and the ledger of credits."""

import peewee

from aasim_core import TenantRecord
from aasim_core.data.fields import IdField, InstantField, JsonField

DRAFT, IN_REVIEW, PUBLISHED, REJECTED, SUSPENDED, DELISTED = STATUSES = (
    "draft", "in_review", "published", "rejected", "suspended", "delisted",
)  # fmt: skip
FREE, ONE_TIME = PRICE_TYPES = ("free", "one_time")
CREDITS = "credits"
#: Who sees a published listing: the seller's own organization, or every organization of the installation.
OWN, INSTANCE = VISIBILITIES = ("organization", "instance")
#: The accounts of an organization: the credits that it has, and, as its counterpart, those that it was granted, with a minus.
BALANCE, ISSUED = ACCOUNTS = ("balance", "issued")
GRANT, PURCHASE, REFUND = ENTRY_TYPES = ("grant", "purchase", "refund")

#: What a seller writes of a listing, and buyers read.
TERMS = ("title", "summary", "description", "category", "tags", "license", "examples", "price", "visibility")
#: What is found out about the agent that is listed.
FINDINGS = ("effects", "requirements", "scorecard")


class _Terms(TenantRecord):
    """What a listing and the published form of it have in common.

    `project_id` is where the agent belongs, `origin` where a listing came from that was imported.
    """

    project_id = IdField(null=True)
    title = peewee.TextField()
    summary = peewee.TextField(default="")
    description = peewee.TextField(default="")
    category = peewee.TextField(default="")
    tags = JsonField(default=list)
    license = peewee.TextField(default="")
    examples = JsonField(default=list)
    price = JsonField()
    visibility = peewee.TextField(default=OWN)
    agent_version = peewee.BigIntegerField()
    effects = JsonField(default=list)
    requirements = JsonField()
    scorecard = JsonField(default=list)
    purchases_count = peewee.BigIntegerField(default=0)
    origin = JsonField(null=True)


class Listing(_Terms):
    """An agent that an organization offers, in one version. `revenue` is what was paid for it and not refunded, in micro-credits.

    `origin_key` names the release of the listing that it was imported from.
    """

    agent_id = IdField()
    status = peewee.TextField(default=DRAFT)
    review_notes = peewee.TextField(default="")
    revenue = peewee.BigIntegerField(default=0)
    published_at = InstantField(null=True)
    created_by = IdField()
    origin_key = peewee.TextField(null=True)

    class Meta:
        table_name = "marketplace_listing"
        id_prefix = "listing"
        label = "title"
        indexes = (
            (("organization_id", "created_at", "id"), False),
            (("organization_id", "updated_at", "id"), False),
            (("organization_id", "title", "id"), False),
            (("organization_id", "agent_id"), False),
        )


Listing.add_index(
    Listing.organization_id, Listing.origin_key, where=Listing.origin_key.is_null(False), name="marketplace_listing_origin"
)


class Offer(_Terms):
    """What is published of a listing: a copy of everything that other organizations may come to know, and of nothing else.

    `number` counts its releases. `document` is the agent, as buyers get it. `name_key` is the same for titles that look alike.
    """

    listing_id = IdField()
    number = peewee.BigIntegerField(default=1)
    status = peewee.TextField(default=PUBLISHED)
    seller_name = peewee.TextField()
    name_key = peewee.TextField()
    document = JsonField()
    published_at = InstantField()

    class Meta:
        table_name = "marketplace_offer"
        id_prefix = "offer"
        label = "title"
        indexes = (
            (("organization_id", "listing_id"), True),
            (("listing_id",), True),
            (("status", "visibility", "published_at", "listing_id"), False),
            (("name_key",), False),
        )


class Purchase(TenantRecord):
    """An organization's licence for a listing, and the copy of the agent that it got with it.

    `document` is the agent as it was bought or last upgraded, `requirements` what it needed, and `tools` are refs of the buyer's own tools
    by the keys of those. `paid` is in micro-credits, `transaction_id` the one of the ledger, None for nothing paid.
    """

    listing_id = IdField()
    seller_id = IdField()
    seller_name = peewee.TextField()
    title = peewee.TextField()
    license = peewee.TextField()
    number = peewee.BigIntegerField()
    agent_id = IdField()
    effects = JsonField()
    document = JsonField()
    requirements = JsonField()
    tools = JsonField(default=dict)
    paid = peewee.BigIntegerField()
    transaction_id = IdField(null=True)
    refunded_at = InstantField(null=True)
    created_by = IdField()

    class Meta:
        table_name = "marketplace_purchase"
        id_prefix = "purchase"
        label = "title"
        indexes = ((("organization_id", "created_at", "id"), False), (("organization_id", "listing_id"), False))


Purchase.add_index(
    Purchase.organization_id,
    Purchase.listing_id,
    unique=True,
    where=Purchase.refunded_at.is_null(),
    name="marketplace_purchase_licence",
)


class Review(TenantRecord):
    """What the organization says of a listing that it has bought, with 1 to 5 `stars`, and the seller's `answer`; it had the `release`."""

    listing_id = IdField()
    release = peewee.BigIntegerField()
    stars = peewee.BigIntegerField()
    text = peewee.TextField(default="")
    answer = peewee.TextField(default="")
    answered_at = InstantField(null=True)
    created_by = IdField()

    class Meta:
        table_name = "marketplace_review"
        id_prefix = "review"
        indexes = ((("organization_id", "listing_id"), True), (("listing_id", "created_at", "id"), False))


class Account(TenantRecord):
    """What the entries of one account add up to, in micro-credits; that of a ``balance`` is never below zero."""

    type = peewee.TextField()
    amount = peewee.BigIntegerField(default=0)

    class Meta:
        table_name = "marketplace_account"
        id_prefix = "account"
        indexes = ((("organization_id", "type"), True),)


class Entry(TenantRecord):
    """One side of a transaction of the ledger, in micro-credits; the amounts of a transaction add up to zero. It is written once."""

    transaction_id = IdField()
    account = peewee.TextField()
    type = peewee.TextField()
    amount = peewee.BigIntegerField()
    listing_id = IdField(null=True)
    reason = peewee.TextField(default="")

    class Meta:
        table_name = "marketplace_entry"
        id_prefix = "entry"
        indexes = ((("organization_id", "created_at", "id"), False), (("transaction_id",), False))
