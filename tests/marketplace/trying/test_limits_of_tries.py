"""A person starts so many tries and no more, and a try takes so many tokens, whatever they cost."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person, World
from aasim_plugins.executions.models import Execution
from aasim_plugins.marketplace.trying.running import KIND

from ..conftest import Make
from .test_trying import EXAMPLES, begin, finished, scripted_engine


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Few tries, and short ones."""
    return {"marketplace.try_at_once": 2, "marketplace.try_per_day": 3, "marketplace.try_max_tokens": 1_000}


@pytest.fixture
def offered(listing: Make) -> dict[str, Any]:
    """A listing with examples."""
    return dict(listing(examples=EXAMPLES))


def start(buyer: Person, offered: dict[str, Any], **body: Any) -> Any:
    """Begin a try on the scripted engine."""
    return begin(buyer, offered, **{"max_cost": 0, "engine_id": scripted_engine(buyer), **body})


def limit_of(answer: Any) -> dict[str, Any]:
    """Which limit the answer is refused with."""
    assert answer.codes == {"_": ["too_many_tries"]}
    assert answer.status == 429
    return dict(answer.body["errors"]["_"][0]["meta"])


@pytest.mark.long
def test_no_more_tries_of_a_person_are_under_way_than_may_be(
    app: App, world: World, buyer: Person, offered: dict[str, Any]
) -> None:
    first, _ = start(buyer, offered), start(buyer, offered)
    refused = start(buyer, offered)
    told = {"scope": "user", "scope_id": buyer.user_id, "used": 2, "max": 2, "resets_at": None}
    assert limit_of(refused) == {"limit": "tries_at_once", **told}
    assert refused.headers["Retry-After"] == "5"
    assert start(world.member(buyer, "owner"), offered).status == 202
    finished(app, buyer, first)
    assert start(buyer, offered).status == 202


@pytest.mark.long
def test_no_more_tries_of_a_person_are_started_in_24_hours_than_may_be(app: App, buyer: Person, offered: dict[str, Any]) -> None:
    for _ in range(3):
        finished(app, buyer, start(buyer, offered))
    refused = start(buyer, offered)
    meta = limit_of(refused)
    assert (meta["limit"], meta["used"], meta["max"]) == ("tries_per_day", 3, 3)
    assert 0 < int(refused.headers["Retry-After"]) <= 86_400
    with app.database.transaction(), organization_scope(buyer.organization_id):
        first = Execution.select().where(Execution.kind == KIND).order_by(Execution.id).get()
        Execution.update(created_at=first.created_at - timedelta(hours=24)).where(Execution.id == first.id).execute()
    assert start(buyer, offered).status == 202


def test_a_try_takes_no_more_tokens_than_it_may(app: App, buyer: Person, offered: dict[str, Any]) -> None:
    output = finished(app, buyer, start(buyer, offered, max_tokens=1))["output"]
    assert [each["status"] for each in output["runs"]] == ["failed"]
    [run] = output["runs"]
    assert buyer.client.get(f"/executions/{run['execution_id']}").data["error"]["code"] == "max_tokens_reached"
    assert output["tokens_per_run"] > 1


def test_an_engine_without_a_known_price_is_bounded_by_tokens(app: App, buyer: Person, offered: dict[str, Any]) -> None:
    providers = app.offers("engine_providers")
    app.offers.keep("engine_providers", {**providers, "scripted": replace(providers["scripted"], free=False)})
    whole = finished(app, buyer, start(buyer, offered, max_tokens=1_000))["output"]
    assert (whole["cost_per_run"], whole["succeeded"]) == (None, 3)
    bounded = finished(app, buyer, start(buyer, offered, max_tokens=whole["tokens_per_run"]))["output"]
    assert len(bounded["runs"]) < 3


@pytest.mark.long
def test_more_tokens_than_the_operator_allows_are_refused(buyer: Person, offered: dict[str, Any]) -> None:
    assert start(buyer, offered, max_tokens=1_001).codes == {"max_tokens": ["out_of_range"]}
    assert start(buyer, offered).data["input"]["max_tokens"] == 1_000
