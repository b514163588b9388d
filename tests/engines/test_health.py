"""The breaker: when an engine is left alone, who finds out that it is back, and what is told of it."""

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from aasim_core.clock import now, to_text
from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_core.events.records import EventRow
from aasim_core.testing.statements import recorded
from aasim_plugins.engines import service
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.chat import EngineError, Message
from aasim_plugins.engines.health import circuit
from aasim_plugins.engines.models import Engine

HELLO = [Message("user", "Hello?")]
CAN = {"streaming": True, "tools": "native", "json_schema": True, "judge": False}
_LONG_AGO = "2026-01-31T09:00:00.000Z"
_MOST = 5


@pytest.fixture
def organization_id(world: Any) -> Iterator[str]:
    made = world.organization().organization_id
    with organization_scope(made):
        yield made


def scripted(app: Any, name: str = "A", **fields: Any) -> Engine:
    values = {"provider": "scripted", "model": "script", "capabilities": CAN, "name": name, **fields}
    with app.database.transaction():
        return write(values)


def ask(app: Any, engine: Engine, fault: str | None = None, **more: Any) -> service.Answer | EngineError:
    try:
        return service.ask(app, engine.id, HELLO, layers=[{"fault": fault} if fault else {"echo": True}], **more)
    except EngineError as error:
        return error


def fail(app: Any, engine: Engine, times: int, fault: str = "unavailable") -> None:
    for _ in range(times):
        assert isinstance(ask(app, engine, fault), EngineError)


def status_of(engine: Engine) -> str:
    return str(find(Engine, engine.id).status)


def end_rest(engine: Engine) -> None:
    kept = find(Engine, engine.id).health
    Engine.update(health={**kept, "next_probe_at": _LONG_AGO}).where(Engine.id == engine.id).execute()


def told_of(name: str) -> list[Mapping[str, Any]]:
    return [row.data for row in EventRow.select().where(EventRow.name == name)]


@pytest.mark.usefixtures("organization_id")
def test_failures_in_a_row_degrade_an_engine(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST - 1)
    assert status_of(engine) == "active"

    fail(app, engine, 1, "rate_limited")

    assert status_of(engine) == "degraded"
    assert told_of("engines.degraded") == [{"code": "rate_limited"}]


def test_the_log_says_when_an_engine_degrades_and_when_it_recovers(app: Any, organization_id: str) -> None:
    engine = scripted(app)
    with structlog.testing.capture_logs() as lines:
        fail(app, engine, _MOST + 1)
        end_rest(engine)
        ask(app, engine)
    said = [line for line in lines if line["event"].startswith("an engine has")]
    assert [(line["log_level"], line["event"], line["code"]) for line in said] == [
        ("warning", "an engine has degraded", "unavailable"),
        ("info", "an engine has recovered", "unavailable"),
    ]
    assert {(line["engine"], line["organization_id"]) for line in said} == {(engine.id, organization_id)}


@pytest.mark.usefixtures("organization_id")
def test_an_answer_in_between_begins_the_row_anew(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST - 1)
    ask(app, engine)
    fail(app, engine, _MOST - 1)
    assert status_of(engine) == "active"


@pytest.mark.usefixtures("organization_id")
def test_a_refusal_is_an_answer(app: Any) -> None:
    engine = scripted(app)
    for fault in ("auth", "invalid_request", "refused", "context_overflow"):
        fail(app, engine, _MOST, fault)
    assert status_of(engine) == "active"


@pytest.mark.usefixtures("organization_id")
def test_a_call_that_had_no_time_says_nothing_about_the_engine(app: Any) -> None:
    engine = scripted(app)
    for _ in range(_MOST):
        assert isinstance(ask(app, engine, "timeout", timeout_seconds=1), EngineError)
    assert status_of(engine) == "active"
    fail(app, engine, _MOST, "timeout")
    assert status_of(engine) == "degraded"


@pytest.mark.usefixtures("organization_id")
def test_a_degraded_engine_is_not_asked_and_its_fallback_is_at_once(app: Any) -> None:
    second = scripted(app, "B")
    first = scripted(app, fallback_engine_ids=[second.id])
    turns = [circuit.failed(app, first, EngineError("unavailable", "gone"), 60) for _ in range(_MOST)]
    assert turns == [None] * (_MOST - 1) + ["engine_degraded"]
    notes: list[service.Note] = []

    answer = ask(app, first, on_note=notes.append)

    assert isinstance(answer, service.Answer)
    assert answer.engine_id == second.id
    assert [(note.event, note.engine_id) for note in notes] == [("engine_fell_back", first.id), ("engine_called", second.id)]


@pytest.mark.usefixtures("organization_id")
def test_without_a_fallback_the_caller_is_told_when_to_come_back(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST)
    error = ask(app, engine)
    assert isinstance(error, EngineError)
    assert (error.code, error.retryable) == ("unavailable", True)
    assert 25 < (error.retry_after or 0) <= 30


@pytest.mark.usefixtures("organization_id")
def test_a_peer_that_says_when_to_come_back_is_left_alone_as_long(app: Any) -> None:
    engine = scripted(app, default_parameters={"replies": [{"fault": "rate_limited", "retry_after": 600}]})
    for _ in range(_MOST):
        with pytest.raises(EngineError):
            service.ask(app, engine.id, HELLO)
    error = ask(app, engine)
    assert isinstance(error, EngineError)
    assert 590 < (error.retry_after or 0) <= 600


