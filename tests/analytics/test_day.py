"""A day as it comes: runs that succeed, fail, are cancelled, repeated and judged, in two currencies, through a change of plan.

Whoever counts counts the same, to the micro-unit: the rows of calls, the rollup (after it was killed at its writes), budgets, meters of the
plan, the dashboard, and analytics as JSON and as CSV. `bin/bench day` lives through a longer one.
"""

import csv
import io
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import peewee
import pytest
import time_machine

from aasim_core.app import App
from aasim_core.clock import from_text
from aasim_core.context import organization_scope
from aasim_core.lists.paging import MOST_COUNTED
from aasim_core.testing.world import Client, Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.analytics.rollups import rollup, verification
from aasim_plugins.engines.service import EngineCall

pytestmark = [pytest.mark.long, pytest.mark.faults]
_RUNS = int(os.environ.get("DAY_RUNS", "84"))
_HOURS, _POINTS = 24, int(os.environ.get("ANALYTICS_POINTS", "2"))
_CALLS = ("answered", "unfinished")
DAY, NEXT = "2026-01-30T00:00:00Z", "2026-01-31T00:00:00Z"
_LAST_SECOND = from_text(NEXT) - timedelta(seconds=1)
_PRICES = {"EUR": (3_000_001, 15_000_007), "USD": (2_500_003, 10_000_019)}
_JUDGED = {"key": "polite", "weight": 1, "grader": "llm_judge", "parameters": {"question": "Is the answer polite?"}}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """With two plans, and a queue that takes an hour's runs at once."""
    limits = {"executions": 10**6, "tokens": 10**9}
    plans = {name: {"title": name, "limits": limits} for name in ("small", "large")}
    return {"subscriptions.plans": plans, "executions.queue_limit": _RUNS}


def prepare(client: Client) -> dict[str, str]:
    """Engines of two currencies, agents of each kind, and a budget for each currency; the ids of the agents."""
    engines = {}
    for currency, (read, written) in _PRICES.items():
        body = {
            "name": f"In {currency}", "provider": "scripted", "capabilities": {"judge": True},
            "prices": [{"input": read, "output": written, "currency": currency}], "default_parameters": {"replies": ['{"score": 1}']},
        }  # fmt: skip
        engines[currency] = client.post("/engines", body).data["id"]
        budget = {"place": {"type": "organization"}, "period": "day", "timezone": "UTC", "max_cost": 10**12, "currency": currency}
        assert client.post("/budgets", {"name": currency, **budget, "unpriced": "allow"}).status == 201
    rubric = {"name": "Polite", "criteria": [_JUDGED], "judge_engine_id": engines["USD"]}
    rubric_id = client.post(f"/engines/{engines['EUR']}/rubrics", rubric).data["id"]
    kinds: dict[str, tuple[str, Any, dict[str, Any]]] = {
        "euro": ("EUR", "Done.", {}),
        "dollar": ("USD", "That is done, and quickly.", {}),
        "fails": ("EUR", {"fault": "refused"}, {}),
        "judged": ("EUR", "Please, here it is.", {"rubric_ids": [rubric_id]}),
    }
    return {
        name: client.post(
            "/agents", {"name": name, "engine_id": engines[currency], "parameters": {"replies": [reply]}, **more}
        ).data["id"]
        for name, (currency, reply, more) in kinds.items()
    }


def an_hour(app: App, client: Client, agents: Mapping[str, str], numbers: range) -> Counter[str]:
    """The runs of an hour, and how they were to end: of seven, one is cancelled and one that failed is repeated."""
    ends: Counter[str] = Counter()
    started = []
    for number in numbers:
        kind = ("euro", "dollar", "fails", "judged", "euro", "dollar", "cancelled")[number % 7]
        agent = agents["euro" if kind == "cancelled" else kind]
        run = client.post(f"/agents/{agent}/execute", {"input": f"Do number {number}, {'and so on ' * (number % 5)}please."}).data
        started.append((kind, run["id"]))
        if kind == "cancelled":
            client.post(f"/executions/{run['id']}/cancel", {})
        ends["cancelled" if kind == "cancelled" else "failed" if kind == "fails" else "succeeded"] += 1
    work_off(app)
    for _, run_id in [each for each in started if each[0] == "fails"][:1]:
        assert client.post(f"/executions/{run_id}/retry", {}).status == 202
        ends["failed"] += 1
    work_off(app)
    return ends


