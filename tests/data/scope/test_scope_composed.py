"""Queries composed at random give in our scope exactly what they give in a database that holds nothing but our rows."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from peewee import JOIN, SQL, Select, Table, fn

from aasim_core.context import organization_scope, system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.database import Database
from aasim_core.data.migrator import runner as migrations
from aasim_core.testing.databases import Databases

from .landscape import OTHER, OURS, THEIRS, Country, Item, Landscape, Owner

pytestmark = pytest.mark.long

#: Makes a query anew each time, because peewee's queries remember their rows.
Build = Callable[[], Any]


@pytest.fixture
def ours_alone(land: Landscape, databases: Databases, migration_sources: Sequence[migrations.Source]) -> Iterator[Database]:
    """A database without tenants, with our rows and no others."""
    url = databases.lend(migration_sources)
    database = connect(url, durability="normal")
    with database.connected(), database.transaction(), system_scope("copy our rows"):
        for model in (Country, Owner, Item):
            mine = model.select() if model is Country else model.select().where(model.organization_id == OURS)
            rows = list(mine.order_by(model._meta.primary_key).tuples().execute(land.database))
            model.insert_many(rows, fields=model._meta.sorted_fields).execute(database)
    with database.connected():
        yield database
    database.close_all()
    databases.take_back(url)


def conditions(model: Any, depth: int = 2) -> some.SearchStrategy[Build]:
    """Conditions on the columns of an item or its alias, some with sub-queries."""
    ranks, words = some.integers(-1, 5), some.sampled_from(["our", "their", "item", "2", ""])
    leaves = [
        ranks.map(lambda rank: lambda: model.rank >= rank),
        ranks.map(lambda rank: lambda: model.rank == rank),
        words.map(lambda word: lambda: model.name.contains(word)),
        some.sampled_from(["DE", "FR", "XX"]).map(lambda code: lambda: model.country == code),
        some.sampled_from([OURS, THEIRS]).map(lambda organization: lambda: model.organization_id == organization),
        some.sampled_from(["1 = 1", "1 = 0 OR 1 = 1", "1 = 0"]).map(lambda text: lambda: SQL(text)),
        some.just(model.parent.is_null),
        ranks.map(lambda rank: lambda: model.id.in_(Item.select(Item.id).where(Item.rank <= rank))),
        words.map(lambda word: lambda: fn.EXISTS(Owner.select().where(Owner.id == model.owner, Owner.name.contains(word)))),
        ranks.map(lambda rank: lambda: model.rank == Item.select(fn.MAX(Item.rank)).where(Item.rank <= rank)),
        some.just(lambda: Country.select(fn.COUNT(Country.code)).where(Country.code == model.country) == 1),
    ]
    if not depth:
        return some.one_of(leaves)
    inner = conditions(model, depth - 1)
    return some.one_of(
        *leaves,
        some.tuples(inner, inner).map(lambda pair: lambda: pair[0]() & pair[1]()),
        some.tuples(inner, inner).map(lambda pair: lambda: pair[0]() | pair[1]()),
        inner.map(lambda build: lambda: ~build() if not isinstance(build(), SQL) else build()),
    )


def sources() -> some.SearchStrategy[Callable[[Any], Any]]:
    """Ways to turn a condition into a query for names."""
    kinds = [JOIN.INNER, JOIN.LEFT_OUTER, JOIN.RIGHT_OUTER]
    return some.one_of(
        some.just(lambda condition: Item.select(Item.name).where(condition)),
        some.just(lambda condition: Item.select(Item.name).where(Item.rank == 99).orwhere(condition)),
        some.sampled_from(kinds).map(
            lambda kind: lambda condition: Item.select(Item.name, Owner.name).join(Owner, kind, on=condition)
        ),
        some.sampled_from(kinds).map(
            lambda kind: lambda condition: (
                Item.select(Item.name, OTHER.name).join(OTHER, kind, on=(OTHER.rank < Item.rank)).where(condition)
            )
        ),
        some.just(lambda condition: Item.select(Item.name, Owner.name).from_(Item, Owner).where(condition)),
        some.just(lambda condition: Item.select(Item.name).where(condition).cte("c").select_from(SQL("name"))),
        some.just(lambda condition: Select([Item.select().where(condition).alias("s")], [SQL("s.name")])),
        some.just(lambda condition: Item.select(fn.MAX(Item.name), fn.COUNT(Item.id)).where(condition).group_by(Item.country)),
        some.just(lambda condition: Item.select(Item.name, fn.COUNT(Item.id).over(partition_by=[Item.country])).where(condition)),
        some.just(lambda condition: Country.select(Country.code).where(fn.EXISTS(Item.select().where(condition)))),
        some.just(lambda condition: Country.select(Country.code, Item.select(fn.MIN(Item.name)).where(condition))),
        some.just(lambda condition: Select([Table("attack_owner", alias="o")], [SQL("o.name")]).where(fn.EXISTS(
            Item.select().where(condition)))),
    )  # fmt: skip


@some.composite
def queries(draw: some.DrawFn) -> Build:
    """A query for names, or two of them combined."""
    make, condition, other = draw(sources()), draw(conditions(Item)), draw(conditions(OTHER))
    combine = draw(some.sampled_from([None, "union", "union_all", "intersect", "except_"]))
    if combine is None:
        return lambda: make(condition())
    return lambda: getattr(Item.select(Item.name).where(condition()), combine)(OTHER.select(OTHER.name).where(other()))


def rows(query: Any, database: Database) -> list[Any]:
    """What the query gives, in an order of ours."""
    return sorted(map(repr, query.tuples().execute(database)))


unhurried = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@unhurried
@given(build=queries())
def test_a_query_sees_what_there_would_be_without_the_others(build: Build, land: Landscape, ours_alone: Database) -> None:
    with system_scope("ask without a wall"):
        expected = rows(build(), ours_alone)
    with organization_scope(OURS):
        assert rows(build(), land.database) == expected


@unhurried
@given(condition=conditions(Item), delete=some.booleans())
def test_a_change_does_what_it_would_do_without_the_others(
    condition: Build, delete: bool, land: Landscape, ours_alone: Database
) -> None:
    def changed(database: Database) -> tuple[int, list[Any]]:
        Item.update(parent=None).execute(database)  # or foreign keys decide
        query = Item.delete().where(condition()) if delete else Item.update(name="changed").where(condition())
        count = query.execute(database)
        return count, rows(Item.select().where(Item.organization_id == OURS), database)

    with system_scope("change without a wall"):
        expected = undone(ours_alone, lambda: changed(ours_alone))
    with organization_scope(OURS):
        found = undone(land.database, lambda: (*changed(land.database), land.rows_of(THEIRS)))
    assert found == (*expected, land.their_rows)


class _Undo(Exception):
    """Ends a transaction without keeping it."""


def undone(database: Database, action: Callable[[], Any]) -> Any:
    """The result of `action`, whose changes are rolled back."""
    with suppress(_Undo), database.transaction():
        result = action()
        raise _Undo
    return result
