"""Types of nodes that other plugins bring, as the page for authors tells how to write one."""

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.tenancy import feature_switches as features
from aasim_core.testing.contract import PluginContract
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person
from aasim_plugins.workflows.hookspecs import NodeType, Result

from ..executions.tools.test_moving_tools import make_due
from .conftest import let_time_pass, node, outcomes, read

DROPINS = Path(__file__).parent / "dropins"
PAGE = Path(__file__).parents[2] / "docs" / "extend" / "nodes.md"


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The plugin of the page, and what it requires."""
    return only(["parcels"], DROPINS)


def test_the_page_for_authors_shows_the_plugin_that_runs_here() -> None:
    (shown,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)
    assert shown == (DROPINS / "parcels" / "__init__.py").read_text()


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
    for is_on, status in ((False, "queued"), (True, "succeeded")):
        with organization_scope(owner.organization_id), app.database.transaction():
            features.switch(owner.organization_id, "parcels", is_on)
        make_due(app)
        work()
        assert read(owner, execution["id"])["execution"]["status"] == status


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
