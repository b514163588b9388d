"""Why cost and success changed: parts in whole numbers that sum to the difference, and have the other sign the other way round."""

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.analytics.reasons import changes

from .conftest import AGENT, Ended, call

_SMALL, _AMOUNT = st.integers(0, 40), st.integers(-10, 5_000_000)


@st.composite
def periods(draw: Any) -> dict[Any, Any]:
    """What a period can be: groups with calls, tokens and costs, corrections and calls without tokens among them."""
    found = {}
    for group in draw(st.sets(st.sampled_from([("a",), ("b",), ("c",), (None,)]))):
        runs = draw(_SMALL)
        cancelled = draw(st.integers(0, runs))
        found[group] = {
            "calls": draw(_SMALL), "input_tokens": draw(_SMALL), "output_tokens": draw(_SMALL), "runs": runs,
            "cancelled": cancelled, "succeeded": draw(st.integers(0, runs - cancelled)),
            "costs": [{"currency": each, "cost": draw(_AMOUNT)} for each in draw(st.sets(st.sampled_from(["EUR", "USD"])))],
        }  # fmt: skip
    return found


@pytest.mark.long
@given(periods(), periods())
def test_the_parts_sum_to_the_difference_and_swapping_the_periods_flips_the_signs_only(before: Any, after: Any) -> None:
    there, back = changes.costs(before, after), changes.costs(after, before)
    there, back = {**there, "success": changes.success(before, after)}, {**back, "success": changes.success(after, before)}
    assert there.keys() == back.keys()
    for name, change in there.items():
        assert sum(change.parts.values()) == change.after - change.before
        assert (change.before, change.after) == (back[name].after, back[name].before)
        assert {key: -part for key, part in change.parts.items()} == back[name].parts
        for group, parts in change.groups.items():
            assert {key: -part for key, part in parts.items()} == back[name].groups[group]


def row(calls: int, tokens: int, cost: int, **more: int) -> dict[str, Any]:
    """What a group had."""
    runs = {"runs": 0, "succeeded": 0, "cancelled": 0, **more}
    return {"calls": calls, "input_tokens": tokens, "output_tokens": 0, "costs": [{"currency": "EUR", "cost": cost}], **runs}


@pytest.mark.parametrize(
    ("before", "after", "part"),
    [
        ({"a": row(10, 100, 1000)}, {"a": row(20, 200, 2000)}, "volume"),
        ({"a": row(10, 100, 1000)}, {"a": row(10, 200, 2000)}, "tokens"),
        ({"a": row(10, 100, 1000)}, {"a": row(10, 100, 2000)}, "price"),
        ({"a": row(10, 100, 1000), "b": row(10, 100, 3000)}, {"a": row(5, 50, 500), "b": row(15, 150, 4500)}, "mix"),
        ({"a": row(10, 100, 1000)}, {"a": row(10, 100, 1000), "b": row(0, 0, -70)}, "corrections"),
        ({"a": row(10, 100, 1000)}, {}, "volume"),
        ({"a": row(10, 0, 1000)}, {"a": row(10, 0, 2000)}, "price"),
    ],
)
def test_a_change_of_one_factor_is_explained_by_that_alone(before: Any, after: Any, part: str) -> None:
    found = changes.costs({(key,): value for key, value in before.items()}, {(key,): value for key, value in after.items()})[
        "EUR"
    ]
    assert {name for name, value in found.parts.items() if value} == {part}
    assert found.parts[part] == found.after - found.before


@pytest.fixture
def clock() -> Iterator[Any]:
    """It is eight o'clock, and stays so."""
    with time_machine.travel("2026-02-01T08:00:00Z", tick=False) as clock:
        yield clock


def explained(person: Person, **query: str) -> Any:
    """The answer."""
    asked = {"from" if name == "since" else name: value for name, value in query.items()}
    return person.client.get(f"/analytics/executions/explain?{urlencode(asked)}")


def test_a_period_is_compared_with_the_one_before_and_both_ways(clock: Any, app: App, ended: Ended, owner: Person) -> None:
    ended("2026-01-30T07:00:00Z", cost=10)
    ended("2026-01-31T07:00:00Z", cost=30)
    ended("2026-01-31T07:30:00Z", cost=30, status="failed")
    days = {"since": "2026-01-31T00:00:00Z", "to": "2026-02-01T00:00:00Z"}
    told = explained(owner, **days, group_by="agent").data

    assert told["before"] == {"starts_at": "2026-01-30T00:00:00.000Z", "ends_at": "2026-01-31T00:00:00.000Z"}
    (cost,) = told["costs"]
    assert (cost["currency"], cost["difference"], cost["parts"]) == (
        "EUR", 50, {"volume": 20, "mix": 0, "tokens": 0, "price": 30, "corrections": 0},
    )  # fmt: skip
    assert cost["groups"] == [{"group": {"agent_id": AGENT}, "parts": cost["parts"]}]
    assert (told["success"]["difference"], told["success"]["parts"]) == (0, {"volume": 750_000, "mix": 0, "rate": -750_000})
    other = {"than_from": days["since"], "than_to": days["to"]}
    back = explained(owner, since="2026-01-30T00:00:00Z", to="2026-01-31T00:00:00Z", **other, group_by="agent").data
    assert back["costs"][0]["parts"] == {name: -part for name, part in cost["parts"].items()}


def test_corrections_are_told_apart(clock: Any, app: App, ended: Ended, owner: Person) -> None:
    execution = ended("2026-01-31T07:00:00Z", cost=30)
    with organization_scope(owner.organization_id), app.database.transaction():
        call(execution, "2026-02-01T07:00:00Z", -5, outcome="correction", input_tokens=0, output_tokens=0)
    told = explained(owner, since="2026-02-01T00:00:00Z", than_from="2026-01-31T00:00:00Z").data
    assert told["costs"][0]["parts"] == {"volume": -30, "mix": 0, "tokens": 0, "price": 0, "corrections": -5}


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"group_by": "status"}, "group_by"),
        ({"than_from": "2026-01-01T00:01:00Z"}, "than_from"),
        ({"than_from": "2026-02-01T00:00:00Z", "than_to": "2026-01-01T00:00:00Z"}, "than_from"),
    ],
)
def test_what_cannot_be_compared_is_refused_by_its_name(clock: Any, owner: Person, query: dict[str, str], field: str) -> None:
    answer = explained(owner, **query)
    assert (answer.status, field in str(list(answer.codes))) == (400, True)
