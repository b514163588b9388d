"""Types of nodes that other plugins bring, as the page for authors tells how to write one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import pytest
from structlog.testing import capture_logs

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data import records
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.workflows.hookspecs import NodeType, Result

from ..docs.pages import Page
from ..executions.passing_time import make_due
from .conftest import let_time_pass, node, outcomes, read

DROPINS = Path(__file__).parent / "dropins"
PAGE = Path(__file__).parents[2] / "docs" / "extend" / "nodes.md"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The plugins of the page, and what they require."""
    return only(["parcels", "depots"], DROPINS)


def test_the_page_for_authors_shows_the_plugins_that_run_here() -> None:
    shown = Page(PAGE).files()
    assert shown == {name: (DROPINS / name).read_text() for name in shown}
    assert {"parcels/__init__.py", "depots/__init__.py"} <= set(shown)


def test_its_nodes_run_beside_those_that_are_always_there(run: Any) -> None:
    told = run(
        [node("weigh", "parcels_weigh", grams="{{ input.grams }}", limit=2000), node("book", "parcels_book", country="AT"),
         node("refuse", "end", status="failed", error="Too heavy.")],
        "weigh>book:light", "weigh>refuse:heavy", given={"grams": [500, 700]},
    )  # fmt: skip
    assert outcomes(told) == {"weigh": "light", "book": "done", "refuse": "skipped"}
    assert (told["nodes"][0]["output"], told["nodes"][1]["output"]["country"]) == ({"grams": 1200}, "AT")


def test_what_it_books_is_booked_once_however_often_it_is_tried(app: App, run: Any, owner: Person, work: Any) -> None:
    booked, failures = [], iter([True])
    kind = app.offers("node_types")["parcels_book"]

    def book(use: Any) -> Any:
        booked.append(kind.call(use))
        if next(failures, False):
            raise LookupError("the answer was lost")
        return booked[-1]

    app.offers.keep("node_types", {**app.offers("node_types"), "parcels_book": type(kind)(**{**vars(kind), "call": book})})
    told = run([node("book", "parcels_book", country="AT", _retry={"max_attempts": 2, "on": ["plugin_failed"]})])
    let_time_pass(owner, told["execution"]["id"])
    work()
    ended = read(owner, told["execution"]["id"])["execution"]
    assert (ended["status"], len(booked), booked[0] == booked[1] == ended["output"]) == ("succeeded", 2, True)


def test_its_errors_have_codes_and_what_does_not_fit_is_one(run: Any) -> None:
    told = run([node("book", "parcels_book", country="{{ input }}")], given="AQ")
    assert told["execution"]["error"]["code"] == "no_courier"
    told = run([node("weigh", "parcels_weigh", grams="{{ input }}", limit=1)], given=["much"])
    assert told["execution"]["error"]["code"] == "invalid_config"


def test_what_is_wrong_with_its_config_is_told_when_the_workflow_is_written(owner: Person) -> None:
    nodes = [node("weigh", "parcels_weigh", grams=[-1], limit="{{ input }}"), node("book", "parcels_book", country=7)]
    answer = owner.client.post("/workflows/validate", {"definition": {"language": 1, "nodes": nodes}})
    assert {fault["path"]: fault["message"] for fault in answer.data["faults"] if not fault["is_hint"]} == {
        "nodes.weigh.config.grams[0]": "Write a number of at least 0.",
        "nodes.weigh.config.limit": "Nothing is filled in here; write the value itself.",
        "nodes.book.config.country": "Write text.",
    }


def test_a_run_waits_while_the_plugin_is_off(app: App, owner: Person, make: Any, work: Any) -> None:
    workflow = make([node("book", "parcels_book", country="AT")])
    execution = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": None}).data
    for is_on, status in ((False, "blocked"), (True, "succeeded")):
        with organization_scope(owner.organization_id), app.database.transaction():
            features.switch(owner.organization_id, "parcels", is_on)
        make_due(app)
        work()
        assert read(owner, execution["id"])["execution"]["status"] == status


LOOK = node("look", "depots_look", depot_id="{{ input }}")
WAYS = (LOOK, node("send"), node("wait")), "look>send:open", "look>wait:closed"


@pytest.mark.parametrize(("is_open", "taken"), [(True, ("open", "done", "skipped")), (False, ("closed", "skipped", "done"))])
def test_a_node_that_computes_reads_a_record_and_branches(
    app: App, run: Any, owner: Person, is_open: bool, taken: tuple[str, ...]
) -> None:
    nodes, *edges = WAYS
    told = run(list(nodes), *edges, given=depot(app, owner, is_open=is_open))
    assert outcomes(told) == dict(zip(("look", "send", "wait"), taken, strict=True))


def test_a_node_that_computes_reads_only_what_the_key_may_read_that_started_the_run(
    app: App, owner: Person, make: Any, work: Any
) -> None:
    workflow, depot_id = make([LOOK]), depot(app, owner)
    for scopes, code in (([], "no_depot"), (["depots:read"], None)):
        key = owner.client.post("/api-keys", {"name": f"Key {len(scopes)}", "scopes": ["workflows:execute", *scopes]}).data["key"]
        started = type(owner.client)(owner.client.wsgi, key).post(f"/workflows/{workflow['id']}/execute", {"input": depot_id})
        work()
        error = read(owner, started.data["id"])["execution"]["error"]
        assert (error and error["code"]) == code


def depot(app: App, owner: Person, **fields: Any) -> str:
    model = next(model for model in app.models if model._meta.table_name == "depots_depot")
    with organization_scope(owner.organization_id), app.database.transaction():
        return str(records.create(model, name="North", **fields).id)


def nothing(*_: Any) -> Any:
    return None


@pytest.mark.parametrize(
    ("functions", "told"),
    [
        ({"compute": lambda data: Result()}, r"^compute takes \(config, data\)$"),
        ({"call": lambda: None}, r"^call takes \(use\)$"),
        ({"wait": nothing, "came": lambda: None}, r"^came takes \(settled\)$"),
        (
            {"call": nothing, "outcomes": lambda config: ["yes", "no"]},
            "^a type with call has no outcomes but done and error; leave",
        ),
        ({"child": nothing, "outcomes": lambda config: ["yes", "no"]}, "^a type with child has no outcomes but done and error"),
    ],
)
def test_a_type_that_cannot_do_what_it_says_is_refused_when_it_is_declared(functions: dict[str, Any], told: str) -> None:
    with pytest.raises(ValueError, match=told):
        NodeType("parcels_probe", "For a test.", {"type": "object"}, **functions)


def test_a_call_that_returns_a_result_is_a_fault_of_its_plugin(app: App, run: Any) -> None:
    kinds = app.offers("node_types")
    wrong = replace(kinds["parcels_book"], call=lambda use: Result({"number": 1}, "booked"))
    app.offers.keep("node_types", {**kinds, "parcels_book": wrong})
    with capture_logs() as logs:
        told = run([node("book", "parcels_book", country="AT")])
    app.offers.keep("node_types", kinds)
    assert told["execution"]["error"]["code"] == "plugin_failed"
    [reason] = [line["reason"] for line in logs if line["event"] == "a plugin failed"]
    assert "call returns the output itself, and not a Result; to branch, let a node that computes follow it" in reason


@pytest.mark.long
class TestContract(PluginContract):
    """What every plugin promises."""

    plugin = "parcels"
    folder = DROPINS


@pytest.mark.long
class TestContractOfDepots(PluginContract):
    """The same for the plugin whose node reads a record."""

    plugin = "depots"
    folder = DROPINS
    unasked: ClassVar[Mapping[str, str]] = {"depots:read": "it is asked for by the node"}
