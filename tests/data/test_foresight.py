"""What is foreseen is read together with the read before it, and whoever asks for it gets the same as by itself."""

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import create, foresee, read_row
from aasim_core.data.statements import Bind
from aasim_core.ids import new_id
from aasim_core.testing.statements import recorded

from .landscape import OURS, THEIRS, Item, Landscape


@pytest.fixture
def land(guarded_land: Landscape) -> Iterator[Landscape]:
    """Two organizations, with ours in scope."""
    with organization_scope(OURS):
        yield guarded_land


def some_item(land: Landscape) -> str:
    """The id of one of our items."""
    item: Item = Item.select().where(Item.name == "our item 2").get()
    return str(item.id)


def read_names(land: Landscape, least: int = 0) -> list[str]:
    """Something else that is read before: the names of the items in scope of at least a rank."""
    query = lambda: Item.select(Item.name).where(Item.rank >= Bind("rank")).order_by(Item.name)  # noqa: E731
    return [name for (name,) in land.database.statement("names", query).run(land.database, {"rank": least}).fetchall()]


def reads(land: Landscape, record_id: str) -> tuple[Any, int]:
    """The row, and how many statements it took to read it now."""
    with recorded(land.database) as sent:
        row = read_row(Item, record_id)
    return row, len(sent)


def saved(land: Landscape) -> int:
    """How many statements it takes to read what was foreseen: none on PostgreSQL; SQLite has no round trips to save."""
    return 0 if land.database.for_update else 1


def test_what_is_foreseen_is_read_with_the_read_before_it(land: Landscape) -> None:
    item = some_item(land)
    alone = read_row(Item, item)
    foresee(Item, item)
    with recorded(land.database) as sent:
        assert read_names(land) == ["our item 0", "our item 1", "our item 2"]
    assert len(sent) == 1
    assert reads(land, item) == (alone, saved(land))


def test_what_is_foreseen_and_not_there_is_not_read_again(land: Landscape) -> None:
    missing = new_id("item")
    foresee(Item, missing)
    read_names(land)
    assert reads(land, missing) == (None, saved(land))


def test_what_is_foreseen_is_given_once(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    read_names(land)
    reads(land, item)
    assert reads(land, item)[1] == 1


def test_a_read_that_gives_nothing_leaves_what_is_foreseen_to_be_read(land: Landscape) -> None:
    item = some_item(land)
    alone = read_row(Item, item)
    foresee(Item, item)
    assert read_names(land, least=1000) == []
    assert reads(land, item) == (alone, 1)


def test_another_row_than_the_one_foreseen_is_read(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, new_id("item"))
    read_names(land)
    row, count = reads(land, item)
    assert (row["id"], count) == (item, 1)


def test_what_this_thread_writes_meanwhile_is_read(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    read_names(land)
    Item.update(rank=50).where(Item.id == item).execute()
    row, count = reads(land, item)
    assert (row["rank"], count) == (50, 1)


def test_what_waits_to_be_written_is_read(land: Landscape) -> None:
    item = some_item(land)
    with land.database.transaction():
        made = create(Item, slug="new", name="new", rank=1, country="DE")
        foresee(Item, made.id)
        read_names(land)
        assert reads(land, made.id)[0]["name"] == "new"
        foresee(Item, item)
        assert reads(land, item)[1] == 1


def test_what_was_read_a_while_ago_is_read_again(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    read_names(land)
    with time_machine.travel("2126-01-31T09:00:00Z"):
        assert reads(land, item)[1] == 1


def test_one_organization_is_not_given_what_was_read_for_another(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    read_names(land)
    with organization_scope(THEIRS):
        assert reads(land, item) == (None, 1)


def test_nothing_is_read_along_for_every_organization(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    with system_scope("test"):
        read_names(land)
    assert reads(land, item)[1] == 1


def test_what_was_foreseen_is_forgotten_when_the_connection_is_released(land: Landscape) -> None:
    item = some_item(land)
    foresee(Item, item)
    land.database.release()
    with land.database.connected():
        read_names(land)
        assert reads(land, item)[1] == 1
