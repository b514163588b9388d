"""An installation whose organizations begin on a plan with limits."""

from collections.abc import Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.serving.application import make_wsgi
from aasim_core.testing.world import Client


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """A plan for everybody, and one to subscribe to."""
    plans = {"free": {"limits": {"agents": 1}}, "team": {"price": 5, "limits": {"agents": 9}}}
    return {"subscriptions.plans": plans, "subscriptions.default_plan": "free"}


@pytest.mark.long
def test_whoever_registers_begins_on_the_default_plan_and_comes_back_to_it(app: App) -> None:
    body = {"name": "Ada", "email": "ada@example.com", "password": "correct horse battery staple"}
    wsgi = make_wsgi(app)
    client = Client(wsgi, Client(wsgi).post("/auth/register", body).data["access_token"])

    def statuses() -> list[int]:
        return [client.post("/agents", {"name": name}).status for name in ("One", "Two")]

    organization = client.get("/organizations").data["items"][0]
    assert (organization["plan"], client.get("/subscriptions/current").data["plan"]["id"]) == ("free", "free")
    assert statuses() == [201, 402]
    assert client.post("/subscriptions/subscribe", {"plan_id": "unlimited"}).codes == {"plan_id": ["invalid_choice"]}
    assert client.post("/subscriptions/subscribe", {"plan_id": "team"}).data["plan_id"] == "team"
    assert client.post("/agents", {"name": "Two"}).status == 201
    assert client.post("/subscriptions/cancel", {"at": "now"}).data["plan_id"] == "free"
    assert client.post("/agents", {"name": "Three"}).status == 402
    assert len(client.get("/agents").data["items"]) == 2
