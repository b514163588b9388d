"""The tenant scope alone, without row-level security behind it, against queries of every shape."""

from collections.abc import Iterable
from typing import Any

import peewee
import pytest

from aasim_core.context import NoScope, organization_scope, system_scope
from aasim_core.data.scope import ScopeViolation

from .attacks_by_reading import ANSWERS, READS
from .attacks_by_writing import REFUSED, WRITES
from .landscape import OURS, THEIRS, Item, Landscape, Shape


def shapes(*tables: list[Shape]) -> pytest.MarkDecorator:
    """Run the test for each shape of the tables."""
    return pytest.mark.parametrize("shape", [shape for table in tables for shape in table], ids=lambda shape: shape.name)


@shapes(READS)
def test_a_query_gives_our_rows_only(shape: Shape, land: Landscape) -> None:
    with organization_scope(OURS):
        text = shown(shape.run(land))
    assert "our " in text
    assert "their" not in text


@shapes(ANSWERS)
def test_an_answer_is_as_if_the_others_did_not_exist(shape: Shape, land: Landscape) -> None:
    with organization_scope(OURS):
        assert shape.run(land) == shape.expected


@shapes(WRITES)
def test_a_change_leaves_their_rows_alone(shape: Shape, land: Landscape) -> None:
    with organization_scope(OURS):
        assert shape.run(land) == shape.expected
    assert land.rows_of(THEIRS) == land.their_rows


@shapes(REFUSED)
def test_what_cannot_be_confined_is_refused(shape: Shape, land: Landscape) -> None:
    ours = land.rows_of(OURS)
    with organization_scope(OURS), pytest.raises(ScopeViolation):
        shape.run(land)
    assert land.rows_of(THEIRS) == land.their_rows
    assert land.rows_of(OURS) == ours


@shapes(READS, ANSWERS, WRITES, REFUSED)
def test_nothing_is_done_without_a_scope(shape: Shape, land: Landscape) -> None:
    everything = land.rows_of(OURS) + land.their_rows
    with pytest.raises(NoScope):
        shown(shape.run(land))
    assert land.rows_of(OURS) + land.rows_of(THEIRS) == everything


def test_a_system_scope_sees_everything_and_ends_where_it_ends(land: Landscape) -> None:
    with organization_scope(OURS):
        with system_scope("count all"):
            assert Item.select().count() == 8
        assert Item.select().count() == 3


def test_an_organization_inside_a_system_scope_is_confined(land: Landscape) -> None:
    with system_scope("visit each organization"):
        with organization_scope(THEIRS):
            assert Item.select().count() == 5
        assert Item.select().count() == 8


def test_an_error_inside_a_scope_leaves_it_all_the_same(land: Landscape) -> None:
    with organization_scope(OURS):
        with pytest.raises(peewee.IntegrityError), system_scope("break a rule"):
            Item.insert(slug="our-0", name="x", rank=0, country="DE", organization_id=OURS).execute()
        assert Item.select().count() == 3


def shown(result: Any) -> str:
    """Everything that a result holds, as text."""
    if isinstance(result, peewee.Model):
        return repr(result.__data__)
    if isinstance(result, str | bytes | dict) or not isinstance(result, Iterable):
        return repr(result)
    return " ".join(map(shown, result))
