"""What PostgreSQL hears of a transaction: no more statements than it takes, and nothing that another order could change."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import peewee
import pytest

from aasim_core.context import organization_scope
from aasim_core.data.records import create, find_or_none, insert_rows
from aasim_core.data.statements import Bind

from ..scope.landscape import OURS, THEIRS, Item, Landscape, Owner

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.fixture
def sent(guarded_land: Landscape) -> list[str]:
    """The first words of each statement that is sent from now on, but those that end a transaction or tell the scope."""
    database: Any = guarded_land.database
    words: list[str] = []

    def note(event: Any) -> None:
        if "set_config" not in event.sql:
            words.append(" ".join(event.sql.split()[:2]))

    database.query_hooks.append(note)
    return words


def owner(name: str) -> Owner:
    """Write an owner."""
    made: Owner = create(Owner, name=name)
    return made


def item(slug: str, owner_id: str | None = None) -> Item:
    """Write an item."""
    made: Item = create(Item, slug=slug, name=slug, rank=1, country="DE", owner=owner_id)
    return made


def slugs(organization_id: str) -> set[str]:
    """The items that an organization sees."""
    with organization_scope(organization_id):
        return {row.slug for row in Item.select()}


def test_writes_that_nobody_asks_about_are_one_statement_and_nothing_else(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        item("new", owner("Ada").id)  # the item refers to the owner, who is written by the same statement
    assert sent == ["WITH part0"]
    assert "new" in slugs(OURS)


def test_reading_alone_takes_no_transaction(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        find_or_none(Item, guarded_land.our_items[0].id)
        assert Item.select(Item.id).count() == 3
    assert sent == ['SELECT "t1"."id",', "SELECT COUNT(1)"]


def test_what_is_read_before_writing_stays_outside(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        find_or_none(Item, guarded_land.our_items[0].id)
        owner("Ada")
    assert sent[-1] == "INSERT INTO"
    assert "BEGIN" not in sent


def test_a_question_sees_what_was_written_before_it(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        made = owner("Ada")
        assert find_or_none(Owner, made.id) is not None
        assert sent == ["BEGIN", "INSERT INTO", 'SELECT "t1"."id",']


def test_a_lock_holds_until_the_end(guarded_land: Landscape, sent: list[str]) -> None:
    database = guarded_land.database

    def locked() -> Any:
        return Item.select(Item.id).where(Item.slug == Bind("slug")).for_update()

    with organization_scope(OURS), database.transaction():
        database.statement(locked).run(database, {"slug": "our item 0"})
        assert sent == ["BEGIN", 'SELECT "t1"."id"']
    with database.transaction():
        database.lock("a name")
        assert sent[2:] == ["BEGIN", "SELECT pg_advisory_xact_lock(hashtextextended(%s,"]


def test_a_clash_is_told_by_the_end_and_undoes_everything(guarded_land: Landscape) -> None:
    def write() -> None:
        with organization_scope(OURS), guarded_land.database.transaction():
            item("twice")
            owner("Ada")
            item("twice")

    with pytest.raises(peewee.IntegrityError, match="slug"):
        write()
    with organization_scope(OURS):
        assert "twice" not in slugs(OURS)
        assert not Owner.select().where(Owner.name == "Ada").exists()


def test_an_error_before_anything_was_sent_leaves_nothing(guarded_land: Landscape, sent: list[str]) -> None:
    def write() -> None:
        with organization_scope(OURS), guarded_land.database.transaction():
            owner("Ada")
            raise LookupError

    with pytest.raises(LookupError):
        write()
    assert sent == []
    with guarded_land.database.transaction(), organization_scope(OURS):
        owner("Bob")
    with organization_scope(OURS):
        assert {row.name for row in Owner.select()} == {"our owner", "Bob"}


def test_each_write_is_made_in_the_scope_that_was_open_then(guarded_land: Landscape) -> None:
    with guarded_land.database.transaction():
        for organization_id, slug in ((OURS, "to us"), (THEIRS, "to them"), (OURS, "to us again")):
            with organization_scope(organization_id):
                item(slug)
    assert {"to us", "to us again"} <= slugs(OURS)
    assert "to them" in slugs(THEIRS)
    assert "to them" not in slugs(OURS)


def test_what_need_not_wait_for_the_disk_says_so(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction(durable=False):
        made = owner("Ada")
        assert find_or_none(Owner, made.id) is not None
    assert sent == ["BEGIN; SET", "INSERT INTO", 'SELECT "t1"."id",']


@pytest.mark.parametrize("count", [1, 16, 17, 50])
def test_any_number_of_writes_arrives(guarded_land: Landscape, count: int) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        for number in range(count):
            owner(f"Owner {number}")
    with organization_scope(OURS):
        assert Owner.select().where(Owner.name.startswith("Owner ")).count() == count


def test_more_parameters_than_a_statement_takes_are_several(guarded_land: Landscape, sent: list[str]) -> None:
    with organization_scope(OURS), guarded_land.database.transaction():
        for part in range(3):
            insert_rows(Owner, [Owner(name=f"Owner {part}.{number}").row() for number in range(5_000)])
    assert sent == ["BEGIN", "WITH part0", "INSERT INTO"]
    with organization_scope(OURS):
        assert Owner.select().where(Owner.name.startswith("Owner ")).count() == 15_000


def statement_of(number: int) -> Callable[[], Any]:
    """One of many statements that differ."""
    return lambda: Item.select(Item.id).where(Item.rank == Bind("rank"), peewee.SQL(f"{number} = {number}"))


def test_a_connection_keeps_a_bounded_number_of_statements(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        for number in (*range(1, 270), 1):
            compiled = database.statement(statement_of(number))
            for _ in range(2):
                assert len(compiled.run(database, {"rank": 0}).fetchall()) == 1
        kept = database.execute_sql("SELECT count(*) FROM pg_prepared_statements WHERE name LIKE 'aasim%%'").fetchone()[0]
    assert kept == 250


def test_a_statement_is_kept_when_it_comes_again(guarded_land: Landscape) -> None:
    database = guarded_land.database
    count = "SELECT count(*) FROM pg_prepared_statements WHERE statement LIKE '%%7 = 7%%'"
    with organization_scope(OURS):
        compiled = database.statement(statement_of(7))
        kept = []
        for _ in range(3):
            compiled.run(database, {"rank": 0})
            kept.append(database.execute_sql(count).fetchone()[0])
    assert kept == [0, 1, 1]


def test_a_rollback_leaves_the_prepared_statements(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        compiled = database.statement(statement_of(8))
        for _ in range(20):
            assert len(compiled.run(database, {"rank": 0}).fetchall()) == 1
            assert Item.select().where(Item.rank == 0).count() == 1  # of peewee's, by psycopg's cursor
        with suppress(LookupError), database.transaction():
            database.execute_sql("SELECT 1")
            raise LookupError
        assert Item.select().where(Item.rank == 0).count() == 1
        assert len(compiled.run(database, {"rank": 0}).fetchall()) == 1


def test_a_percent_sign_of_a_statement_is_one(guarded_land: Landscape) -> None:
    database = guarded_land.database
    with organization_scope(OURS):
        compiled = database.statement(lambda: Item.select(peewee.SQL("'50%%'"), Item.rank).where(Item.rank == Bind("rank")))
        assert compiled.run(database, {"rank": 0}).fetchone() == ("50%", 0)
