"""Answers that are cut short: they are charged as far as they came, whatever ends them, and their text is kept."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.jobs.records import JobRow
from aasim_core.process.worker import Worker
from aasim_core.testing.peer import Handler, Peer, serving
from aasim_core.testing.statements import recorded
from aasim_core.testing.world import Person

from ..reaching import let_grace_pass
from ..stopping.test_halting import execute, read, set_halted

Work = Callable[[], int]
#: What "x" is estimated at (one token, and four for its role), and what is streamed: ten pieces of four bytes.
ASKED, PIECES = 5, 10


@dataclass
class Model(Peer):
    """A server of the OpenAI protocol that streams ten pieces, lets something happen, and then says nothing more."""

    meanwhile: Callable[[], object] = lambda: None
    usage: dict[str, int] = field(default_factory=dict)

    def answer_slowly(self, handler: Handler) -> None:
        handler.begin_stream()
        for _ in range(PIECES):
            handler.event(self.chunk(content="abc "))
        self.meanwhile()
        handler.hang_until_the_peer_leaves()

    def answer(self, handler: Handler) -> None:
        handler.begin_stream()
        handler.event(self.chunk(content="done"))
        handler.event(self.chunk("length"))
        handler.event(b"[DONE]")
        handler.chunk(b"")

    def chunk(self, finish: str | None = None, **delta: str) -> dict[str, Any]:
        counted = {"usage": {**self.usage, "total_tokens": 0}} if self.usage else {}
        return {"id": "c", "model": "m-2", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}], **counted}


@pytest.fixture
def model() -> Iterator[Model]:
    with serving(lambda url: Model(f"{url}/v1")) as model:
        model.behaviour = model.answer_slowly  # type: ignore[attr-defined]
        yield model  # type: ignore[misc]


@pytest.fixture
def agent(owner: Person, model: Model) -> Callable[..., dict[str, Any]]:
    """Makes an agent on the slow model, whose tokens cost a micro-unit each."""

    def make(**fields: Any) -> dict[str, Any]:
        price = {"input": 1_000_000, "output": 1_000_000, "currency": "EUR"}
        own = {"name": "Slow", "provider": "openai_compatible", "model": "m-1", "base_url": model.url, "prices": [price]}
        engine_id = owner.client.post("/engines", own).data["id"]
        return dict(owner.client.post("/agents", {"name": "Slow", "engine_id": engine_id, **fields}).data)

    return make


@pytest.fixture
def budget(owner: Person) -> str:
    """A budget of the organization; its path."""
    body = {"name": "All", "place": {"type": "organization"}, "max_cost": 1_000_000, "currency": "EUR"}
    return f"/budgets/{owner.client.post('/budgets', body).data['id']}"


def counts(owner: Person, budget: str) -> tuple[int, int]:
    current = owner.client.get(budget).data["current"]
    return current["used_cost"], current["reserved_cost"]


def ways(app: App, owner: Person, agent: dict[str, Any]) -> dict[str, Callable[[], object]]:
    """What can end an answer in the middle."""
    reason = {"reason": "It writes nonsense."}
    return {
        "cancel": lambda: [owner.client.post(f"/executions/{one['id']}/cancel") for one in running(owner)],
        "timeout": lambda: None,
        "halted agent": lambda: owner.client.post(f"/agents/{agent['id']}/halt", reason),
        "halted engine": lambda: owner.client.post(f"/engines/{agent['engine_id']}/halt", reason),
        "halted organization": lambda: set_halted(app, owner, now()),
    }


def running(owner: Person) -> list[dict[str, Any]]:
    return list(owner.client.get("/executions?status=running").data["items"])


@pytest.mark.long
@pytest.mark.parametrize(
    ("way", "status"),
    [
        ("cancel", "cancelled"),
        ("timeout", "timed_out"),
        ("halted agent", "queued"),
        ("halted engine", "queued"),
        ("halted organization", "queued"),
    ],
)
def test_whatever_ends_an_answer_it_is_charged_as_far_as_it_came(
    app: App, owner: Person, model: Model, agent: Any, budget: str, work: Work, way: str, status: str
) -> None:
    made = agent(limits={"timeout_seconds": 1} if way == "timeout" else {})
    model.meanwhile = ways(app, owner, made)[way]

    run = read(owner, execute_and_work(owner, made, work))

    assert (run["status"], run["engine_id"], run["model"]) == (status, made["engine_id"], "m-2")
    expected = {"input_tokens": ASKED, "output_tokens": PIECES, "cost": ASKED + PIECES, "currency": "EUR", "estimated": True}
    assert {name: run["usage"][name] for name in expected} == expected
    assert counts(owner, budget) == (ASKED + PIECES, 0)
    ended = status in ("cancelled", "timed_out")
    assert (run["output"], run["finish_reason"]) == (("abc " * PIECES, "interrupted") if ended else (None, None))


def execute_and_work(owner: Person, agent: dict[str, Any], work: Work) -> str:
    execution_id = execute(owner, agent)
    work()
    return execution_id


@pytest.mark.long
def test_the_log_says_what_was_charged_for_an_answer_without_end(
    owner: Person, model: Model, agent: Any, app: App, work: Work
) -> None:
    made = agent()
    model.meanwhile = ways(app, owner, made)["cancel"]
    execution_id = execute_and_work(owner, made, work)

    entries = owner.client.get(f"/executions/{execution_id}/logs").data["entries"]
    [line] = [entry for entry in entries if entry["event"] == "engine_interrupted"]
    assert (line["level"], line["step"], line["message"]) == ("warning", 1, ("abc " * PIECES).strip() + " ")
    assert line["data"] == {
        "engine_id": made["engine_id"], "input_tokens": ASKED, "output_tokens": PIECES, "estimated": True,
    }  # fmt: skip


@pytest.mark.long
def test_the_figure_of_a_provider_that_counts_as_it_streams_is_taken(
    app: App, owner: Person, model: Model, agent: Any, budget: str, work: Work
) -> None:
    made = agent()
    model.usage = {"prompt_tokens": 40, "completion_tokens": 30}
    model.meanwhile = ways(app, owner, made)["cancel"]

    usage = read(owner, execute_and_work(owner, made, work))["usage"]

    assert (usage["input_tokens"], usage["output_tokens"], usage["estimated"]) == (40, 30, False)
    assert counts(owner, budget) == (70, 0)


@pytest.mark.long
def test_a_run_that_was_ended_by_force_still_says_what_it_used(
    app: App, owner: Person, model: Model, agent: Any, work: Work
) -> None:
    made = agent()
    model.meanwhile = lambda: cancel_and_end(app, owner)
    run = read(owner, execute_and_work(owner, made, work))
    assert (run["status"], run["usage"]["cost"], run["output"]) == ("cancelled", ASKED + PIECES, "abc " * PIECES)


def cancel_and_end(app: App, owner: Person) -> None:
    """Cancel the run that is running, and let its time of grace pass."""
    [one] = running(owner)
    owner.client.post(f"/executions/{one['id']}/cancel")
    with app.database.connected(), organization_scope(owner.organization_id):
        let_grace_pass(one["id"])


def lose_the_job(app: App, owner: Person) -> None:
    """Let another worker have taken the job."""
    with app.database.connected(), organization_scope(owner.organization_id):
        JobRow.update(lease_token="another's").where(JobRow.state == "running").execute()


@pytest.mark.long
@pytest.mark.parametrize("way", ["cancel", "timeout", "halted agent", "ended by force"])
def test_whatever_ends_an_answer_its_call_has_a_row(
    app: App, owner: Person, model: Model, agent: Any, work: Work, way: str
) -> None:
    made = agent(limits={"timeout_seconds": 1} if way == "timeout" else {})
    model.meanwhile = {**ways(app, owner, made), "ended by force": lambda: cancel_and_end(app, owner)}[way]
    assert rows_of(owner, execute_and_work(owner, made, work)) == [("unfinished", ASKED, PIECES)]


def test_a_call_has_one_row_beside_the_run_that_another_worker_took_over(
    app: App, owner: Person, model: Model, agent: Any, work: Work
) -> None:
    model.meanwhile = lambda: lose_the_job(app, owner)
    model.behaviour = lambda handler: (model.meanwhile(), model.answer(handler))
    assert rows_of(owner, execute_and_work(owner, agent(), work)) == [("answered", ASKED, 1)]


def test_the_row_of_a_call_is_written_with_the_end_of_the_run(
    app: App, owner: Person, model: Model, agent: Any, work: Work
) -> None:
    model.behaviour = model.answer
    execution_id = execute(owner, agent())
    with recorded(app.database) as statements:
        work()
    assert rows_of(owner, execution_id) == [("answered", ASKED, 1)]
    written = "\n".join(sent.sql for sent in statements)
    assert written.index('INTO "engines_call"') > written.rindex('UPDATE "executions_execution"')


def rows_of(owner: Person, execution_id: str) -> list[tuple[str, int, int]]:
    """The calls of the run: how each ended, and what it took."""
    rows = owner.client.get(f"/engines/calls?execution_id={execution_id}").data["items"]
    assert {(row["step"], row["path"]) for row in rows} == {(1, "engine")}
    return [(row["outcome"], row["input_tokens"], row["output_tokens"]) for row in rows]


@pytest.mark.long
def test_what_the_end_of_a_worker_interrupts_is_charged_beside_the_answer_that_replaces_it(
    app: App, owner: Person, model: Model, agent: Any, budget: str, work: Work
) -> None:
    execution_id = execute(owner, agent())
    worker = Worker(app)
    worker.start()
    assert model.hanging.wait(60)
    assert worker.drain(hurry=lambda: True)
    assert read(owner, execution_id)["usage"]["cost"] == ASKED + PIECES
    assert counts(owner, budget) == (ASKED + PIECES, 0)

    app.draining.clear()
    model.behaviour = model.answer
    work()
    run = read(owner, execution_id)
    assert (run["status"], run["output"]) == ("succeeded", "done")
    assert run["usage"]["cost"] == counts(owner, budget)[0] == (ASKED + PIECES) + (ASKED + 1)


def test_an_answer_that_was_cut_off_is_a_success_that_says_so(owner: Person, model: Model, agent: Any, work: Work) -> None:
    model.behaviour = model.answer
    execution_id = execute_and_work(owner, agent(), work)
    run = read(owner, execution_id)
    assert (run["status"], run["output"], run["finish_reason"]) == ("succeeded", "done", "length")
    logged = owner.client.get(f"/executions/{execution_id}/logs").data["entries"]
    assert [(line["event"], line["level"]) for line in logged][-2:] == [("answer_cut_off", "warning"), ("succeeded", "info")]
