"""An operation that people approved is called only if it is still the one that they approved."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.testing.world import Person
from aasim_plugins.connected_apps import service
from aasim_plugins.connected_apps.hookspecs import AppError

from ..executions.conftest import Desk, desk, shed
from .conftest import TOKEN, Apps
from .peers import Response, Service, serving
from .test_mcp import connect, running
from .test_tools import READ, agent, call, run

__all__ = ["desk", "shed"]

Work = Callable[[], int]
PAY: dict[str, Any] = {
    "name": "refund", "method": "POST", "path": "/refunds", "effect": "pay",
    "arguments": {"properties": {"cents": {"type": "integer"}}},
}  # fmt: skip


@pytest.fixture
def refunds(apps: Apps, peer: Service) -> dict[str, Any]:
    """A service of refunds."""
    peer.answers["/refunds"] = peer.answers["/customers"] = lambda received: Response(200, {})
    return apps.http(peer, [PAY])


@pytest.fixture
def execution(apps: Apps, owner: Person, refunds: dict[str, Any], work: Work, desk: Desk) -> dict[str, Any]:
    """The run of an agent that wants to refund, and waits for an approval."""
    return run(owner, agent(apps, refunds, call("orders_refund", cents=5), "Done.", operation="refund"), work)


def approve(owner: Person, execution: dict[str, Any], work: Work, desk: Desk) -> dict[str, Any]:
    """Approve what the run waits for, and let it go on."""
    desk.decide(approved=True)
    work()
    return dict(owner.client.get(f"/executions/{execution['id']}").data)


@pytest.mark.long
@pytest.mark.parametrize(
    "change",
    [
        {"operations": [{**PAY, "method": "DELETE", "path": "/customers"}]},
        {"operations": [{**PAY, "effect": "write"}]},
        {"headers": {"X-Account": "2"}},
    ],
    ids=["request", "effect", "headers"],
)
def test_an_operation_that_changed_after_the_approval_is_asked_anew(
    apps: Apps, owner: Person, refunds: dict[str, Any], execution: dict[str, Any], work: Work, desk: Desk, peer: Service,
    change: dict[str, Any],
) -> None:  # fmt: skip
    config = {**refunds["config"], **change}
    assert apps.client.patch(f"/connected-apps/{refunds['id']}", {"config": config}).status == 200
    again = approve(owner, execution, work, desk)
    assert (again["status"], peer.received) == ("waiting", [])
    assert again["approval_id"] != execution["approval_id"]
    assert approve(owner, again, work, desk)["status"] == "succeeded"
    assert len(peer.received) == 1


@pytest.mark.long
def test_an_app_that_leads_to_another_host_after_the_approval_is_asked_anew(
    apps: Apps, owner: Person, refunds: dict[str, Any], execution: dict[str, Any], work: Work, desk: Desk, peer: Service
) -> None:
    with serving(Service()) as other:
        other.answers["/refunds"] = lambda received: Response(200, {})
        config = {**refunds["config"], "base_url": other.url.replace("127.0.0.1", "localhost")}
        change = {"config": config, "credentials": {"token": TOKEN}}
        assert apps.client.patch(f"/connected-apps/{refunds['id']}", change).status == 200
        again = approve(owner, execution, work, desk)
        assert (again["status"], peer.received, other.received) == ("waiting", [], [])
        assert again["approval_id"] != execution["approval_id"]
        assert approve(owner, again, work, desk)["status"] == "succeeded"
        assert (len(peer.received), len(other.received)) == (0, 1)


@pytest.mark.long
def test_a_tool_of_an_mcp_server_that_is_described_otherwise_after_the_approval_is_asked_anew(
    app: App, apps: Apps, owner: Person, work: Work, desk: Desk
) -> None:
    with running() as url:
        made = connect(apps, {"url": f"{url}/mcp"})
        turn, tool = call("weather_weather", city="Vienna"), {"operation": "weather", "approval": "always"}
        execution = run(owner, agent(apps, made, turn, "Done.", **tool), work)
        desk.decide(approved=True)
        apps.call(made, "retell", {"told": "The weather in a city, and whoever asks for it."})
        with app.database.connected(), organization_scope(owner.organization_id):
            service.sync(app, made["id"])
        waiting = apps.client.get(f"/connected-apps/{made['id']}/operations?confirmed=false").data["items"]
        apps.client.post(f"/connected-apps/{made['id']}/confirm", {"digests": [each["digest"] for each in waiting]})
        work()
        again = owner.client.get(f"/executions/{execution['id']}").data
        assert (again["status"], "weather" in called(apps, made)) == ("waiting", False)
        assert again["approval_id"] != execution["approval_id"]
        assert approve(owner, again, work, desk)["status"] == "succeeded"
        assert "weather" in called(apps, made)


def called(apps: Apps, made: dict[str, Any]) -> list[str]:
    """The operations of the app that were called."""
    return [operation for operation, _, _ in apps.uses(made)]


@pytest.mark.long
def test_another_operation_of_the_app_may_change_while_one_waits(
    apps: Apps, owner: Person, refunds: dict[str, Any], execution: dict[str, Any], work: Work, desk: Desk, peer: Service
) -> None:
    config = {**refunds["config"], "operations": [PAY, READ], "test_path": "/health"}
    assert apps.client.patch(f"/connected-apps/{refunds['id']}", {"config": config}).status == 200
    assert approve(owner, execution, work, desk)["status"] == "succeeded"
    assert len(peer.received) == 1


def test_an_operation_that_changes_at_the_moment_of_its_call_is_not_called(
    app: App, owner: Person, refunds: dict[str, Any], peer: Service
) -> None:
    with app.database.connected(), organization_scope(owner.organization_id):
        with pytest.raises(AppError) as raised:
            service.call_operation(app, refunds["id"], "refund", {"cents": 5}, idempotency_key="1", contract="another")
        assert (raised.value.code, peer.received) == ("changed", [])
        assert service.find(refunds["id"]).last_error is None


def operation_of(apps: Apps, made: dict[str, Any]) -> dict[str, Any]:
    [operation] = apps.client.get(f"/connected-apps/{made['id']}/operations").data["items"]
    return dict(operation)


def set_effect(apps: Apps, made: dict[str, Any], effect: str | None) -> dict[str, Any]:
    digest = operation_of(apps, made)["digest"]
    return dict(apps.client.post(f"/connected-apps/{made['id']}/effect", {"digest": digest, "effect": effect}).data)


def test_whoever_changes_an_app_sets_the_effects_of_its_operations(apps: Apps, refunds: dict[str, Any]) -> None:
    told = set_effect(apps, refunds, "read")
    assert (told["effect"], told["told_effect"]) == ("read", "pay")
    told = set_effect(apps, refunds, None)
    assert (told["effect"], told["told_effect"]) == ("pay", None)
    assert apps.events(refunds)[-2:] == ["effect_set", "effect_set"]


def test_an_effect_that_was_set_says_whether_people_are_asked(
    apps: Apps, owner: Person, refunds: dict[str, Any], work: Work, desk: Desk, peer: Service
) -> None:
    set_effect(apps, refunds, "read")
    execution = run(owner, agent(apps, refunds, call("orders_refund", cents=5), "Done.", operation="refund"), work)
    assert (execution["status"], len(peer.received)) == ("succeeded", 1)


def test_a_call_whose_effect_was_set_after_the_approval_is_asked_anew(
    apps: Apps, owner: Person, refunds: dict[str, Any], execution: dict[str, Any], work: Work, desk: Desk, peer: Service
) -> None:
    set_effect(apps, refunds, "grant")
    assert (approve(owner, execution, work, desk)["status"], peer.received) == ("waiting", [])


def test_an_effect_that_was_set_is_gone_once_the_app_tells_the_operation_otherwise(apps: Apps, refunds: dict[str, Any]) -> None:
    set_effect(apps, refunds, "read")
    config = {**refunds["config"], "operations": [{**PAY, "description": "Pay back."}]}
    apps.client.patch(f"/connected-apps/{refunds['id']}", {"config": config})
    operation = operation_of(apps, refunds)
    assert (operation["effect"], operation["told_effect"]) == ("pay", None)
