"""An organization with workflows, and a worker that does in the test's own thread what is due."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope, system_scope
from aasim_core.data.records import database_of
from aasim_core.jobs.leases import Leases
from aasim_core.jobs.worker_liveness import Presence
from aasim_core.testing.world import Person, World
from aasim_core.worker.maintenance import Maintenance
from aasim_core.worker.runner import work_off
from aasim_plugins.executions.hookspecs import Tool, ToolSource, ToolUse
from aasim_plugins.executions.models import WaitRow
from aasim_plugins.executions.shell import delivery


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Loopback is a network that nodes may reach, and where webhooks and apps may be."""
    return {f"{plugin}.allowed_networks": ["127.0.0.0/8"] for plugin in ("workflows", "webhooks", "connected_apps")}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now; returns how many there were."""
    return lambda: work_off(app)


class Shed:
    """A source of tools for tests: `does` is what happens in a call of each; `used` is every call that was made."""

    def __init__(self) -> None:
        self.used: list[ToolUse] = []
        self.does: dict[str, Callable[[ToolUse], Any]] = {}
        self.facts: dict[str, Any] = {"effect": "write"}

    def find(self, name: str) -> Tool:
        """Any tool is there; one whose name begins with ``quick`` is, and ``quick_look`` only reads."""
        facts = {**self.facts, "idempotent": True, "quick": True} if name.startswith("quick") else self.facts
        facts = {**facts, "effect": "read"} if name == "quick_look" else facts
        return Tool(name, f"Use the {name}.", {"type": "object"}, lambda rights, user_id: True, **facts)

    def call(self, use: ToolUse) -> Any:
        """Do it, and remember it."""
        self.used.append(use)
        return self.does.get(use.rest, lambda use: dict(use.arguments))(use)

    @property
    def calls(self) -> list[tuple[str, dict[str, Any]]]:
        """What was used, and for what."""
        return [(use.rest, dict(use.arguments)) for use in self.used]


@pytest.fixture
def shed(app: App) -> Iterator[Shed]:
    """Tools ``shed:<any name>``, which give their arguments."""
    shed, before = Shed(), app.offers("tools")
    app.offers.keep("tools", {**before, "shed": ToolSource("shed", shed.find, shed.call)})
    yield shed
    app.offers.keep("tools", before)


Run = Callable[..., dict[str, Any]]


@pytest.fixture
def make(owner: Person) -> Callable[..., dict[str, Any]]:
    """Makes an active workflow of nodes and edges; an edge is written ``a>b`` or ``a>b:outcome``, or as definitions have it."""
    made: list[str] = []

    def make(nodes: list[dict[str, Any]], *edges: str | dict[str, Any], **fields: Any) -> dict[str, Any]:
        made.append("")
        definition = {
            "language": 1,
            "nodes": nodes,
            "edges": [edge(each) if isinstance(each, str) else each for each in edges],
            **fields,
        }
        body = {"name": f"Workflow {len(made)}", "status": "active", "definition": definition}
        answer = owner.client.post("/workflows", body)
        assert answer.status == 201, answer.body
        return dict(answer.data)

    return make


def edge(text: str) -> dict[str, Any]:
    """An edge as definitions have it."""
    ends, _, outcome = text.partition(":")
    source, _, target = ends.partition(">")
    return {"from": source, "to": target} | ({"on": outcome} if outcome else {})


def node(id_: str, type_: str = "transform", /, **config: Any) -> dict[str, Any]:
    """A node; what is not of its config begins with an underscore."""
    own = {name[1:]: config.pop(name) for name in list(config) if name.startswith("_")}
    if type_ == "transform":
        config.setdefault("value", id_)
    return {"id": id_, "type": type_, "config": config, **own}


def tool(id_: str, name: str, /, **arguments: Any) -> dict[str, Any]:
    """A node that uses a tool of the shed."""
    own = {name_: arguments.pop(name_) for name_ in list(arguments) if name_.startswith("_")}
    return node(id_, "tool", ref=f"shed:{name}", approval="never", arguments=arguments, **own)


@pytest.fixture
def run(owner: Person, make: Any, work: Callable[[], int]) -> Run:
    """Runs a workflow of nodes and edges until everything left waits; returns the run, see `RunOut`."""

    def run(nodes: list[dict[str, Any]], *edges: str | dict[str, Any], given: Any = None, **fields: Any) -> dict[str, Any]:
        workflow = make(nodes, *edges, **fields)
        execution = owner.client.post(f"/workflows/{workflow['id']}/execute", {"input": given})
        assert execution.status == 202, execution.body
        work()
        return read(owner, execution.data["id"])

    return run


def read(owner: Person, execution_id: str) -> dict[str, Any]:
    """A run as its endpoint tells it."""
    return dict(owner.client.get(f"/workflows/executions/{execution_id}").data)


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    """The outcomes of the nodes of a run, by path."""
    return {each["path"]: each["outcome"] for each in run["nodes"]}


def let_time_pass(owner: Person, execution_id: str) -> None:
    """Let the times come that a run waits for, and those after which it waits no longer."""
    with organization_scope(owner.organization_id), database_of(WaitRow).transaction():
        past = now() - timedelta(seconds=1)
        WaitRow.update(deadline=past).where(WaitRow.execution_id == execution_id, WaitRow.deadline.is_null(False)).execute()
    with organization_scope(owner.organization_id):
        delivery.tick(execution_id)


def unpark(app: App) -> None:
    """Let the worker look whether jobs that were parked may go on."""
    with app.database.transaction(), system_scope("test"):
        Maintenance(app, Leases(app.database, "test"), Presence(app.settings.data_dir)).unpark()


Work = Callable[[], int]
WAIT = node("paid", "wait", signal={"name": "paid"})


class Bench:
    """A workflow that is changed while its runs wait."""

    def __init__(self, owner: Person, make: Any, work: Work) -> None:
        self.owner, self._make, self.work = owner, make, work
        self.workflow: dict[str, Any] = {}

    def begin(self, nodes: list[dict[str, Any]], *edges: str, runs: int = 1, given: Any = None, **fields: Any) -> list[str]:
        """Make the workflow, and so many runs of it, which go on until they wait; their ids."""
        self.workflow = self._make(nodes, *edges, **fields)
        path = f"/workflows/{self.workflow['id']}/execute"
        ids = [self.owner.client.post(path, {"input": given}).data["id"] for _ in range(runs)]
        self.work()
        return ids

    def change(self, nodes: list[dict[str, Any]], *edges: str, **fields: Any) -> None:
        """Make another version of it."""
        definition = {"language": 1, "nodes": nodes, "edges": [edge(each) for each in edges], **fields}
        answer = self.owner.client.patch(f"/workflows/{self.workflow['id']}", {"definition": definition})
        assert answer.status == 200, answer.body

    def ask(self, to: int = 2, *, dry_run: bool = False, **wanted: Any) -> Any:
        """Have the runs move, or only told what would become of them."""
        body = {"filter": {"workflow_id": self.workflow["id"], **wanted}, "to": to, "dry_run": dry_run}
        return self.owner.client.post("/workflows/executions/migrate", body)

    def move(self, to: int = 2, **wanted: Any) -> dict[str, Any]:
        """Move the runs; what became of them, as the batch tells it, which is what was told before."""
        plan = self.ask(to, dry_run=True, **wanted).data
        asked = self.ask(to, **wanted)
        assert asked.status == 202, asked.body
        self.work()
        batch = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{asked.data['batch_id']}").data
        assert (batch["status"], batch["done"], batch["verdicts"]) == ("done", plan["count"], plan["verdicts"])
        runs = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{batch['id']}/executions").data["items"]
        told = ("execution_id", "verdict", "reason", "path", "explanation")
        by_id = {run["execution_id"]: {name: run[name] for name in told} for run in runs}
        assert {each["execution_id"]: each for each in plan["executions"]} == {
            each["execution_id"]: by_id[each["execution_id"]] for each in plan["executions"]
        }
        return batch

    def verdict(self, to: int = 2, **wanted: Any) -> tuple[str, str | None, str | None]:
        """What becomes of the one run that there is: the verdict, why, and the node in the way."""
        batch = self.move(to, **wanted)
        [run] = self.owner.client.get(f"/workflows/{self.workflow['id']}/batches/{batch['id']}/executions").data["items"]
        return run["verdict"], run["reason"], run["path"]

    def signal(self, run: str, name: str = "paid") -> dict[str, Any]:
        """Send the run a signal, and let it go on; the run."""
        assert self.owner.client.post(f"/executions/{run}/signals", {"name": name, "data": {}}).status in (200, 202)
        self.work()
        return read(self.owner, run)


@pytest.fixture
def bench(owner: Person, make: Any, work: Work) -> Bench:
    """A workflow that is changed while its runs wait."""
    return Bench(owner, make, work)


Task = dict[str, Any]
Import = Callable[..., Any]


@pytest.fixture
def imported(owner: Person) -> Import:
    """Imports tasks; returns the answer."""

    def imported(*tasks: Task, mapping: Any = None, **document: Any) -> Any:
        about = {"dsl": "1.0.3", "namespace": "shop", "name": "refund", "version": "1.0.0"}
        body = {"format": "serverless_workflow", "document": {"document": about, "do": list(tasks), **document}}
        return owner.client.post("/workflows/import", {**body, "mapping": mapping or {}})

    return imported