@pytest.mark.usefixtures("organization_id")
def test_a_probe_that_is_answered_ends_the_rest(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST)
    end_rest(engine)
    notes: list[service.Note] = []

    assert isinstance(ask(app, engine, on_note=notes.append), service.Answer)

    assert status_of(engine) == "active"
    assert told_of("engines.recovered") == [{"code": "unavailable"}]
    assert [note.event for note in notes] == ["engine_called", "engine_recovered"]
    assert isinstance(ask(app, engine), service.Answer)


@pytest.mark.usefixtures("organization_id")
def test_a_probe_that_fails_begins_another_rest(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST)
    end_rest(engine)
    fail(app, engine, 1)
    error = ask(app, engine)
    assert isinstance(error, EngineError)
    assert "is degraded" in error.message
    assert len(told_of("engines.degraded")) == 1


def test_one_of_many_finds_out_whether_the_engine_is_back(app: Any, organization_id: str) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST)
    end_rest(engine)
    barrier = threading.Barrier(6, timeout=60)

    def may_ask() -> bool:
        with app.database.connected(), organization_scope(organization_id):
            seen = find(Engine, engine.id)
            barrier.wait()
            return circuit.may_ask(app, seen)

    with ThreadPoolExecutor(6) as pool:
        admitted = [pool.submit(may_ask) for _ in range(6)]
    assert sorted(one.result() for one in admitted) == [False] * 5 + [True]


def test_failures_of_many_at_once_are_all_counted_and_told_once(app: Any, organization_id: str) -> None:
    engine = scripted(app)
    barrier = threading.Barrier(_MOST + 1, timeout=60)

    def call() -> None:
        with app.database.connected(), organization_scope(organization_id):
            barrier.wait()
            circuit.failed(app, engine, EngineError("unavailable", "gone"), 60)

    with ThreadPoolExecutor(_MOST + 1) as pool:
        for done in [pool.submit(call) for _ in range(_MOST + 1)]:
            done.result()

    assert find(Engine, engine.id).health["consecutive_failures"] == _MOST + 1
    assert len(told_of("engines.degraded")) == 1


@pytest.mark.usefixtures("organization_id")
def test_an_engine_that_works_is_written_about_now_and_then_only(app: Any) -> None:
    engine = scripted(app)
    ask(app, engine)
    with recorded(app.database) as statements:
        for _ in range(20):
            ask(app, engine)
    assert not [sql for sql, _ in statements if sql.startswith("UPDATE") and "engines_engine" in sql]


def test_the_health_is_shown(app: Any, world: Any) -> None:
    owner = world.organization()
    with organization_scope(owner.organization_id):
        engine = scripted(app)
        path = f"/engines/{engine.id}"
        assert owner.client.get(path).data["health"] is None
        ask(app, engine)
        fail(app, engine, 3)
        seen = owner.client.get(path).data
    assert (seen["status"], seen["health"]["state"], seen["health"]["consecutive_failures"]) == ("active", "failing", 3)
    assert (seen["health"]["calls"], seen["health"]["failures"], seen["health"]["success_rate"]) == (4, 3, 0.25)
    assert seen["health"]["last_error"]["code"] == "unavailable"


def test_what_is_older_than_an_hour_does_not_count() -> None:
    moment = int(now().timestamp())
    kept = {"slices": [[moment - 4_000, 50, 50], [moment - 60, 2, 1]]}
    seen = circuit.shown({"health": kept, "status": "active"})
    assert seen is not None
    assert (seen["calls"], seen["failures"], seen["success_rate"]) == (2, 1, 0.5)


def test_a_degraded_engine_is_listed_so_and_its_version_counts_that(app: Any, world: Any) -> None:
    owner = world.organization()
    with organization_scope(owner.organization_id):
        engine = scripted(app)
        fail(app, engine, _MOST)
    [item] = owner.client.get("/engines?status=degraded").data["items"]
    assert (item["id"], item["version"], item["health"]["state"]) == (engine.id, 2, "degraded")
    assert item["health"]["status_since_at"] <= to_text(now()) < item["health"]["next_probe_at"]


@pytest.mark.parametrize("change", [{"status": "active"}, {"model": "another"}])
def test_whoever_changes_how_an_engine_is_reached_gives_it_a_new_start(app: Any, world: Any, change: dict[str, Any]) -> None:
    owner = world.organization()
    with organization_scope(owner.organization_id):
        engine = scripted(app)
        fail(app, engine, _MOST)
    path = f"/engines/{engine.id}"
    assert owner.client.patch(path, {"name": "Renamed"}).data["status"] == "degraded"
    changed = owner.client.patch(path, change).data
    assert (changed["status"], changed["health"]) == ("active", None)


def test_a_test_that_is_answered_ends_the_rest(app: Any, world: Any) -> None:
    owner = world.organization()
    with organization_scope(owner.organization_id):
        engine = scripted(app)
        fail(app, engine, _MOST)
    assert owner.client.post(f"/engines/{engine.id}/test").data["ok"] is True
    seen = owner.client.get(f"/engines/{engine.id}").data
    assert (seen["status"], seen["health"]["state"], seen["health"]["last_test"]["ok"]) == ("active", "healthy", True)


@pytest.mark.usefixtures("organization_id")
def test_an_engine_that_somebody_disables_meanwhile_stays_disabled(app: Any) -> None:
    engine = scripted(app)
    fail(app, engine, _MOST - 1)
    Engine.update(status="disabled").where(Engine.id == engine.id).execute()
    assert circuit.failed(app, engine, EngineError("unavailable", "gone"), 60) is None
    assert status_of(engine) == "disabled"
