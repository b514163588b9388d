"""Two organizations with rows of the same shape, for tests of the wall between them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import peewee

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.database import Database
from aasim_core.data.records import Record, TenantRecord, create

OURS, THEIRS = "organization_ours", "organization_theirs"


class Country(peewee.Model):
    """A table that belongs to nobody."""

    code = peewee.TextField(primary_key=True)
    name = peewee.TextField()

    class Meta:
        legacy_table_names = False
        table_name = "attack_country"


class Owner(TenantRecord):
    name = peewee.TextField()

    class Meta:
        table_name = "attack_owner"
        id_prefix = "owner"


class Item(TenantRecord):
    slug = peewee.TextField(unique=True)
    name = peewee.TextField()
    rank = peewee.BigIntegerField()
    country = peewee.TextField()
    owner = peewee.ForeignKeyField(Owner, null=True, backref="items")
    parent = peewee.ForeignKeyField("self", null=True, backref="children")

    class Meta:
        table_name = "attack_item"
        id_prefix = "item"


class Renamed(peewee.Model):
    """The owners again, with a field that is not named as its column."""

    id = peewee.TextField(primary_key=True)
    organization = peewee.TextField(column_name="organization_id")
    name = peewee.TextField()
    version = peewee.BigIntegerField(default=1)
    created_at = peewee.TextField(default="")
    updated_at = peewee.TextField(default="")

    class Meta:
        legacy_table_names = False
        table_name = "attack_owner"


ITEMS = peewee.Table("attack_item")
OTHER = Item.alias()
POSTGRES, SQLITE = "postgresql", "sqlite"
RECORDS: tuple[type[Record], ...] = (Country, Owner, Item, Renamed)  # type: ignore[assignment]


@dataclass(frozen=True)
class Landscape:
    """What is in the database: the items of both organizations, their owners, and what theirs looked like at first."""

    database: Database
    our_items: list[Item]
    their_items: list[Item]
    their_rows: list[tuple[object, ...]]

    def rows_of(self, organization_id: str) -> list[tuple[object, ...]]:
        """Every row of one organization, as it is now."""
        with system_scope("look at everything"):
            queries = [
                model.select().where(model.organization_id == organization_id).order_by(model.id) for model in (Owner, Item)
            ]
            return [row for query in queries for row in query.tuples()]


@dataclass(frozen=True)
class Shape:
    """One way to ask; `expected` is the answer, where it has one; `only` names the one database that can be asked so."""

    name: str
    run: Callable[[Landscape], Any]
    expected: Any = None
    only: str | None = None


def settle(database: Database) -> Landscape:
    """Fill the database: three items of ours and five of theirs, with the same ranks and countries."""
    with database.transaction():
        for code in ("DE", "FR"):
            Country.insert(code=code, name=f"land {code}").execute()
        ours, theirs = _settle(OURS, "our", 3), _settle(THEIRS, "their", 5)
    landscape = Landscape(database, ours, theirs, [])
    return Landscape(database, ours, theirs, landscape.rows_of(THEIRS))


def _settle(organization_id: str, word: str, count: int) -> list[Item]:
    items: list[Item] = []
    with organization_scope(organization_id):
        owner = create(Owner, name=f"{word} owner")
        for n in range(count):
            country = ("DE", "FR")[n % 2]
            parent = items[0] if items else None
            items.append(
                create(Item, slug=f"{word}-{n}", name=f"{word} item {n}", rank=n, country=country, owner=owner, parent=parent)
            )
    return items
