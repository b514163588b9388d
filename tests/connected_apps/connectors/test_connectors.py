"""Connectors of other plugins, as the documentation tells how to write one."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from aasim_core.context import organization_scope
from aasim_core.secrets import Secret
from aasim_plugins.connected_apps.connecting import AppError, Connection, Tokens
from aasim_plugins.connected_apps.credentials import tokens

from ..conftest import Apps
from ..peers import Response, Service


@pytest.fixture
def weather(apps: Apps, peer: Service, root: Path) -> Mapping[str, Any]:
    """An app with the connector of the documentation, whose service is the peer."""
    (code,) = re.findall(r"^```python\n(.*?)^```$", (root / "docs/extend/connectors.md").read_text(), re.MULTILINE | re.DOTALL)
    plugin = ModuleType("aasim_weather")
    exec(code.replace("https://weather.example", peer.url), vars(plugin))  # noqa: S102 - the documentation is ours
    (connector,) = plugin.connectors(apps.app)
    apps.app.offers.keep("connectors", {**apps.app.offers("connectors"), connector.name: connector})
    return apps.connect(
        name="Weather",
        provider="weather",
        auth_type="api_key",
        config={"units": "metric"},
        credentials={"api_key": "sentinel-key"},
    )


def amend(apps: Apps, **functions: Any) -> None:
    """Have the connector of the documentation do something otherwise."""
    connectors = apps.app.offers("connectors")
    apps.app.offers.keep("connectors", {**connectors, "weather": replace(connectors["weather"], **functions)})


def test_it_is_called_with_its_secret_and_what_comes_back_has_none(apps: Apps, peer: Service, weather: Mapping[str, Any]) -> None:
    peer.answers["/now"] = lambda received: Response(200, {"asked": dict(received.query)})

    assert apps.call(weather, "now", {"city": "Vienna"}) == {"asked": {"city": "Vienna", "units": "metric", "key": "***"}}


def test_each_of_its_operations_is_called_by_its_name(apps: Apps, peer: Service, weather: Mapping[str, Any]) -> None:
    peer.answers["/forecast"] = lambda received: Response(200, {"tomorrow": "rain"})

    assert apps.call(weather, "forecast", {"city": "Vienna"}) == {"tomorrow": "rain"}


def test_what_it_says_of_its_failures_has_its_meaning(apps: Apps, peer: Service, weather: Mapping[str, Any]) -> None:
    peer.answers["/now"] = lambda received: Response(401, {})

    with pytest.raises(AppError) as caught:
        apps.call(weather, "now", {"city": "Vienna"})

    assert caught.value.code == "auth"
    assert apps.read(weather)["status"] == "needs_reauth"


def test_an_app_of_a_plugin_that_is_off_stays_and_is_refused(apps: Apps, weather: Mapping[str, Any]) -> None:
    apps.app.offers.keep("connectors", {})

    with pytest.raises(AppError, match="the plugin that provides the connector weather is disabled"):
        apps.call(weather, "now", {"city": "Vienna"})

    assert apps.read(weather)["provider"] == "weather"
    outcome = apps.client.post(f"/connected-apps/{weather['id']}/test").data
    assert [step["status"] for step in outcome["steps"]] == ["skipped", "skipped", "failed", "skipped"]
    assert apps.client.post(f"/connected-apps/{weather['id']}/halt", {"reason": "A test."}).status == 200
    assert apps.client.post(f"/connected-apps/{weather['id']}/revoke").data["status"] == "revoked"
    assert apps.client.delete(f"/connected-apps/{weather['id']}").status == 200


def test_changing_an_app_of_a_plugin_that_is_off_is_refused_with_a_sentence(apps: Apps, weather: Mapping[str, Any]) -> None:
    apps.app.offers.keep("connectors", {})

    answer = apps.client.patch(f"/connected-apps/{weather['id']}", {"name": "Renamed"})

    assert answer.codes == {"provider": ["invalid_choice"]}


def test_tokens_that_cannot_be_kept_do_not_keep_others_from_getting_some(apps: Apps, weather: Mapping[str, Any]) -> None:
    amend(apps, refresh=lambda connection: Tokens(Secret("\ud800")))

    with organization_scope(apps.owner.organization_id), pytest.raises(TypeError):
        tokens.refresh(apps.app, apps.record(weather), 30)

    assert apps.record(weather).refreshing_until is None


def test_a_connector_that_breaks_does_not_keep_the_secret_here(apps: Apps, weather: Mapping[str, Any]) -> None:
    def break_down(connection: Connection) -> None:
        raise RuntimeError("sentinel-key is what broke")

    amend(apps, revoke=break_down)

    assert apps.client.post(f"/connected-apps/{weather['id']}/revoke").data["status"] == "revoked"
    assert apps.record(weather).secret is None
