"""What Prometheus is told, read with the parser of its own library."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import peewee
import pytest
from falcon import testing
from prometheus_client.parser import text_string_to_metric_families

from aasim_core.app import App
from aasim_core.testing.world import World
from aasim_core.version import VERSION
from aasim_plugins.metrics.hookspecs import Gauge

TOKEN = "a token that nobody guesses"
TOKEN_AS_BASIC = f"Basic {TOKEN}"
Samples = dict[tuple[str, tuple[str, ...]], float]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """With a token."""
    return {"metrics.token": TOKEN}


@pytest.fixture
def scrape(world: World) -> Callable[[], Samples]:
    """Reads the metrics: the numbers, by name and values of labels."""

    def go() -> Samples:
        answer = scraped(world, f"Bearer {TOKEN}")
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("text/plain")
        families = text_string_to_metric_families(answer.text)
        return {(each.name, tuple(each.labels.values())): each.value for family in families for each in family.samples}

    return go


def scraped(world: World, authorization: str) -> Any:
    """The answer to somebody who asks for the metrics."""
    return testing.simulate_get(world.anonymous.wsgi, "/metrics", headers={"Authorization": authorization})


@pytest.mark.long
def test_the_installation_is_told_with_its_version_and_its_organizations(scrape: Callable[[], Samples], world: World) -> None:
    world.organization("Other")
    told = scrape()
    assert told["aasim_info", (VERSION,)] == 1
    assert told["aasim_organizations", ("active",)] == 1
    assert told["aasim_failed_gauges", ()] == 0


def test_runs_are_counted_over_all_organizations(scrape: Callable[[], Samples], world: World) -> None:
    for owner in (world.organization("One"), world.organization("Two")):
        agent = owner.client.post("/agents", {"name": "Waits"}).data["id"]
        owner.client.post(f"/agents/{agent}/execute", {"input": "Hello"})
    told = scrape()
    assert (told["aasim_executions", ("queued",)], told["aasim_executions", ("running",)]) == (2, 0)
    assert told["aasim_oldest_ready_job_seconds", ()] >= 0


def test_every_name_keeps_the_rules_of_prometheus(app: App) -> None:
    names = list(app.offers("gauges"))
    assert len(names) > 8
    assert [name for name in names if not name.startswith("aasim_") or name.endswith("_total")] == []


@pytest.mark.parametrize("error", [ValueError("a mistake"), peewee.OperationalError("away")])
def test_a_gauge_that_fails_is_left_out_and_counted(app: App, scrape: Callable[[], Samples], error: Exception) -> None:
    def fail(app: App) -> Iterable[Any]:
        raise error

    good = app.offers("gauges")["aasim_info"]
    app.offers.keep("gauges", {"aasim_broken": Gauge("aasim_broken", "Fails.", fail), "aasim_info": good}, "webhooks")
    told = scrape()
    assert told["aasim_failed_gauges", ()] == 1
    assert ("aasim_broken", ()) not in told
    assert ("aasim_info", (VERSION,)) in told


@pytest.mark.parametrize("authorization", ["", "Bearer ", f"Bearer {'x' * 20}", TOKEN_AS_BASIC])
def test_nobody_reads_them_without_the_token(world: World, authorization: str) -> None:
    refused = scraped(world, authorization)
    assert (refused.status_code, "metrics.token" in refused.text) == (401, True)


def test_while_there_is_no_token_nobody_reads_them(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    route = next(endpoint for endpoint in world.app.endpoints if endpoint.plugin == "metrics")
    monkeypatch.setattr(route.resource, "_token", "")
    assert scraped(world, "Bearer ").status_code == 401
