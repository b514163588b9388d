"""Nodes that tell others that something happened: once, and whoever listens hears it."""

from collections.abc import Callable, Iterator
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.testing.peer import Peer, serving
from aasim_core.testing.world import Person
from aasim_plugins.workflows.hookspecs import NodeType, Result

from ...executions.passing_time import make_due
from ..conftest import node, read, tool

Run = Callable[..., dict[str, Any]]
Work = Callable[[], int]


def told_of(owner: Person, name: str) -> list[dict[str, Any]]:
    """The activities of that name."""
    return list(owner.client.get(f"/activities?action={name}&occurred_at[gte]=2000-01-01T00:00:00Z").data["items"])


def test_an_event_is_told_with_its_data_and_its_id_is_the_output(run: Run, owner: Person) -> None:
    data = {"order": "{{ input.order }}", "amount": "{{ input.amount * 2 }}"}
    told = run([node("tell", "emit_event", name="custom.order_paid", data=data)], given={"order": "o7", "amount": 21})
    [activity] = told_of(owner, "custom.order_paid")
    assert (activity["id"], activity["data"]) == (told["execution"]["output"], {"order": "o7", "amount": 42})
    assert (activity["subject"]["type"], activity["subject"]["id"]) == ("execution", told["execution"]["id"])


def test_an_event_without_data_is_about_what_it_names(run: Run, owner: Person) -> None:
    run([node("tell", "emit_event", name="custom.{{ input.what }}", subject_id="order {{ input.order }}")],
        given={"what": "packed", "order": 7})  # fmt: skip
    [activity] = told_of(owner, "custom.packed")
    assert (activity["subject"]["type"], activity["subject"]["id"], activity["data"]) == ("custom", "order 7", None)


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"name": "agents.created"}, "invalid_config"),
        ({"name": "custom.Order paid"}, "invalid_config"),
        ({"name": "custom.*"}, "invalid_config"),
        ({"name": "custom.paid", "data": [1]}, "invalid_config"),
        ({"name": "custom.paid", "data": {"text": "x" * 70_000}}, "event_too_large"),
    ],
)
def test_other_events_are_not_for_workflows_to_tell(run: Run, owner: Person, config: dict[str, Any], code: str) -> None:
    filled = {name: f"{{{{ input.{name} }}}}" for name in config}
    told = run([node("tell", "emit_event", **filled)], given=config)
    assert (told["execution"]["error"]["code"], told_of(owner, "custom.paid")) == (code, [])


def test_every_item_of_a_loop_tells_its_own(run: Run, owner: Person) -> None:
    body = {"nodes": [node("tell", "emit_event", name="custom.packed", data={"item": "{{ item }}"})]}
    told = run([node("each", "foreach", items="input", body=body)], given=["a", "b", "c"])
    assert {activity["id"]: activity["data"]["item"] for activity in told_of(owner, "custom.packed")} == dict(
        zip(told["execution"]["output"], "abc", strict=True)
    )


def test_a_turn_that_is_lost_tells_nothing_twice(app: App, run: Run, owner: Person, work: Work, shed: Any) -> None:
    def lose_the_database_once(use: Any) -> Any:
        shed.does.clear()
        raise peewee.OperationalError("the server closed the connection")

    shed.does["till"], shed.facts = lose_the_database_once, {"effect": "read"}
    nodes = [
        node("before", "emit_event", name="custom.begun"),
        tool("pay", "till"),
        node("after", "emit_event", name="custom.ended"),
    ]
    told = run(nodes, "before>pay", "pay>after")
    make_due(app)
    work()
    assert read(owner, told["execution"]["id"])["execution"]["status"] == "succeeded"
    assert (len(shed.used), len(told_of(owner, "custom.begun")), len(told_of(owner, "custom.ended"))) == (2, 1, 1)


@pytest.mark.long
def test_a_node_that_fails_after_all_has_told_nothing(run: Run, owner: Person) -> None:
    tell = node("tell", "emit_event", name="custom.paid", _on_error="continue")
    told = run([tell, node("next")], {"from": "tell", "to": "next", "condition": "input.absent"}, given={})
    assert (told["nodes"][0]["error"]["code"], told_of(owner, "custom.paid")) == ("expression_failed", [])


def test_other_runs_can_wait_for_it(run: Run, owner: Person, work: Work) -> None:
    event = {"name": "custom.order_paid", "subject_id": "order 7"}
    waiting = run([node("paid", "wait", event=event)])
    assert waiting["execution"]["status"] == "waiting"
    run([node("tell", "emit_event", name="custom.order_paid", subject_id="order 7", data={"amount": 40})])
    work()
    ended = read(owner, waiting["execution"]["id"])["execution"]
    assert (ended["status"], ended["output"]["name"], ended["output"]["data"]) == (
        "succeeded", "custom.order_paid", {"amount": 40},
    )  # fmt: skip


@pytest.mark.long
def test_runs_wait_for_events_of_a_pattern_that_a_filter_means(run: Run, owner: Person, work: Work) -> None:
    paid = "has(event.data.order) && event.data.order == input.order && event.data.amount >= nodes.least.output[0]"
    nodes = [
        node("least", value=["{{ input.least }}"]),
        node("paid", "wait", event={"name": "custom.*"}, filter=paid, timeout_seconds=3600),
        node("after", value="{{ nodes.paid.output.name }}: {{ nodes.paid.output.data.amount }}"),
    ]
    waiting = run(nodes, "least>paid", "paid>after", given={"order": "o7", "least": 10})
    assert waiting["execution"]["waiting_for"] == "event"
    for number, (order, amount) in enumerate([("o8", 40), ("o7", 9), (None, 40), ("o7", 40)]):
        assert read(owner, waiting["execution"]["id"])["execution"]["status"] == "waiting", number
        run([node("tell", "emit_event", name="custom.paid", data={"amount": amount} | ({"order": order} if order else {}))])
        work()
    ended = read(owner, waiting["execution"]["id"])["execution"]
    assert (ended["status"], ended["output"]) == ("succeeded", "custom.paid: 40")


