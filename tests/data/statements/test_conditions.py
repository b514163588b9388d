"""Conditions that are joined."""

from aasim_core.context import organization_scope
from aasim_core.data.conditions import NOTHING, Condition, all_of, any_of, in_ways

from ..scope.landscape import OURS, Item, Landscape


def test_what_no_row_meets_is_left_out_where_another_condition_will_do() -> None:
    mine = Condition(lambda me: me, me="user_1")
    assert any_of(NOTHING, mine) is mine
    assert any_of(mine, NOTHING) is mine
    assert any_of(NOTHING, NOTHING) is NOTHING


def test_what_is_asked_besides_holds_in_each_way() -> None:
    mine, ours = (Condition(lambda who: who, who=who) for who in ("me", "us"))
    asked = Condition(lambda kind: kind, kind="agent")
    ways = all_of(in_ways(any_of(mine, ours), [mine, ours]), asked).ways
    assert [dict(way.values) for way in ways] == [{"who_0": "me", "kind_1": "agent"}, {"who_0": "us", "kind_1": "agent"}]


def test_no_row_meets_nothing_and_every_row_meets_no_condition(land: Landscape) -> None:
    with organization_scope(OURS):
        counts = [Item.select().where(condition.expression()).count() for condition in (NOTHING, all_of())]
    assert counts == [0, 3]
