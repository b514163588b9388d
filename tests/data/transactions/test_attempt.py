"""An optimistic transaction: what is nearly always so is taken for granted, and where it was not, nothing is lost."""

from collections.abc import Callable, Iterator
from typing import Any

import peewee
import pytest

from aasim_core.context import organization_scope
from aasim_core.data.records import Returning, compare_and_set, create, find, find_or_none
from aasim_core.data.statements import Bind

from ..scope.landscape import OURS, Item, Landscape, Owner


@pytest.fixture
def land(guarded_land: Landscape) -> Iterator[Landscape]:
    """Two organizations, with ours in scope."""
    with organization_scope(OURS):
        yield guarded_land


class Ranking:
    """A unit of work that gives an item a rank, if nobody has changed it, and notes that in a new owner; `answers` are what it was told."""

    def __init__(self, item: Item, meanwhile: Callable[[], object] = lambda: None) -> None:
        self.item = item
        self.answers: list[bool] = []
        self._meanwhile = meanwhile

    def __call__(self) -> bool:
        self._meanwhile()
        done = compare_and_set(self.item, {"version": self.item.version}, {"rank": 7, "version": self.item.version + 1})
        create(Owner, name=f"ranked: {done}")
        self.answers.append(done)
        return done


def notes() -> list[str]:
    """What the unit of work has noted."""
    return [owner.name for owner in Owner.select().where(Owner.name.startswith("ranked"))]


def spoil(item: Item) -> None:
    """Change the item behind the back of whoever has read it."""
    Item.update(version=Item.version + 1, rank=50).where(Item.id == item.id).execute()


def read(land: Landscape) -> Item:
    """One of our items, as somebody reads it."""
    item: Item = find(Item, land.our_items[0].id)
    return item


def test_a_row_that_is_changed_twice_is_not_tried_again(land: Landscape) -> None:
    item, tries = read(land), list[int]()

    def change_twice() -> None:
        tries.append(1)
        for rank in (7, 8):
            assert compare_and_set(item, {"version": item.version}, {"rank": rank, "version": item.version + 1})

    land.database.attempt(change_twice)
    assert (len(tries), find(Item, item.id).rank) == (1, 8)


def test_what_is_as_it_was_seen_is_changed_at_once(land: Landscape) -> None:
    work = Ranking(read(land))
    assert land.database.attempt(work)
    assert (work.answers, notes(), find(Item, work.item.id).rank) == ([True], ["ranked: True"], 7)


def test_a_mistake_is_undone_and_the_work_is_told_the_truth(land: Landscape) -> None:
    work = Ranking(read(land))
    spoil(work.item)
    assert not land.database.attempt(work)
    assert (work.answers, notes(), find(Item, work.item.id).rank) == ([True, False], ["ranked: False"], 50)


def test_a_record_is_put_back_after_a_mistake(land: Landscape) -> None:
    work = Ranking(read(land))
    spoil(work.item)
    seen = dict(work.item.__data__)
    land.database.attempt(work)
    assert work.item.__data__ == seen
    assert work.item.row() == work.item.as_read


def test_a_mistake_is_found_by_the_next_question(land: Landscape) -> None:
    item, questions = read(land), 0

    def work() -> bool:
        nonlocal questions
        done = compare_and_set(item, {"rank": 99}, {"rank": 7})
        find(Item, item.id)
        questions += 1
        return done

    assert not land.database.attempt(work)
    assert questions == 1, "the first attempt went on after its mistake"


def test_what_happens_after_the_commit_happens_once(land: Landscape) -> None:
    work = Ranking(read(land), lambda: land.database.current_transaction().after_commit.append(lambda: told.append("done")))
    told: list[str] = []
    spoil(work.item)
    land.database.attempt(work)
    assert told == ["done"]


def test_an_error_undoes_everything_and_nothing_is_repeated(land: Landscape) -> None:
    calls: list[str] = []

    def work() -> None:
        calls.append("called")
        create(Owner, name="ranked: never")
        raise LookupError

    with pytest.raises(LookupError):
        land.database.attempt(work)
    assert (calls, notes()) == (["called"], [])


def test_within_a_transaction_it_is_a_part_of_it_and_changes_are_made_at_once(land: Landscape) -> None:
    work = Ranking(read(land))
    spoil(work.item)
    with land.database.transaction():
        assert not land.database.attempt(work)
    assert (work.answers, notes()) == ([False], ["ranked: False"])


def test_one_attempt_within_another_is_a_part_of_it(land: Landscape) -> None:
    work = Ranking(read(land))
    spoil(work.item)
    assert not land.database.attempt(lambda: land.database.attempt(work))
    assert work.answers == [True, False]


@pytest.mark.parametrize("which", [0, 1])
def test_one_mistake_among_several_changes_undoes_them_all(land: Landscape, which: int) -> None:
    items = [find(Item, item.id) for item in land.our_items[:2]]
    spoil(items[which])

    def work() -> list[bool]:
        return [compare_and_set(item, {"version": item.version}, {"rank": 7}) for item in items]

    assert land.database.attempt(work) == [n != which for n in range(2)]