@pytest.mark.parametrize(("seconds", "status"), [({}, "waiting"), ({"look_back_seconds": 3600}, "succeeded")])
def test_a_wait_can_look_back(run: Run, seconds: dict[str, int], status: str) -> None:
    run([node("tell", "emit_event", name="custom.paid", data={"order": "o7"})])
    config = {"event": {"name": "custom.paid"}, "filter": 'event.data.order == "o7"', **seconds}
    assert run([node("paid", "wait", **config)])["execution"]["status"] == status


def test_a_filter_that_names_too_much_is_an_error_of_the_node(run: Run) -> None:
    told = run([node("paid", "wait", event={"name": "custom.*"}, filter="event.data == input")], given={"text": "x" * 3000})
    assert told["execution"]["error"]["code"] == "filter_too_large"


@pytest.mark.parametrize(
    ("config", "path", "told"),
    [
        ({"event": {"name": "custom.*"}, "filter": "event.name == 'x'"}, "filter", "There is no event.name"),
        ({"event": {"name": "custom.*"}, "filter": "event.data.x =="}, "filter", "This is not an expression"),
        ({"event": {"name": "custom.*"}, "filter": "nodes.later.output == event.data"}, "filter", "There is no node later"),
        ({"event": {"name": "custom"}}, "event.name", "the name of an event, or a pattern"),
        ({"event": {"name": "teems.*"}}, "event.name", "No event has a name like teems.*"),
        ({"signal": {"name": "x"}, "filter": "true"}, "filter", "Only what waits for an event can have this"),
        ({"seconds": 1, "look_back_seconds": 1}, "look_back_seconds", "Only what waits for an event can have this"),
        ({"seconds": 1, "timeout_seconds": 1}, "timeout_seconds", "Only what waits for an event or a signal can have this"),
        ({"event": {"name": "custom.*"}, "look_back_seconds": 90_000}, "look_back_seconds", "86400"),
    ],
)
def test_what_is_wrong_with_a_wait_is_told(owner: Person, config: dict[str, Any], path: str, told: str) -> None:
    definition = {"language": 1, "nodes": [node("paid", "wait", **config)], "edges": []}
    faults = owner.client.post("/workflows/validate", {"definition": definition}).data["faults"]
    assert [fault["path"] for fault in faults if told in fault["message"]] == [f"nodes.paid.config.{path}"], faults


@pytest.fixture
def receiver() -> Iterator[Peer]:
    """Where webhooks lead."""
    with serving() as peer:
        peer.behaviour = lambda handler: handler.answer(204, b"")
        yield peer


@pytest.mark.parametrize("pattern", ["custom.*", "custom.order_paid"])
def test_webhooks_can_be_sent_it(run: Run, owner: Person, work: Work, receiver: Peer, pattern: str) -> None:
    body = {"url": receiver.url, "events": [pattern], "filter": "event.data.amount > 10"}
    made = owner.client.post("/webhooks", body)
    assert made.status == 201, made.body
    told = [node("large", "emit_event", name="custom.order_paid", data={"amount": 40}),
            node("small", "emit_event", name="custom.order_paid", data={"amount": 4})]  # fmt: skip
    run(told, "large>small")
    work()
    assert [(each["type"], each["data"]["data"]) for each in receiver.bodies] == [("custom.order_paid", {"amount": 40})]


def test_a_webhook_for_what_no_workflow_could_tell_is_refused(owner: Person, receiver: Peer) -> None:
    made = owner.client.post("/webhooks", {"url": receiver.url, "events": ["customs.paid"]})
    assert (made.status, made.codes) == (422, {"events[0]": ["invalid_choice"]})


def test_the_family_is_listed_with_the_events_of_workflows(owner: Person) -> None:
    [family] = owner.client.get("/events?name=custom.*").data["items"]
    assert (family["plugin"], family["subject_type"], family["data_schema"]["type"]) == ("workflows", "", ["object", "null"])


def test_where_workflows_are_off_it_is_not_listed(owner: Person) -> None:
    owner.client.put(f"/plugins/workflows/organizations/{owner.organization_id}", {"status": "disabled"})
    assert owner.client.get("/events?name=custom.*").data["items"] == []


def test_what_a_node_of_somebody_else_writes_is_there_with_its_end_or_not_at_all(app: App, run: Run, owner: Person) -> None:
    def fail() -> None:
        raise KeyError("a plugin with a fault")

    before = app.offers("node_types")
    broken = NodeType("broken", "For a test.", {"type": "object"}, compute=lambda config, data: Result(also=fail))
    app.offers.keep("node_types", {**before, "broken": broken})
    told = run([node("tell", "emit_event", name="custom.paid"), node("bad", "broken")], "tell>bad")
    app.offers.keep("node_types", before)
    assert (told["execution"]["status"], told["execution"]["error"]["code"]) == ("failed", "plugin_failed")
    assert told_of(owner, "custom.paid") == []
