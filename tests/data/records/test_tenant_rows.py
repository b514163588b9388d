"""Erasing an organization: its rows go from every table, in small steps, and nobody else's do."""

import pytest

from aasim_core.context import system_scope
from aasim_core.data import tenant_rows
from aasim_core.data.tenant_rows import erase_rows, tenant_tables

from ..scope.landscape import OURS, THEIRS, Item, Landscape


def left(land: Landscape, organization_id: str) -> int:
    with system_scope("look at everything"):
        return int(Item.select().where(Item.organization_id == organization_id).count())


def erase(land: Landscape, *, but: tuple[str, ...] = (), steps: int | None = None) -> bool:
    """Erase their rows, in so many steps at most."""
    taken = iter(range(steps if steps is not None else 1000))
    with system_scope("erase an organization"):
        # Items refer to owners, and stand behind them in the order of names.
        return erase_rows(land.database, THEIRS, but={"attack_owner", *but}, should_stop=lambda: next(taken, None) is None)


def test_tables_of_organizations_are_those_with_their_column(land: Landscape) -> None:
    with system_scope("erase an organization"):
        found = set(tenant_tables(land.database))
    assert found & {"attack_item", "attack_owner", "attack_country"} == {"attack_item", "attack_owner"}


def test_the_rows_of_one_organization_go_and_no_others(land: Landscape) -> None:
    assert erase(land) is True
    assert (left(land, THEIRS), left(land, OURS)) == (0, 3)


def test_a_table_that_is_excepted_keeps_its_rows(land: Landscape) -> None:
    assert erase(land, but=("attack_item",)) is True
    assert left(land, THEIRS) == 5


def test_erasing_that_has_to_stop_goes_on_next_time(land: Landscape, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenant_rows, "_ROWS_AT_ONCE", 2)
    with system_scope("erase an organization"):
        Item.update(parent=None).execute()
    assert erase(land, steps=0) is False
    assert left(land, THEIRS) == 3
    assert erase(land) is True
    assert left(land, THEIRS) == 0