@pytest.fixture
def lived(app: App, world: World, owner: Person) -> tuple[Counter[str], Sequence[dict[str, Any]]]:
    """The day: how its runs were to end, and what the budgets say at its end."""
    ends: Counter[str] = Counter()
    with time_machine.travel(DAY, tick=False) as clock:
        client = world.again(owner).client
        assert client.post("/subscriptions/subscribe", {"plan_id": "small"}).status in (200, 201)
        agents = prepare(client)
        for hour in range(_HOURS):
            clock.move_to(from_text(DAY) + timedelta(hours=hour, minutes=hour * 2 % 59))
            client = world.again(owner).client
            if hour == _HOURS // 2:
                assert client.post("/subscriptions/subscribe", {"plan_id": "large"}).status in (200, 201)
            ends += an_hour(app, client, agents, range(_RUNS * hour // _HOURS, _RUNS * (hour + 1) // _HOURS))
        call = client.get("/engines/calls?limit=1").data["items"][0]
        assert (
            client.post(f"/engines/calls/{call['id']}/correct", {"input_tokens": 1, "cost": 1, "reason": "An invoice."}).status
            == 201
        )
        clock.move_to(_LAST_SECOND)
        return ends, world.again(owner).client.get("/budgets").data["items"]


@pytest.mark.usefixtures("needs_strace")
def test_whoever_counts_the_day_counts_the_same(
    app: App, world: World, owner: Person, lived: tuple[Counter[str], Sequence[dict[str, Any]]], write: Any
) -> None:
    ends, budgets = lived
    rows = of_rows(owner, *_CALLS, "correction")
    assert rows["calls"] > 0
    assert rows["costs"].keys() == {"EUR", "USD"}

    killed = 0
    for point in range(2, 2 + 5 * _POINTS, 5):  # each goes on where the one before was killed
        killed += write("-e", f"inject={write.calls}:signal=SIGKILL:when={point}")[0] != 0
    assert killed > 0
    with organization_scope(owner.organization_id):
        rollup.roll_up(app)
        found = verification.verify(app, from_text(DAY), from_text(NEXT))
    assert (found.differing, found.sums, found.verified > 0) == ([], [], True)

    client = world.again(owner).client
    total = client.get(f"/analytics/executions?from={DAY}&to={NEXT}&interval=total&timezone=UTC").data["rows"][0]
    assert of_answer(total) == rows
    assert {end: total[end] for end in ends} == dict(ends)
    assert of_csv(client) == rows
    with time_machine.travel(_LAST_SECOND, tick=False):
        dashboard = world.again(owner).client.get("/dashboard/stats").data
    assert of_dashboard(dashboard) == {**rows, "calls": min(rows["calls"], MOST_COUNTED - 1)}
    # A budget counts what calls took when they were made, and no invoice that comes later.
    assert {each["currency"]: each["current"]["used_cost"] for each in budgets} == of_rows(owner, *_CALLS)["costs"]
    meters = {each["limit"]: each["used"] for each in client.get("/subscriptions/usage/2026-01-30").data["meters"]}
    assert (meters["tokens"], meters["executions"]) == (rows["tokens"], sum(ends.values()))


def of_rows(owner: Person, *outcomes: str) -> dict[str, Any]:
    """What the rows of calls say, those of calls that ended so."""
    with organization_scope(owner.organization_id):
        tokens = peewee.fn.SUM(EngineCall.input_tokens + EngineCall.output_tokens)
        query: Any = EngineCall.select(EngineCall.currency, tokens, peewee.fn.SUM(EngineCall.cost)).where(
            EngineCall.outcome.in_(outcomes)
        )
        sums = list(query.group_by(EngineCall.currency).tuples())
        calls = EngineCall.select().where(EngineCall.outcome.in_(_CALLS)).count()
    return {
        "calls": calls,
        "tokens": sum(int(each) for _, each, _ in sums),
        "costs": {currency: int(cost) for currency, _, cost in sums if currency},
    }


def of_answer(row: Mapping[str, Any]) -> dict[str, Any]:
    """The same of a row of analytics."""
    costs = {each["currency"]: each["cost"] for each in row["costs"]}
    return {"calls": row["calls"], "tokens": row["input_tokens"] + row["output_tokens"], "costs": costs}


def of_csv(client: Client) -> dict[str, Any]:
    """The same of the table, by hour and agent."""
    text = client.get(f"/analytics/executions?from={DAY}&to={NEXT}&interval=hour&group_by=agent&timezone=UTC&format=csv").body
    table = list(csv.DictReader(io.StringIO(text)))
    sums: Callable[[str], int] = lambda name: sum(int(row[name] or 0) for row in table)  # noqa: E731
    costs = {currency: sums(f"cost_{currency}") for currency in _PRICES}
    return {"calls": sums("calls"), "tokens": sums("input_tokens") + sums("output_tokens"), "costs": costs}


def of_dashboard(told: Mapping[str, Any]) -> dict[str, Any]:
    """The same of its cards, one of which counts up to `MOST_COUNTED` calls, the correction included."""
    cards = [card for card in told["cards"] if card["name"] in ("engine_calls", "spending")]
    figures = {figure["name"]: figure["value"] for card in cards for figure in card["figures"]}
    costs = {currency: figures[f"cost_today_{currency}"] for currency in _PRICES}
    return {"calls": figures["calls_today"] - 1, "tokens": figures["tokens_today"], "costs": costs}
