"""What is told of one plugin: everything that it declares, and nothing that somebody has set."""

from pathlib import Path

import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.catalog.describing import described
from aasim_core.testing.apps import settings_in
from aasim_core.testing.selection import only
from aasim_core.testing.world import World


def test_a_plugin_is_told_with_all_that_it_declares(world: World, app: App) -> None:
    told = world.organization().client.get("/plugins/rubrics").data
    assert (told["title"], told["state"], told["status"], told["api"]) == ("Rubrics", "on", "active", "1.0")
    assert told["permissions"][0] == {
        "id": "rubrics:read",
        "summary": "See rubrics, their examples, scores and evaluations",
        "dangerous": False,
        "roles": ["builder", "operator", "approver", "viewer", "auditor"],
    }
    assert told["jobs"] == [{"name": "rubrics.evaluate", "schedule": None, "time_limit_seconds": 1800, "max_attempts": 5}]
    assert [event["name"] for event in told["events"]] == list(told["provides"]["events"])
    assert told["operations"] == sum(endpoint.plugin == "rubrics" for endpoint in app.endpoints)
    assert told["hooks_offered"] == ["graders"]
    assert {"graders", "models", "routes"} <= set(told["hooks_implemented"])
    assert {part["kind"] for part in told["parts"]} == {"keepers", "assessors", "graders"}


@pytest.mark.long
def test_the_grade_is_told_in_the_list_and_what_is_missed_of_one(world: World) -> None:
    client = world.organization().client
    (listed,) = (item for item in client.get("/plugins").data["items"] if item["name"] == "rubrics")
    told = client.get("/plugins/rubrics").data
    assert (listed["grade"], told["grade"], told["misses"]) == ("platinum", "platinum", [])


def test_every_plugin_can_be_read(world: World, app: App) -> None:
    client = world.organization().client
    assert [client.get(f"/plugins/{plugin.name}").status for plugin in app.plugins.found] == [200] * len(app.plugins.found)


def test_what_was_not_found_is_404(world: World) -> None:
    assert world.organization().client.get("/plugins/rubrix").codes == {"_": ["not_found"]}
    assert world.anonymous.get("/plugins/rubrics").status == 401


def test_a_plugin_that_is_off_for_the_organization_is_disabled(world: World) -> None:
    owner = world.organization()
    owner.client.put(f"/plugins/rubrics/organizations/{owner.organization_id}", {"status": "disabled"})
    assert owner.client.get("/plugins/rubrics").data["status"] == "disabled"


def test_settings_are_told_with_their_defaults_and_never_their_values(tmp_path: Path) -> None:
    token = "t" * 40
    app = build_app(settings_in(tmp_path, {**only(["metrics"]), "metrics.token": token}))
    plugin = app.plugins.find("metrics")
    assert plugin is not None
    told = described(app, plugin)
    (setting,) = (setting for setting in told["settings"] if setting["name"] == "token")
    assert (setting["type"], setting["default_value"], setting["is_secret"]) == ("str", None, True)
    assert token not in str(told)


def test_of_a_plugin_that_is_off_the_manifest_is_told(tmp_path: Path) -> None:
    app = build_app(settings_in(tmp_path, only(["metrics"])))
    plugin = app.plugins.find("rubrics")
    assert plugin is not None
    told = described(app, plugin)
    assert (told["title"], told["state"], told["requires"], told["api"]) == ("Rubrics", "off", ("engines",), "1.0")
    assert (told["permissions"], told["parts"], told["hooks_implemented"], told["operations"]) == ([], [], [], 0)
