"""What a run used: tokens, and money that is never added up over currencies."""

from typing import Any

from aasim_core.text.json import to_json
from aasim_plugins.engines.hookspecs import Cost, Usage, in_words
from aasim_plugins.engines.service import Spent
from aasim_plugins.executions.models import Execution
from aasim_plugins.executions.turn import usage


def spent(currency: str | None, amount: int = 0, *, source: Any = "reported") -> Spent:
    cost = None if currency is None else Cost(amount, currency, "test")
    return Spent("engine_1", "m", Usage(2, 1, source), cost)


def told(*calls: Spent, judged: tuple[Spent, ...] = ()) -> dict[str, Any]:
    """What clients get after these calls, by way of the row."""
    found = usage.Usage()
    for call in calls:
        found.add(call)
    for call in judged:
        found.add(call, by_judge=True)
    row = found.columns()
    assert usage.Usage.of(Execution(organization_id="organization_1", **row)).columns() == row
    return usage.shown({**row, "usage_details": row["usage_details"] and to_json(row["usage_details"]).decode()})


def test_costs_in_one_currency_are_added_up() -> None:
    found = told(spent("EUR", 3), spent("EUR", 4), spent(None))
    assert (found["input_tokens"], found["output_tokens"], found["cost"], found["currency"]) == (6, 3, 7, "EUR")
    assert (found["costs"], found["estimated"], found["judges"]) == ([{"currency": "EUR", "cost": 7}], False, None)


def test_costs_in_two_currencies_are_listed_and_have_no_sum() -> None:
    found = told(spent("EUR", 3), spent("USD", 4))
    assert (found["cost"], found["currency"]) == (None, None)
    assert found["costs"] == [{"currency": "EUR", "cost": 3}, {"currency": "USD", "cost": 4}]


def test_what_is_free_is_free_in_every_currency() -> None:
    assert told(spent("USD"), spent("EUR", 3))["costs"] == [{"currency": "EUR", "cost": 3}]
    assert (told(spent("USD"))["cost"], told(spent("USD"))["currency"]) == (0, "USD")


def test_a_cost_that_is_not_known_is_none() -> None:
    assert (told(spent(None))["cost"], told(spent(None))["costs"]) == (None, [])


def test_one_call_that_was_estimated_marks_the_whole() -> None:
    assert told(spent("EUR", 1), spent("EUR", 1, source="estimated"))["estimated"] is True


def test_judges_count_and_are_shown_beside_the_whole() -> None:
    found = told(spent("EUR", 3), judged=(spent("EUR", 4),))
    assert (found["cost"], found["input_tokens"]) == (7, 4)
    assert found["judges"] == {"input_tokens": 2, "output_tokens": 1, "costs": [{"currency": "EUR", "cost": 4}]}


def test_what_was_counted_before_currencies_were_kept_is_added_to_none_of_them() -> None:
    before = usage.Usage.of(Execution(organization_id="organization_1", cost=5))
    before.add(spent("EUR", 3))
    assert before.columns()["usage_details"]["costs"] == {"XXX": 5, "EUR": 3}


def test_money_is_written_as_people_write_it() -> None:
    assert [in_words(amount, "USD") for amount in (149, 2_500_000, 0, 10**14)] == [
        "0.000149 USD", "2.5 USD", "0 USD", "100000000 USD",
    ]  # fmt: skip
