"""Months pass for an installation: a worker does all that came due meanwhile, and the periods of plans end and begin."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from aasim_core.clock import now, to_text

from ...bench.contestants.aasim import login, register
from ..deployment import Deployment, deployed, until
from ..workload import Client
from .test_clocks import clock

pytestmark = [pytest.mark.long, pytest.mark.faults]
#: Days, a month each, so that all that comes due once a month, a week, a day or an hour comes due between two of them.
MONTHS = (33, 66, 99)
PLANS = """
[subscriptions]
default_plan = "team"

[subscriptions.plans.team]
title = "Team"

[subscriptions.plans.small]
title = "Small"
price = 9000000
"""
SCHEDULED = "SELECT DISTINCT schedule FROM core_schedule_tick"


@pytest.fixture
def deployment() -> Iterator[Deployment]:
    """An installation with two plans, on SQLite, where the machine's clock is the only one."""
    with deployed("sqlite") as made:
        config = made.database.folder / "plans.toml"
        config.write_text(PLANS)
        made.more["AASIM_CONFIG"] = str(config)
        yield made


def test_as_months_pass_each_job_of_a_schedule_is_done_and_plans_end_and_begin(deployment: Deployment) -> None:
    deployment.start("serve")
    for name in ("stays", "leaves"):
        client = Client(deployment.port, register(deployment.port, name))
        assert client.ask("POST", "/api/v1/subscriptions/subscribe", {"plan_id": "small"})[0] == 201
    assert client.ask("POST", "/api/v1/subscriptions/cancel")[0] == 200
    deployment.start("worker")
    until(lambda: deployment.rows(SCHEDULED), "the first due times")
    for days in MONTHS:
        let_pass(deployment, days)
    stayed, left = (periods(Client(deployment.port, login(deployment.port, name))) for name in ("stays", "leaves"))
    assert {period["plan_id"] for period in stayed} == {"small"}
    assert len(stayed) > len(MONTHS)
    assert [period["plan_id"] for period in left][:2] == ["small", "team"]
    for before, after in (*pairwise(stayed), *pairwise(left)):
        assert (before["status"], before["ends_at"]) == ("ended", after["starts_at"])
    assert deployment.rows("SELECT name, state FROM core_job WHERE state IN ('failed', 'dead', 'parked')") == []


def let_pass(deployment: Deployment, days: int) -> None:
    """Start the processes again so many days later, and wait until each job of a schedule has been done there."""
    later = to_text(now() + timedelta(days=days, hours=-1))
    for name in ("serve", "worker"):
        deployment.kill(name)
        deployment.start(name, under=clock(f"+{days}d"))
    try:
        until(lambda: not undone(deployment, later), "the end of what came due")
    except TimeoutError:
        raise TimeoutError(f"after {days} days these did not come due, or did not end: {undone(deployment, later)}") from None


def undone(deployment: Deployment, since: str) -> set[str]:
    """The jobs of schedules of which none was made since then and is done."""
    done = deployment.rows(f"SELECT name FROM core_job WHERE state = 'done' AND created_at > '{since}'")
    return {name for (name,) in deployment.rows(SCHEDULED)} - {name for (name,) in done}


def periods(client: Client) -> list[Any]:
    """The periods of the organization's plans, the first one first."""
    answer: Any = client.ask("GET", "/api/v1/subscriptions/history")[1]
    return list(reversed(answer["data"]["items"]))
