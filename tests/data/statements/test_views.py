"""Views over joined records: what they select, and that a count joins only what its condition uses."""

import re
from typing import Any

import peewee
import pytest

from aasim_core.context import organization_scope
from aasim_core.data.statements import Bind
from aasim_core.data.views import View, first_of

from ..scope.landscape import OURS, Item, Landscape, Owner

PARENT = Item.alias()


def view(**options: Any) -> View:
    """Items with the name of their owner, that of their parent, and a value that is the same for all."""
    columns = {
        "id": Item.id,
        "owner_name": Owner.name,
        "above": first_of(PARENT.name, Item.name),
        "at": peewee.fn.COALESCE(Bind("at"), peewee.SQL("''")),
    }
    joins = [(Owner, Item.owner == Owner.id), (PARENT, Item.parent == PARENT.id)]
    return View(Item, columns, joins, lambda: {"at": "now"}, **options)


def joined_by(where: Any, **options: Any) -> list[str]:
    """The tables that a count of the rows that meet the condition joins to the items."""
    sql, _ = view(**options).select_where(where, Item.id).sql()
    return re.findall(r'LEFT OUTER JOIN \(SELECT \* FROM "(\w+)"', sql)


@pytest.fixture
def items(land: Landscape) -> Any:
    """The view, in the scope of one organization."""
    with organization_scope(OURS):
        yield view()


def test_a_view_has_columns_of_each_record_and_those_of_its_base(items: View) -> None:
    rows = items.select(items.owner_name, items.above, items.rank).order_by(items.rank).tuples()
    assert list(rows) == [("our owner", "our item 0", 0), ("our owner", "our item 0", 1), ("our owner", "our item 0", 2)]


def test_a_row_of_a_view_is_read_by_its_id(items: View, land: Landscape) -> None:
    first = land.our_items[0].id
    assert items.row(first, ("id", "owner_name", "at")) == {"id": first, "owner_name": "our owner", "at": "now"}
    assert items.row(land.their_items[0].id, ("id",)) is None


@pytest.mark.parametrize(
    ("where", "joined"),
    [
        (Item.rank > 1, []),
        (Owner.name == "x", ["attack_owner"]),
        (first_of(PARENT.name, Item.name) == "x", ["attack_item"]),
        (~(peewee.fn.LOWER(Owner.name) == Bind("name")), ["attack_owner"]),
        (peewee.NodeList((Owner.name, peewee.SQL("IS NULL"))), ["attack_owner"]),
        (Item.name.in_(["a", "b"]), []),
        (Item.id.in_(Owner.select(Owner.id)), ["attack_owner", "attack_item"]),
    ],
    ids=["the base", "one record", "the other", "within functions", "a list of parts", "values", "what may use any"],
)
def test_a_count_joins_what_its_condition_uses(items: View, where: Any, joined: list[str]) -> None:
    assert joined_by(where) == joined


def test_what_is_joined_late_is_not_joined_by_a_count(items: View) -> None:
    assert joined_by(Item.rank > 1, joins_late=True) == []
