"""The few ways in which records are written and read, and what becomes of them in the wrong organization."""

from collections.abc import Iterator

import peewee
import pytest

from aasim_core.context import organization_scope
from aasim_core.data.records import change, compare_and_set, create, find, find_or_none, insert_rows, read_row, remove
from aasim_core.data.scope import ScopeViolation
from aasim_core.errors import Refused

from ..scope.landscape import OURS, THEIRS, Item, Landscape, Owner


@pytest.fixture
def land(guarded_land: Landscape) -> Iterator[Landscape]:
    """Two organizations, with ours in scope."""
    with organization_scope(OURS):
        yield guarded_land


def test_a_change_writes_what_differs_and_counts(land: Landscape) -> None:
    item = find(Item, land.our_items[0].id)
    assert change(item, {"name": "new", "rank": item.rank}) == {"name": ["our item 0", "new"]}
    again = find(Item, item.id)
    assert (again.name, again.version, again.updated_at) == ("new", 2, item.updated_at)
    assert again.updated_at >= again.created_at


def test_a_change_to_what_is_there_already_writes_nothing(land: Landscape) -> None:
    item = find(Item, land.our_items[0].id)
    assert change(item, {"name": item.name}) == {}
    assert find(Item, item.id).version == 1


def test_of_two_changes_to_the_same_version_one_is_refused(land: Landscape) -> None:
    mine, yours = find(Item, land.our_items[0].id), find(Item, land.our_items[0].id)
    change(mine, {"name": "mine"})
    with pytest.raises(Refused) as refusal:
        change(yours, {"name": "yours"})
    assert refusal.value.code == "version_conflict"
    assert find(Item, mine.id).name == "mine"


def test_compare_and_set_compares_values_and_their_absence(land: Landscape) -> None:
    first, second = (find(Item, item.id) for item in land.our_items[:2])
    assert compare_and_set(first, {"parent": None, "name": "our item 0"}, {"rank": 7})
    assert not compare_and_set(second, {"parent": None}, {"rank": 7})
    assert compare_and_set(second, {"parent": first.id}, {"parent": None, "rank": 8})
    assert [find(Item, item.id).rank for item in (first, second)] == [7, 8]
    assert find(Item, second.id).parent_id is None


def test_what_is_removed_is_gone_and_cannot_be_removed_again(land: Landscape) -> None:
    item = find(Item, land.our_items[2].id)
    remove(item)
    assert find_or_none(Item, item.id) is None
    for attempt in (lambda: find(Item, item.id), lambda: remove(item)):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "not_found"


def test_their_record_is_as_if_it_did_not_exist(land: Landscape) -> None:
    theirs = land.their_items[0]
    assert read_row(Item, theirs.id) is None
    for attempt in (lambda: find(Item, theirs.id), lambda: remove(theirs)):
        with pytest.raises(Refused) as refusal:
            attempt()
        assert refusal.value.code == "not_found"
    with pytest.raises(Refused, match="meanwhile"):
        change(theirs, {"name": "x"})
    assert land.rows_of(THEIRS) == land.their_rows


@pytest.mark.long
def test_more_rows_than_one_statement_takes_are_written_in_several(land: Landscape) -> None:
    rows = [Owner(name=f"owner {number}").row() for number in range(6000)]
    with land.database.transaction():
        insert_rows(Owner, rows)
    assert Owner.select().count() == 6001


def test_no_rows_are_no_statement(land: Landscape) -> None:
    insert_rows(Owner, [])


def test_a_row_of_theirs_among_ours_is_refused(land: Landscape) -> None:
    rows = [Owner(name="ours").row(), Owner(name="theirs", organization_id=THEIRS).row()]
    with pytest.raises(ScopeViolation):
        insert_rows(Owner, rows)
    assert Owner.select().count() == 1


def test_a_broken_constraint_is_an_integrity_error(land: Landscape) -> None:
    with pytest.raises(peewee.IntegrityError):
        create(Item, slug="their-0", name="taken", rank=0, country="DE")
