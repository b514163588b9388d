"""Compiled statements are told apart by the code that builds them and what it closes over; nobody has to invent a name."""

from collections.abc import Callable
from functools import partial
from types import ModuleType
from typing import Any

import pytest
from peewee import fn

from aasim_core.context import organization_scope
from aasim_core.data.backends.statement_cache import key_of
from aasim_core.data.compiled import compiled
from aasim_core.data.conditions import Condition, all_of, any_of, equals
from aasim_core.data.statements import Bind
from aasim_core.testing.statements import recorded

from ..scope.landscape import OURS, Country, Item, Landscape

PLUGIN = """
def newest(model):
    return lambda: model.select(model.name).order_by(model.name.desc()).limit(1)

def of_mine(model):
    def build():
        return model.select(model.{column}).order_by(model.name).limit(1)
    return build
"""


def plugin(name: str, column: str) -> Any:
    """A module of a plugin that has functions of the same names as another one, at the same lines."""
    module = ModuleType(name)
    exec(compile(PLUGIN.format(column=column), "service.py", "exec"), vars(module))  # noqa: S102
    return module


def first(land: Landscape, build: Callable[[], Any], **values: Any) -> Any:
    with organization_scope(OURS):
        return land.database.statement(build).run(land.database, values).fetchone()


def same(one: Any, other: Any) -> bool:
    return key_of(one, []) == key_of(other, [])


def test_two_plugins_with_functions_of_equal_names_get_their_own_statements(land: Landscape) -> None:
    names, ranks = plugin("a", "name"), plugin("b", "rank")
    assert first(land, names.of_mine(Item)) == ("our item 0",)
    assert first(land, ranks.of_mine(Item)) == (0,)


def test_one_function_makes_a_statement_for_each_table(land: Landscape) -> None:
    newest = plugin("a", "name").newest
    assert first(land, newest(Item)) == ("our item 2",)
    assert first(land, newest(Country)) != ("our item 2",)


def test_a_function_that_is_made_anew_needs_no_other_statement(land: Landscape) -> None:
    newest = plugin("a", "name").newest
    first(land, newest(Item))
    known = len(land.database._statements)
    first(land, newest(Item))
    assert len(land.database._statements) == known


def test_two_conditions_of_one_shape_are_told_apart() -> None:
    def above(me: Any) -> Any:
        return Item.rank > me

    def below(me: Any) -> Any:
        return Item.rank < me

    assert not same(all_of(Condition(above, me=1)), all_of(Condition(below, me=1)))


def test_the_values_of_a_condition_are_no_part_of_the_key_but_their_names_are() -> None:
    def either(**values: Any) -> Any:
        return Item.rank.in_(list(values.values()))

    assert same(Condition(either, one=1), Condition(either, one=2))
    assert not same(Condition(either, one=1), Condition(either, one=1, other=2))


def test_an_argument_is_no_keyword() -> None:
    assert not same(partial(plugin, ("column", "x")), partial(plugin, column="x"))
    assert not same(partial(plugin, "column"), partial(plugin, ("column",)))


def test_two_conditions_may_call_their_values_alike(land: Landscape) -> None:
    both = all_of(Condition(lambda value: Item.rank > value, value=1), Condition(lambda value: Item.name != value, value="x"))
    with organization_scope(OURS):
        assert [item.rank for item in Item.select().where(both.with_values())] == [2]


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (all_of(), [0, 1, 2]),
        (equals(Item.rank, 2), [2]),
        (any_of(equals(Item.rank, 2), equals(Item.rank, 0)), [0, 2]),
        (all_of(equals(Item.rank, 2), equals(Item.name, "our item 0")), []),
        (any_of(all_of(equals(Item.rank, 2), equals(Item.name, "our item 2")), equals(Item.rank, 7)), [2]),
    ],
)
def test_conditions_are_put_together(land: Landscape, condition: Condition, expected: list[int]) -> None:
    with organization_scope(OURS):
        query = Item.select().where(condition.with_values()).order_by(Item.rank)
        assert [item.rank for item in query] == expected


def test_what_a_function_closes_over_is_part_of_its_key() -> None:
    def limited(number: Any, *columns: Any) -> Callable[[], Any]:
        return lambda: Item.select(*columns).limit(number)

    assert same(limited(1, Item.name), limited(1, Item.name))
    assert not same(limited(1, Item.name), limited(2, Item.name))
    assert not same(limited(1, Item.name), limited(1, Item.slug))
    assert not same(limited(1), limited(True))
    assert not same(limited(1), limited(1.0))


def test_columns_of_one_name_in_two_tables_are_told_apart() -> None:
    assert not same(partial(fn.LOWER, Item.name), partial(fn.LOWER, Country.name))


def test_defaults_are_part_of_the_key() -> None:
    made = []
    for model in (Item, Country):

        def build(source: Any = model, *, column: str = "name") -> Any:
            return source.select(getattr(source, column))

        made.append(build)
    assert not same(*made)


@pytest.mark.parametrize("value", [["a"], {"a": 1}, {1}])
def test_what_can_change_or_equals_others_is_refused(value: Any) -> None:
    with pytest.raises(TypeError, match="cannot depend on a"):
        key_of(partial(fn.LOWER, value), [])


@compiled(Item)
def _named(with_rank: bool) -> Any:
    columns = (Item.name, Item.rank) if with_rank else (Item.name,)
    return Item.select(*columns).where(Item.name >= Bind("name")).order_by(Item.name)


def test_a_compiled_function_has_a_statement_for_each_of_its_arguments(land: Landscape) -> None:
    with organization_scope(OURS):
        assert _named.one(True, name="our item 2") == ("our item 2", 2)
        assert list(_named.all(False, name="our item 0")) == [("our item 0",), ("our item 1",), ("our item 2",)]
        assert _named.one(False, name="z") is None


@compiled(Item)
def _ranked() -> Any:
    return Item.update(rank=Bind("rank")).where(Item.slug == Bind("slug"))


def test_a_compiled_write_for_later_is_made_before_the_next_question(land: Landscape) -> None:
    with organization_scope(OURS), land.database.transaction():
        with recorded(land.database) as sent:
            _ranked.later(rank=9, slug="our-0")
        assert sent == []
        assert Item.get(Item.slug == "our-0").rank == 9