def test_a_change_outside_of_a_transaction_is_one_by_itself(land: Landscape) -> None:
    item = read(land)
    assert compare_and_set(item, {"version": item.version}, {"rank": 7})
    assert not compare_and_set(item, {"version": 9}, {"rank": 8})
    assert find(Item, item.id).rank == 7


def test_one_statement_alone_gives_what_it_returns(land: Landscape) -> None:
    def promote() -> Any:
        return Item.update(rank=Bind("rank")).where(Item.slug == Bind("slug")).returning(Item.name)

    statement = land.database.statement(promote)
    assert statement.run_alone(land.database, {"rank": 3, "slug": "our-0"}).fetchall() == [("our item 0",)]
    with land.database.transaction():
        assert statement.run_alone(land.database, {"rank": 4, "slug": "our-1"}).rowcount == 1
    assert [find(Item, item.id).rank for item in land.our_items[:2]] == [3, 4]


class Rereading(Ranking):
    """The same, which also reads what the item is then, and whose it is."""

    def __init__(self, item: Item, meanwhile: Callable[[], object] = lambda: None) -> None:
        super().__init__(item, meanwhile)
        self.told: list[Any] = []

    def __call__(self) -> bool:
        self._meanwhile()
        create(Owner, name="ranked: before")
        seen, updates = {"version": self.item.version}, {"rank": 7, "version": self.item.version + 1}
        done = compare_and_set(self.item, seen, updates, Returning(self._columns, self.told.append))
        compare_and_set(self.item, {"rank": 7}, {"country": "FR"})
        create(Owner, name="ranked: after")
        return done

    @staticmethod
    def _columns() -> list[Any]:
        return [Item.name, Item.rank, Item.version, Owner.select(Owner.name).where(Owner.id == Item.owner)]


@pytest.mark.parametrize("durable", [True, False])
def test_what_was_changed_is_read_back_by_the_way(land: Landscape, durable: bool) -> None:
    work = Rereading(read(land))
    before = work.item.version
    assert land.database.attempt(work, durable=durable)
    assert [tuple(row) for row in work.told] == [(work.item.name, 7, before + 1, "our owner")]
    assert notes() == ["ranked: before", "ranked: after"]


def test_of_a_mistake_nothing_is_read_back(land: Landscape) -> None:
    work = Rereading(read(land))
    spoil(work.item)
    assert not land.database.attempt(work)
    assert work.told == []


def test_several_changes_are_each_read_back(land: Landscape) -> None:
    items, told = [find(Item, item.id) for item in land.our_items[:3]], []

    def work() -> None:
        for rank, item in enumerate(items):
            compare_and_set(item, {"id": item.id}, {"rank": rank}, Returning(lambda: [Item.name, Item.rank], told.append))

    land.database.attempt(work)
    with land.database.transaction():
        work()
    work()
    assert [tuple(row) for row in told] == [(item.name, rank) for rank, item in enumerate(items)] * 3


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("durable", [True, False])
def test_all_of_it_is_one_statement_of_postgresql(land: Landscape, durable: bool) -> None:
    database: Any = land.database
    work, sent = Ranking(read(land)), []
    database.query_hooks.append(lambda event: sent.append(event.sql))
    database.attempt(work, durable=durable)
    (statement,) = sent
    assert statement.startswith("WITH part0 AS (UPDATE")
    assert ("synchronous_commit" in statement) is not durable


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_nobody_waits_on_sqlite_before_the_work_is_done(land: Landscape, database_url: str) -> None:
    work = Ranking(read(land), lambda: spoiled_by_a_stranger(database_url, work.item))
    assert not land.database.attempt(work)
    assert work.answers == [True, False]


def spoiled_by_a_stranger(database_url: str, item: Item) -> None:
    """Change the item in another process's stead, which must not have to wait."""
    import sqlite3

    stranger = sqlite3.connect(database_url.removeprefix("sqlite:///"), timeout=0)
    with stranger:
        stranger.execute("UPDATE attack_item SET version = 9 WHERE id = ?", (item.id,))
    stranger.close()


def test_a_constraint_that_only_a_mistake_breaks_is_none(land: Landscape) -> None:
    item = read(land)
    spoil(item)

    def work() -> bool:
        done = compare_and_set(item, {"version": item.version}, {"rank": 7})
        if done:
            create(Item, slug=item.slug, name="a twin", rank=1, country="DE")
        return done

    assert not land.database.attempt(work)


def test_a_constraint_that_is_broken_in_any_case_is_told(land: Landscape) -> None:
    with pytest.raises(peewee.IntegrityError, match="slug"):
        land.database.attempt(lambda: create(Item, slug=land.our_items[0].slug, name="a twin", rank=1, country="DE"))


def test_a_row_that_is_gone_is_a_mistake_too(land: Landscape) -> None:
    work = Ranking(find(Item, land.our_items[2].id))
    Item.delete().where(Item.id == work.item.id).execute()
    assert not land.database.attempt(work)
    assert find_or_none(Item, work.item.id) is None
