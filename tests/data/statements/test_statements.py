"""Statements are compiled once for each kind of scope, and run for whichever organization is in scope."""

from typing import Any

import pytest
from peewee import SQL

from aasim_core.context import NoScope, organization_scope, system_scope
from aasim_core.data.scope import ScopeViolation
from aasim_core.data.statements import Bind, Statement

from ..scope.landscape import OURS, THEIRS, Country, Item, Landscape


def by_rank() -> Any:
    """Items of at least a rank, in a country that is always the same."""
    return Item.select(Item.name).where(Item.rank >= Bind("rank"), Item.country == "DE").order_by(Item.name)


def numbered(number: int) -> Any:
    """One of many statements that differ."""
    return Country.select(Country.code).where(SQL(f"{number} = {number}"))


def names(land: Landscape, rank: int) -> list[str]:
    """What the statement gives in the present scope."""
    rows = land.database.statement(by_rank).run(land.database, {"rank": rank})
    return [name for (name,) in rows.fetchall()]


def test_a_statement_runs_for_the_organization_in_scope(land: Landscape) -> None:
    with organization_scope(OURS):
        assert names(land, 1) == ["our item 2"]
    with organization_scope(THEIRS):
        assert names(land, 1) == ["their item 2", "their item 4"]
    with system_scope("see all"):
        assert names(land, 1) == ["our item 2", "their item 2", "their item 4"]
    with organization_scope(OURS):
        assert names(land, 0) == ["our item 0", "our item 2"]


def test_a_statement_is_compiled_once_for_each_kind_of_scope(land: Landscape) -> None:
    statements = []
    for scope in (organization_scope(OURS), organization_scope(THEIRS), system_scope("a"), system_scope("b")):
        with scope:
            statements.append(land.database.statement(by_rank))
    ours, theirs, one, other = statements
    assert ours is theirs
    assert one is other
    assert ours is not one


def test_without_a_scope_only_shared_tables_can_be_asked(land: Landscape) -> None:
    shared = land.database.statement(lambda: Country.select(Country.code).where(Country.code == Bind("code")))
    assert shared.run(land.database, {"code": "DE"}).fetchall() == [("DE",)]
    with pytest.raises(NoScope):
        names(land, 0)


def test_a_statement_for_tenants_does_not_run_without_a_scope(land: Landscape) -> None:
    with organization_scope(OURS):
        statement = land.database.statement(by_rank)
    with pytest.raises(NoScope):
        statement.run(land.database, {"rank": 0})


def test_raw_sql_cannot_be_hidden_in_a_statement(land: Landscape) -> None:
    with organization_scope(OURS), pytest.raises(ScopeViolation):
        land.database.statement(lambda: Item.select().where(SQL("id IN (SELECT id FROM attack_item)"))).run(land.database, {})


def test_a_value_that_nobody_gave_is_an_error(land: Landscape) -> None:
    with organization_scope(OURS), pytest.raises(KeyError, match="rank"):
        land.database.statement(by_rank).run(land.database, {})


@pytest.mark.long
def test_shapes_without_end_do_not_fill_the_memory(land: Landscape) -> None:
    with organization_scope(OURS):
        for number in range(5000):
            land.database.statement(numbered, number)
        assert len(land.database._statements) < 5000
        assert names(land, 1) == ["our item 2"]


def test_the_organization_is_not_taken_from_a_text_that_looks_like_the_slot(land: Landscape) -> None:
    with organization_scope(OURS):
        statement = Statement.compile(
            land.database, lambda: Country.select(Country.code).where(Country.name == "organization in scope")
        )
        assert statement.slots == ("organization in scope",)
        assert statement.run(land.database, {}).fetchall() == []
