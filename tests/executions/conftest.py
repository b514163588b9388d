"""An organization with a scripted agent, and a worker that does in the test's own thread what is due."""

from collections.abc import Callable
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import organization_scope
from aasim_core.data.records import database_of
from aasim_core.testing.world import Person, World
from aasim_core.worker.runner import work_off
from aasim_plugins.executions import service
from aasim_plugins.executions.hookspecs import Decision, Question, Reviewer, Tool, ToolSource, ToolUse
from aasim_plugins.executions.models import Execution


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def scripted(owner: Person) -> Callable[..., dict[str, Any]]:
    """Makes an agent on the scripted engine that answers with `replies`."""
    engines = owner.client.get("/engines?provider=scripted").data["items"]

    def make(*replies: Any, name: str = "Scripted", **fields: Any) -> dict[str, Any]:
        parameters = {"replies": list(replies), **fields.pop("parameters", {})}
        body = {"name": name, "engine_id": engines[0]["id"], "parameters": parameters, **fields}
        return dict(owner.client.post("/agents", body).data)

    return make


@pytest.fixture
def work(app: App) -> Callable[[], int]:
    """Does every job that is due now; returns how many there were."""
    return lambda: work_off(app)


class Shed:
    """A source of tools for tests: `tools` by name, `does` what happens in a call; `used` is every call that was made."""

    def __init__(self) -> None:
        self.tools: dict[str, Tool] = {}
        self.used: list[ToolUse] = []
        self.does: Callable[[ToolUse], Any] = lambda use: {"did": use.rest, **use.arguments}

    def add(self, name: str, **facts: Any) -> str:
        """Put a tool into the shed that takes a ``what``; returns its ref."""
        schema = {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]}
        told = {"description": f"Use the {name}.", "parameters": schema, "allowed": lambda rights, user_id: True, **facts}
        self.tools[name] = Tool(name, **told)
        return f"shed:{name}"

    def call(self, use: ToolUse) -> Any:
        """Do it, and remember it."""
        self.used.append(use)
        return self.does(use)


class Desk:
    """People who are asked: `open` questions by their ids, and how they `decided`."""

    def __init__(self) -> None:
        self.open: dict[str, Question] = {}
        self.decided: dict[str, Decision] = {}

    def put(self, question: Question) -> None:
        """Put a question on the desk."""
        self.open.setdefault(question.id, question)

    def decide(self, *, approved: bool, comment: str = "", user_id: str | None = "user_1", **edits: Any) -> None:
        """Decide the open question, and let its run go on, in one transaction; by nobody once its time is over."""
        [question] = self.open.values()
        self.open.clear()
        action = {**question.action, **edits}
        with organization_scope(question.execution.organization_id), database_of(Execution).transaction():
            self.decided[question.id] = Decision(approved, action, comment, user_id)
            service.resume(question.execution.id)


@pytest.fixture
def shed(app: App) -> Shed:
    """Tools of the kind ``shed``, beside agents."""
    shed = Shed()
    app.offers.keep("tools", {**app.offers("tools"), "shed": ToolSource("shed", shed.tools.get, shed.call)})
    return shed


@pytest.fixture
def desk(app: App, shed: Shed) -> Desk:
    """People who decide what is put to them."""
    desk = Desk()
    app.offers.keep("reviewers", {"desk": Reviewer("desk", lambda question: False, desk.put, desk.decided.get)})
    return desk
