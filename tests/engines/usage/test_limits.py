"""The limits of engines, as several workers keep them together."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Any

import pytest
import time_machine

from aasim_core.clock import now
from aasim_core.context import organization_scope
from aasim_core.data.records import find
from aasim_core.testing.statements import recorded
from aasim_plugins.engines import service
from aasim_plugins.engines.built_in import write
from aasim_plugins.engines.chat import EngineError, Message, NoRoom, Parameters
from aasim_plugins.engines.models import Engine, EngineUse, no_limits
from aasim_plugins.engines.usage import limits

HELLO = [Message("user", "Hello?")]
CAN = {"streaming": True, "tools": "native", "json_schema": True, "judge": False}


@pytest.fixture
def organization_id(world: Any) -> Iterator[str]:
    made = world.organization().organization_id
    with organization_scope(made):
        yield made


def limited(app: Any, name: str = "A", *, parameters: dict[str, Any] | None = None, **some: int) -> Engine:
    values = {"provider": "scripted", "model": "script", "capabilities": CAN, "default_parameters": parameters or {}}
    with app.database.transaction():
        return write({**values, "name": name, "limits": {**no_limits(), **some}})


def change_use(**values: Any) -> None:
    EngineUse.update(values).where(EngineUse.engine_id.is_null(False)).execute()


@pytest.mark.usefixtures("organization_id")
def test_nothing_is_read_written_or_locked_for_an_engine_without_limits(app: Any) -> None:
    engine = limited(app)

    with recorded(app.database) as statements, limits.place_at(engine, HELLO, Parameters()) as place:
        place.watched(lambda: False)()

    assert statements == []


@pytest.mark.usefixtures("organization_id")
def test_calls_of_a_minute_are_counted(app: Any) -> None:
    engine = limited(app, rpm=2)
    for _ in range(2):
        service.ask(app, engine.id, HELLO)

    with pytest.raises(NoRoom, match="its limit rpm is 2") as caught:
        service.ask(app, engine.id, HELLO)

    assert caught.value.retryable
    assert 1 < (caught.value.retry_after or 0) <= 30
    change_use(slices=[[now().timestamp() - 66, 2, 0]])
    assert service.ask(app, engine.id, HELLO).engine_id == engine.id


@pytest.mark.usefixtures("organization_id")
def test_tokens_are_counted_as_estimated_and_then_as_they_were(app: Any) -> None:
    engine = limited(app, tpm=1_000, parameters={"max_output_tokens": 800, "replies": ["short"]})
    usage = service.ask(app, engine.id, HELLO).reply.usage
    [use] = EngineUse.select()
    assert sum(tokens for _, _, tokens in use.slices) == usage.input_tokens + usage.output_tokens

    change_use(slices=[[now().timestamp(), 1, 500]])
    with pytest.raises(NoRoom, match="its limit tpm is 1000"):
        service.ask(app, engine.id, HELLO)


@pytest.mark.usefixtures("organization_id")
def test_a_call_that_goes_on_into_another_slice_gives_back_what_it_did_not_take(app: Any) -> None:
    engine = limited(app, tpm=1_000)
    with time_machine.travel("2026-01-31T09:00:00Z", tick=False) as clock:
        with limits.place_at(engine, HELLO, Parameters(max_output_tokens=800)) as place:
            clock.shift(6)
            place.tokens = 30
        [use] = EngineUse.select()
    assert sum(tokens for _, _, tokens in use.slices) == 30


def test_no_more_calls_at_the_same_time_than_there_are_places(app: Any, organization_id: str) -> None:
    engine = limited(app, concurrency=2)
    barrier, lock = threading.Barrier(6, timeout=60), threading.Lock()
    inside, most, refused = 0, 0, 0

    def call() -> None:
        nonlocal inside, most, refused
        with app.database.connected(), organization_scope(organization_id):
            barrier.wait()
            try:
                with limits.place_at(engine, HELLO, Parameters()):
                    with lock:
                        inside, most = inside + 1, max(most, inside + 1)
                    tried.wait()
                    with lock:
                        inside -= 1
            except NoRoom:
                with lock:
                    refused += 1
                tried.wait()

    tried = threading.Barrier(6, timeout=60)  # nobody leaves before everybody has tried
    with ThreadPoolExecutor(6) as pool:
        for done in [pool.submit(call) for _ in range(6)]:
            done.result()

    assert (most, refused) == (2, 4)


@pytest.mark.usefixtures("organization_id")
def test_a_place_is_given_back_also_by_a_call_that_fails(app: Any) -> None:
    engine = limited(app, concurrency=1, parameters={"fault": "refused"})
    for _ in range(3):
        with pytest.raises(EngineError) as caught:
            service.ask(app, engine.id, HELLO)
        assert caught.value.code == "refused"


@pytest.mark.usefixtures("organization_id")
def test_the_place_of_a_worker_that_died_is_free_after_its_lease(app: Any) -> None:
    engine = limited(app, concurrency=1)
    service.ask(app, engine.id, HELLO)
    change_use(running={"dead": now().timestamp() + 1_000})
    with pytest.raises(NoRoom, match="its limit concurrency is 1"):
        service.ask(app, engine.id, HELLO)

    change_use(running={"dead": now().timestamp() - 1})
    assert service.ask(app, engine.id, HELLO).engine_id == engine.id


@pytest.mark.usefixtures("organization_id")
def test_a_call_that_goes_on_keeps_its_place(app: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_RENEW_SECONDS", 0)
    engine = limited(app, concurrency=1)
    with limits.place_at(engine, HELLO, Parameters()) as place:
        [use] = EngineUse.select()
        change_use(running=dict.fromkeys(use.running, now().timestamp() + 1))
        assert not place.watched(lambda: False)()
        [use] = EngineUse.select()

    [until] = use.running.values()
    assert until > now().timestamp() + 30


@pytest.mark.usefixtures("organization_id")
def test_those_who_wait_look_again_one_after_the_other(app: Any) -> None:
    engine = limited(app, rpm=30)
    service.ask(app, engine.id, HELLO)
    waits = []
    with time_machine.travel(now(), tick=False):
        change_use(slices=[[now().timestamp() - 58, 30, 0]])
        for _ in range(4):
            with pytest.raises(NoRoom) as caught:
                service.ask(app, engine.id, HELLO)
            waits.append(caught.value.retry_after or 0)

    assert [later - earlier for earlier, later in pairwise(waits)] == pytest.approx([2, 2, 2])


@pytest.mark.usefixtures("organization_id")
def test_a_fallback_is_no_way_round_the_limits(app: Any) -> None:
    second = limited(app, "B")
    first = limited(app, "A", rpm=1)
    Engine.update(fallback_engine_ids=[second.id]).where(Engine.id == first.id).execute()
    assert service.ask(app, first.id, HELLO).engine_id == first.id

    with pytest.raises(NoRoom):
        service.ask(app, first.id, HELLO)


@pytest.mark.usefixtures("organization_id")
def test_a_call_without_room_says_nothing_about_the_engine(app: Any) -> None:
    engine = limited(app, rpm=1)
    service.ask(app, engine.id, HELLO)
    for _ in range(9):
        with pytest.raises(NoRoom):
            service.ask(app, engine.id, HELLO)

    after = find(Engine, engine.id)
    assert (after.status, after.health["consecutive_failures"]) == ("active", 0)


def test_the_limits_of_an_engine_are_written_and_read(world: Any) -> None:
    client = world.organization().client
    made = client.post("/engines", {"name": "Ours", "provider": "scripted", "limits": {"rpm": 60}}).data
    assert made["limits"] == {"rpm": 60, "tpm": None, "concurrency": None}

    path = f"/engines/{made['id']}"
    assert client.patch(path, {"limits": {"concurrency": 2}}).data["limits"] == {"rpm": 60, "tpm": None, "concurrency": 2}
    assert client.patch(path, {"limits": {"rpm": 0}}).status == 422
    [built_in] = client.get("/engines?provider=local").data["items"]
    assert client.patch(f"/engines/{built_in['id']}", {"limits": {"concurrency": 1}}).data["limits"]["concurrency"] == 1
